# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from debstack.base.errors import SpecError
from debstack.spec import series_questions
from debstack.spec.vocabulary import QuestionType

TREE = Path(__file__).parents[4]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The declarations of three source packages, as the source of openstack-meta has them."""
    for source in ("debian", "packages/glance/debian", "packages/nova/debian"):
        (tmp_path / source).mkdir(parents=True)
        shutil.copy(TREE / source / "openstack.toml", tmp_path / source)
    return tmp_path


def test_what_is_written_is_what_is_read(folder: Path) -> None:
    made = series_questions.collect(series_questions.read_components(folder))
    assert series_questions.from_json(series_questions.to_json(made), where="x") == made
    names = list(made.question)
    assert names[0].startswith("openstack/"), "what all share comes first"
    store = made.question["glance/store"]
    assert (store.binary, store.question.choices) == (
        "glance-common",
        ("automatic", "file", "swift", "rbd"),
    )
    assert made.question["glance/purge-data"].question.type is QuestionType.BOOLEAN
    assert made.question["openstack/purge-data"].binary == "debstack"


def test_of_several_packages_that_ask_the_first_one_speaks(folder: Path) -> None:
    made = series_questions.collect(series_questions.read_components(folder))
    password = made.question["nova/service-password"]
    assert password.binary == "nova-common"
    assert "as it is on the controller" in password.question.text


def test_the_program_prints_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["series-questions", str(folder)])
    assert series_questions.main() == 0
    assert "nova/virt-type" in json.loads(capsys.readouterr().out)["question"]


def test_where_nothing_is_declared_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["series-questions", str(tmp_path)])
    assert series_questions.main() == 3
    assert "there is no openstack.toml below it" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["series-questions"])
    assert series_questions.main() == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [("{", "x:1: "), ('{"schema": 2}', "x: schema: expected 1, found 2"), ("[]", "a table")],
)
def test_a_broken_file_is_told(text: str, told: str) -> None:
    with pytest.raises(SpecError) as caught:
        series_questions.from_json(text, where="x")
    assert told in caught.value.message
