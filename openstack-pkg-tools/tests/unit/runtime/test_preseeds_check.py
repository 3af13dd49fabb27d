# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from unit.runtime.making import (
    all_manifests,
    install,
    manifests_of,
    series_questions,
    whole_series,
)

from debstack.runtime import cli
from debstack.runtime.preseed import Preseed
from debstack.runtime.preseeds import check_command
from debstack.runtime.preseeds.check import answered, check
from debstack.runtime.preseeds.finding import Severity
from debstack.runtime.preseeds.known import read_known, together
from debstack.spec.series_questions import to_json

GOOD = """\
# One of each type, an empty answer, another package's, and one of purging.
debstack openstack/region string Lyon
debstack openstack/database select mariadb
debstack openstack/admin-password password a b\\c"d
debstack openstack/public-host string
glance-api glance/purge-data boolean true
d-i debian-installer/locale string en_US.UTF-8
tasksel tasksel/first multiselect standard
d-i netcfg/get_hostname seen false
nova-compute nova/virt-type select kvm
"""


def found(text: str) -> list[str]:
    return [finding.text("f") for finding in check(Preseed.parse(text), whole_series())]


def test_a_good_file_has_nothing_wrong() -> None:
    assert found(GOOD) == []
    assert answered(Preseed.parse(GOOD), whole_series()) == 6


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "debstack openstack/region string no good!",
            "openstack/region: expected letters, digits, dots, hyphens and underscores,"
            ' such as RegionOne, found "no good!"',
        ),
        (
            "debstack openstack/database select mysql",
            "openstack/database: expected one of automatic, mariadb, postgresql, sqlite,"
            ' found "mysql"',
        ),
        (
            "debstack neutron/gateway boolean yes",
            'neutron/gateway: expected true or false, found "yes"',
        ),
        (
            "debstack openstack/regoin string Lyon",
            "openstack/regoin: no package of this series asks this"
            ' (did you mean "openstack/region"?)',
        ),
        (
            "debstack openstak/region string Lyon",
            "openstak/region: not a question of OpenStack's packages"
            ' (did you mean "openstack/region"?)',
        ),
        (
            "glance glance/ksat-region string Lyon",
            "glance/ksat-region: a question of Debian's own packages, which ours do not ask;"
            " debstack preseed convert makes a file for ours of it",
        ),
        (
            "debstack openstack/virt-type select kvm",
            "openstack/virt-type: no package of this series asks this"
            ' (did you mean "nova/virt-type"?)',
        ),
        (
            "d-i openstack/region string Lyon",
            "openstack/region: the owner d-i keeps it in the installer; write debstack",
        ),
        ("openstack/region", "openstack/region: expected OWNER QUESTION TYPE VALUE"),
        (
            "debstack openstack/region Lyon",
            "openstack/region: expected the type string between question and value",
        ),
        (
            "debstack openstack/region select Lyon",
            "openstack/region: the type is string, not select",
        ),
        (
            "debstack openstack/admin-password string letmein",
            "openstack/admin-password: the type is password, not string;"
            " debconf would keep the password where everybody reads it",
        ),
        (
            "debstack openstack/admin-password letmein",
            "openstack/admin-password: expected the type password between question and value",
        ),
        (
            "debstack openstack/admin-password password let\tmein",
            "openstack/admin-password: the password holds characters that cannot be printed",
        ),
        (
            "debstack glance/store password letmein",
            "glance/store: the type is select, not password",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_without_passwords(line: str, told: str) -> None:
    texts = found(f"# first\n{line}\n")
    assert f"f:2: {told}" in texts
    assert not any("letmein" in text for text in texts)


def test_all_problems_are_told_at_once_in_order() -> None:
    text = (
        "debstack openstack/region string a b\n"
        "debstack openstack/database-port string 99999\n"
        "debstack openstack/region string Lyon\n"
    )
    assert [text.split(": ")[0] for text in found(text)] == ["f:1", "f:2", "f:3"]
    assert "answered in line 1 too; this one counts" in found(text)[2]


def test_a_line_that_a_backslash_swallows_is_told() -> None:
    text = "debstack openstack/admin-password password a\\\ndebstack glance/store select rbd\n"
    assert found(text) == [
        "f:2: (this line): belongs to the value in the line before, which ends in a backslash"
    ]


def test_lines_may_end_as_on_windows_as_debconf_lets_them() -> None:
    assert found("# a\r\ndebstack openstack/region string Lyon\r\n") == []


def test_what_only_looks_wrong_is_a_warning() -> None:
    text = "debstack openstak/region string Lyon\ndebstack openstack/region select Lyon\n"
    severities = {f.severity for f in check(Preseed.parse(text), whole_series())}
    assert severities == {Severity.WARNING}


def test_a_long_value_is_cut() -> None:
    assert found(f"x openstack/region string {'a b' * 900}\n")[0].endswith('…"')


def test_without_the_list_of_the_series_what_is_installed_is_known() -> None:
    known = together(all_manifests(), None)
    lines = ("glance/store select rbd", "glance/purge-data boolean true", "glance/other string y")
    text = "".join(f"x {line}\n" for line in lines)
    told = [finding.text("f") for finding in check(Preseed.parse(text), known)]
    assert told == [
        "f:3: glance/other: no installed package asks this; openstack-preseeds knows of the others"
    ]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with debstack and the list of the series, and no component."""
    install(tmp_path, "debstack")
    path = tmp_path / "usr/share/debstack/questions.json"
    path.write_text(to_json(series_questions()), encoding="utf-8")
    monkeypatch.setattr(check_command, "_ROOT", tmp_path)
    return tmp_path


def test_what_is_installed_wins_over_the_list(root: Path) -> None:
    assert read_known(root).whole_series
    names = {f"openstack/{key}" for key in manifests_of("debstack")[0].package.question}
    assert names < read_known(root).questions.keys()
    (root / "usr/share/debstack/questions.json").unlink()
    assert read_known(root).questions.keys() == names


def test_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "good"
    path.write_text(GOOD)
    assert cli.main(["preseed", "check", str(path)]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", f"debstack: {path}: 6 answers, nothing wrong\n")
    path.write_text("debstack openstack/region string a b\nx openstack/x string y\n")
    assert cli.main(["preseed", "check", str(path)]) == 3
    errors = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:4] for line in errors[:2]] == [
        ["debstack", "error", f"{path}:1", "openstack/region"],
        ["debstack", "error", f"{path}:2", "openstack/x"],
    ]
    assert errors[2].startswith("debstack: hint: correct these lines")


def test_the_command_in_json_from_standard_input(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"debstack openstack/regoin string a\n"))
    monkeypatch.setattr("sys.stdin", stream)
    assert cli.main(["preseed", "check", "-", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "file": "standard input",
        "answers": 0,
        "whole_series": True,
        "findings": [
            {
                "line": 1,
                "question": "openstack/regoin",
                "message": "no package of this series asks this",
                "severity": "error",
                "suggestion": "openstack/region",
            }
        ],
    }


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read: No such file"), (b"a\nb\xff\n", ":2: not UTF-8 text")],
)
def test_a_file_that_cannot_be_read(
    root: Path, content: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = root / "file"
    if content is not None:
        path.write_bytes(content)
    assert cli.main(["preseed", "check", str(path)]) == 3
    assert told in capsys.readouterr().err
