# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from unit.runtime.making import context

from debstack.base.errors import CommandError, IdentityError
from debstack.base.run import Result
from debstack.runtime.database.driver import driver_for
from debstack.runtime.steps import bootstrap
from debstack.runtime.steps.bootstrap import build

_TABLES = (
    "CREATE TABLE local_user (name TEXT, user_id TEXT, domain_id TEXT)",
    "CREATE TABLE role (id TEXT, name TEXT)",
    "CREATE TABLE project (id TEXT, name TEXT)",
    "CREATE TABLE assignment (actor_id TEXT, role_id TEXT, target_id TEXT)",
    "CREATE TABLE system_assignment (actor_id TEXT, role_id TEXT)",
    "INSERT INTO local_user VALUES ('admin', 'u', 'default')",
    "INSERT INTO role VALUES ('r', 'admin')",
    "INSERT INTO project VALUES ('p', 'admin')",
    "INSERT INTO assignment VALUES ('u', 'r', 'p')",
)


def made(root: Path) -> tuple[Any, Any]:
    """Return the step and a session with Keystone's database."""
    where = context(root, {"openstack/database": "sqlite"})
    account = where.site.accounts["keystone", "keystone"]
    file = root / account.path.lstrip("/")
    file.parent.mkdir(parents=True)
    file.touch()
    (step,) = build(where)
    return step, driver_for(where.site.database, root).open(account)


def test_an_administrator_who_is_complete_is_left_alone(tmp_path: Path) -> None:
    step, opened = made(tmp_path)
    with opened as session:
        for statement in _TABLES:
            session.rows(statement)
        assert [c.summary for c in step.changes()] == [
            "create the cloud's administrator admin"
        ]  # killed before the last grant
        session.rows("INSERT INTO system_assignment VALUES ('u', 'r')")
        assert step.changes() == []


def test_the_password_travels_in_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[Sequence[str], dict[str, str]]] = []

    def run(argv: Sequence[str], *, env: dict[str, str], **_: object) -> Result:
        ran.append((argv, env))
        return Result(code=0, stdout="", stderr="")

    monkeypatch.setattr(bootstrap, "run", run)
    step, opened = made(tmp_path)
    with opened as session:
        for statement in _TABLES[:5]:
            session.rows(statement)
    step.changes()[0].perform()
    ((argv, env),) = ran
    assert list(argv) == ["keystone-manage", "bootstrap"]
    assert env["OS_BOOTSTRAP_PASSWORD"] == "admin-pw"
    assert env["OS_BOOTSTRAP_REGION_ID"] == "RegionOne"
    assert env["OS_OSLO_MESSAGING_NOTIFICATIONS__DRIVER"] == "noop"
    assert not any("URL" in name for name in env)


def test_a_failure_is_told_as_identitys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> Result:
        raise CommandError(["keystone-manage"], 1, [], reason="exit code 1", hint=None)

    monkeypatch.setattr(bootstrap, "run", run)
    where = context(tmp_path)
    assert where.site.identity is not None
    provider = bootstrap.bootstrapper(where)
    assert provider is not None
    with pytest.raises(IdentityError, match="administrator admin: exit code 1"):
        bootstrap.run_bootstrap(provider, where.site.identity, [])


def test_needs_are_the_schema_the_keys_and_the_configuration(tmp_path: Path) -> None:
    (step,) = build(context(tmp_path))
    assert {"schema:keystone/keystone", "keys:fernet", "config:keystone"} <= step.needs
