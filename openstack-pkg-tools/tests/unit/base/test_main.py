# SPDX-License-Identifier: Apache-2.0
"""The exit codes, and how an expected failure is told."""

from __future__ import annotations

import pytest

from debstack.base.errors import DebstackError, SpecError
from debstack.base.main import FAILURE, OK, run_main
from debstack.base.secret import Secret, generate_secret


def _fail(error: BaseException) -> int:
    raise error


def test_the_code_of_the_program_is_handed_on() -> None:
    assert run_main("prog", lambda: OK) == OK


def test_an_expected_failure_is_told_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("prog", lambda: _fail(DebstackError("bad\n    tail", hint="do"))) == FAILURE
    assert capsys.readouterr().err == "prog: error: bad\n    tail\nprog: hint: do\n"


def test_every_problem_of_a_declaration_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main("prog", lambda: _fail(SpecError(["a: x", "b: y"]))) == FAILURE
    assert capsys.readouterr().err == "prog: error: a: x\nprog: error: b: y\n"


def test_a_bug_is_a_traceback() -> None:
    with pytest.raises(KeyError):
        run_main("prog", lambda: _fail(KeyError("x")))


def test_an_interrupted_program() -> None:
    assert run_main("prog", lambda: _fail(KeyboardInterrupt())) == 130


def test_a_secret_does_not_show_itself() -> None:
    assert repr(Secret("x")) == "****"
    assert f"{Secret('x')}" == "x"
    assert len(generate_secret()) == 32
    assert generate_secret() != generate_secret()
