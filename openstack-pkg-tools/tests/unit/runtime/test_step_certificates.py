# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from unit.runtime.making import all_manifests, applied, inputs, manifests_of

from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.step import Step
from debstack.runtime.steps import units
from debstack.runtime.steps.certificates import build
from debstack.runtime.tls import issuing, places


def machine(root: Path, tls: str = "local-ca") -> Context:
    installed = (*all_manifests(), *manifests_of("neutron"))
    site = resolve(inputs(installed, {"openstack/tls": tls}))
    return Context(site=site, manifests=installed, root=root)


def issue(root: Path) -> issuing.Pair:
    """Let the machine have a new certificate."""
    now = datetime.now(UTC)
    key = issuing.new_key()
    public = issuing.private_of(key).public_key()
    text = issuing.signed(issuing.new_authority("one", now), public, "box", ["10.0.0.4"], now)
    for path, content in ((places.KEY, key), (places.CERTIFICATE, text)):
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (root / path[1:]).write_text(content)
    return issuing.Pair(key=key, certificate=text)


@pytest.fixture
def step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Step:
    monkeypatch.setattr("debstack.runtime.files._ids", lambda _: (0, 0))
    (tmp_path / "etc/neutron").mkdir(parents=True)
    (found,) = build(machine(tmp_path))
    return found


def test_daemons_have_the_certificate_of_the_machine_and_every_new_one(
    step: Step, tmp_path: Path
) -> None:
    for _ in range(2):
        made = issue(tmp_path)
        assert applied(step) == [
            "write /etc/neutron/debstack.key",
            "write /etc/neutron/debstack.crt",
        ]
        assert step.changes() == []
        key = tmp_path / "etc/neutron/debstack.key"
        assert key.read_text() == made.key
        assert key.stat().st_mode & 0o777 == 0o640
        assert (tmp_path / "etc/neutron/debstack.crt").read_text() == made.certificate


def test_it_is_there_before_them_and_a_new_one_restarts_none(step: Step, tmp_path: Path) -> None:
    assert step.id == "tls:neutron"
    assert step.needs >= {"tls:certificate", "tls:trust"}
    agent = next(s for s in units.build(machine(tmp_path)) if s.id == "unit:neutron-ovn-agent")
    assert "tls:neutron" in agent.needs
    assert "tls" in agent.reads_past


def test_without_tls_there_is_none(tmp_path: Path) -> None:
    assert build(machine(tmp_path, "off")) == []
