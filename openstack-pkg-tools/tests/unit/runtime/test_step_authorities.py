# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from unit.runtime.making import context

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.runtime.graph import Applier, State, walk
from debstack.runtime.progress import Silent
from debstack.runtime.steps import authorities, clouds, config
from debstack.runtime.tls import issuing

CA = "/etc/ssl/own/ca.pem"


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The users that may not read what is asked for."""
    found: set[str] = set()
    monkeypatch.setattr(authorities, "readable_by", lambda user, _: user not in found)
    return found


def put(root: Path, text: str) -> None:
    path = root / CA.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def look(root: Path, question: str = "openstack/identity-ca", answer: str = CA) -> None:
    (step,) = authorities.build(context(root, {question: answer}))
    assert step.changes() == []


def test_one_that_services_cannot_read_is_told_with_their_users(
    tmp_path: Path, refusing: set[str]
) -> None:
    put(tmp_path, issuing.new_authority("own", datetime.now(UTC)).certificate)
    look(tmp_path)
    refusing |= {"glance", "keystone"}
    told = f"openstack/identity-ca: {CA}: cannot be read by glance, keystone, whose services use it"
    with pytest.raises(AnswerError, match=told):
        look(tmp_path)
    # What was not answered, or is the system's, is nobody's mistake.
    for answer in ("", "/etc/ssl/certs/ca-certificates.crt"):
        look(tmp_path, answer=answer)


def test_one_that_is_not_there_or_of_something_else_is_told(
    tmp_path: Path, refusing: set[str]
) -> None:
    assert not refusing
    with pytest.raises(AnswerError, match=f"openstack/database-ca: {CA}: No such file"):
        look(tmp_path, "openstack/database-ca")
    put(tmp_path, "-----BEGIN PRIVATE KEY-----\n")
    with pytest.raises(AnswerError, match=f"{CA}: expected certificates as PEM"):
        look(tmp_path, "openstack/messaging-ca")


def test_no_service_is_configured_for_it_before(tmp_path: Path) -> None:
    made = context(tmp_path)
    (looked,) = authorities.build(made)
    assert all(looked.id in step.needs for step in config.build(made))


def test_a_user_that_is_missing_is_no_refusal(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such user"):
        authorities.readable_by("no-such-user", tmp_path)


@pytest.mark.usefixtures("refusing")
def test_one_that_is_refused_is_not_written_into_clouds_yaml(tmp_path: Path) -> None:
    made = context(tmp_path, {"openstack/identity-ca": CA})
    steps = [*authorities.build(made), *clouds.build(made)]
    _, root = walk(steps, Applier(Silent(), wait_s=0, masked=str))
    assert root.state is State.BLOCKED
    assert not (tmp_path / "root").exists()
