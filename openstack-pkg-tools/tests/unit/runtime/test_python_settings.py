# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from debstack.base.secret import Secret
from debstack.runtime.python_settings import Literal, literal, rendered

_TEXTS = st.text()
_VALUES = st.one_of(_TEXTS, st.integers(), st.booleans(), st.lists(_TEXTS))


def run(text: str, **names: Any) -> dict[str, Any]:
    """Return the names that are set once the file was run where `names` were set already."""
    exec(compile(text, "50-debstack.py", "exec"), names)  # noqa: S102
    return names


@given(_VALUES)
def test_every_value_comes_out_as_it_went_in(value: Literal) -> None:
    text = rendered("", {"DEFAULT": {"A": value}})
    assert text.count("\n") == 2
    assert run(text)["A"] == value


@given(_TEXTS, _TEXTS)
def test_no_value_says_anything_else(value: str, key: str) -> None:
    text = rendered("made", {"DEFAULT": {"A": value}, "D.b": {key: value}})
    found = run(text, D={"b": {}})
    assert found["D"] == {"b": {key: value}}
    assert set(found) == {"A", "D", "__builtins__"}


def test_a_secret_is_written_and_not_its_mask() -> None:
    assert literal(Secret("it's \\ \"$%")) == repr("it's \\ \"$%")


def test_names_come_first_and_entries_stay_beside_others() -> None:
    text = rendered("who\n\nhow", {"D": {"k": True}, "DEFAULT": {"A": ["x"], "N": 3}})
    assert text == "# who\n#\n# how\n\nA = ['x']\nN = 3\n\nD['k'] = True\n"
    assert run(text, D={"other": 1})["D"] == {"other": 1, "k": True}
