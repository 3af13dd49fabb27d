# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

import pytest

from debstack.base.errors import DatabaseError
from debstack.base.run import run
from debstack.runtime import cli, plan
from debstack.runtime.apply import failures
from debstack.runtime.graph import State, StepResult


def test_help_imports_none_of_what_commands_need() -> None:
    code = (
        "import sys; from debstack.runtime import cli; cli.build_parser().format_help();"
        "print([m for m in ('json', 'pymysql', 'yaml', 'keystoneauth1', 'subprocess')"
        " if m in sys.modules])"
    )
    path = ":".join(sys.path)
    assert run([sys.executable, "-c", code], env={"PYTHONPATH": path}).stdout.strip() == "[]"


@pytest.mark.parametrize("argv", [[], ["fly"], ["secrets"], ["answers", "set", "x"]])
def test_wrong_usage(argv: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2


def test_a_dry_run_is_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "plan", lambda: 0)
    assert cli.main(["apply", "--dry-run"]) == 0


def test_errors_of_the_same_cause_are_told_once() -> None:
    def failed(name: str, message: str) -> StepResult:
        error = DatabaseError(message, hint="start it")
        return StepResult(id=name, state=State.FAILED, error=error)

    errors = failures([failed("a", "down"), failed("b", "down"), failed("c", "other")])
    assert [error.message for error in errors] == ["a, b: down", "c: other"]
    assert errors[0].hint == "start it"


def test_the_environment_says_how_long_to_wait_where_no_option_can_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEBSTACK_WAIT", "2.5")
    assert cli.build_parser().parse_args(["apply"]).wait == 2.5
    assert cli.build_parser().parse_args(["apply", "--wait", "7"]).wait == 7
    monkeypatch.setenv("DEBSTACK_WAIT", "soon")
    with pytest.raises(SystemExit):
        cli.build_parser().parse_args(["apply"])
    assert "invalid float value: 'soon'" in capsys.readouterr().err
