# SPDX-License-Identifier: Apache-2.0
"""Preseed files for Debian's own packages, what becomes of them, and what is told of them.

After a change on purpose, run pytest with --update-golden and read the diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from debconf_check import accepts_selections
from unit.runtime.making import whole_series

from debstack.runtime.preseed import Preseed
from debstack.runtime.preseeds.check import check
from debstack.runtime.preseeds.conversion.convert import convert
from debstack.runtime.preseeds.convert_command import converted_lines, report

CASES = sorted((Path(__file__).parent / "preseeds").iterdir())
WHERE = "debian.preseed"


def made(case: Path) -> dict[str, str]:
    """Return name to text of what a conversion prints: to standard output, to standard error."""
    conversion = convert(Preseed.parse((case / WHERE).read_text("utf-8")), whole_series())
    lines = converted_lines(conversion, whole_series(), WHERE)
    return {
        "expected.preseed": "\n".join(lines) + "\n",
        "expected.report": "\n".join(report(conversion, WHERE)) + "\n",
    }


def expected(case: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in case.glob("expected.*")}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_is_converted_is_what_was_read(case: Path, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        for name, text in made(case).items():
            (case / name).write_text(text, encoding="utf-8")
    assert made(case) == expected(case)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_comes_out_is_right_for_us_and_for_debconf(case: Path, tmp_path: Path) -> None:
    text = made(case)["expected.preseed"]
    assert check(Preseed.parse(text), whole_series()) == []
    # Whether the installer's own questions were seen is the installer's affair.
    lines = [line for line in text.splitlines() if " seen " not in line]
    accepts_selections("\n".join(lines) + "\n", tmp_path)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_what_comes_out_converts_to_itself(case: Path) -> None:
    text = made(case)["expected.preseed"]
    again = convert(Preseed.parse(text), whole_series())
    assert "\n".join(converted_lines(again, whole_series(), WHERE)) + "\n" == text
    kinds = {note.question for note in again.notes}
    assert kinds <= {"pkgsel/include"}


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_no_password_is_told(case: Path) -> None:
    told = made(case)["expected.report"]
    words = "pass", "secret"
    lines = (case / WHERE).read_text("utf-8").splitlines()
    values = {
        line.split(" ", 3)[-1]
        for line in lines
        if any(word in line.split("/")[-1] for word in words)
    }
    assert values
    for value in values - {"guest"}:  # it stands in sentences, being nobody's secret
        assert value not in told
    assert "Forgotten-Type" not in told
