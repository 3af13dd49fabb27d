# SPDX-License-Identifier: Apache-2.0
"""Running commands: what they get, and how a failure is told."""

from __future__ import annotations

import pytest

from debstack.base.errors import CommandError
from debstack.base.run import TAIL_LINES, as_user_argv, ends, masked, run, telling


def test_output_and_input_are_text() -> None:
    assert run(["cat"], input="grüße").stdout == "grüße"


def test_standard_input_is_empty_by_default() -> None:
    assert run(["cat"]).stdout == ""


def test_the_environment_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAKED", "yes")
    told = run(["env"], env={"GIVEN": "yes"}).stdout
    assert "GIVEN=yes" in told
    assert "LEAKED" not in told


def test_a_failure_names_command_code_and_last_lines() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "seq 20; echo why >&2; exit 7"], hint="do this")
    assert caught.value.code == 7
    assert "exit code 7" in caught.value.message
    assert len(caught.value.tail) == 10
    assert caught.value.hint == "do this"


def test_secrets_are_masked_wherever_a_failure_shows_them() -> None:
    with pytest.raises(CommandError) as caught:
        run(["sh", "-c", "echo s3cr3t; exit 1", "s3cr3t"], secrets=["s3cr3t"])
    assert "s3cr3t" not in caught.value.message


def test_the_longest_secret_is_masked_first() -> None:
    assert masked("abcd ab", ["ab", "abcd", ""]) == "**** ****"


def test_a_program_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="not found") as caught:
        run(["/nonexistent/program"])
    assert caught.value.code == 127


def test_a_program_that_does_not_end() -> None:
    with pytest.raises(CommandError, match="no end after") as caught:
        run(["sleep", "5"], timeout_s=0.1)
    assert caught.value.code == 124


def test_another_user_is_reached_with_a_list() -> None:
    assert as_user_argv(["a", "b c"], "glance") == ["runuser", "-u", "glance", "--", "a", "b c"]
    assert as_user_argv(["a"], None) == ["a"]


def test_the_exception_is_told_though_its_statement_is_long() -> None:
    named = "sqlalchemy.exc.OperationalError: (1050, \"Table 'images' already exists\")"
    statement = [f"column {n}" for n in range(TAIL_LINES + 1)]
    assert telling(["begun", named, *statement]) == [named, *statement[1:]]
    assert telling([named, "end"]) == [named, "end"]
    assert telling(["a", "b"]) == ["a", "b"]


def test_a_program_that_ends_is_not_asked_about() -> None:
    def asked() -> bool:
        raise AssertionError("asked")

    assert ends(["sh", "-c", "exit 3"], in_vain=asked, look_s=60, limit_s=60) == 3


def test_what_is_in_vain_is_ended() -> None:
    asked = []

    def in_vain() -> bool:
        asked.append(1)
        return len(asked) == 3

    assert ends(["sleep", "600"], in_vain=in_vain, look_s=0.01, limit_s=600) is None
    assert len(asked) == 3


def test_what_takes_too_long_is_ended() -> None:
    assert ends(["sleep", "600"], in_vain=lambda: False, look_s=0.01, limit_s=0.05) is None


def test_waiting_for_a_program_that_is_not_there() -> None:
    with pytest.raises(CommandError, match="/nonexistent/program: not found"):
        ends(["/nonexistent/program"], in_vain=lambda: False, look_s=1, limit_s=1)
