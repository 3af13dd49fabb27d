# SPDX-License-Identifier: Apache-2.0
"""Rules and values one by one; whole files are in tests/golden/preseeds."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from unit.runtime.making import install, series_questions, whole_series

from debstack.runtime import cli
from debstack.runtime.preseed import Entry, Preseed
from debstack.runtime.preseeds import convert_command
from debstack.runtime.preseeds.conversion.convert import convert
from debstack.runtime.preseeds.conversion.families import (
    DATABASE,
    ENDPOINT,
    FAMILIES,
    IDENTITY,
    MESSAGING,
    SOURCE_OF,
    SOURCES,
    is_of_debian,
    rule_for,
)
from debstack.runtime.preseeds.conversion.outcome import Candidate, Kind, Note
from debstack.runtime.preseeds.conversion.own import OWN
from debstack.runtime.preseeds.conversion.reading import Line, follow, named_here
from debstack.runtime.preseeds.conversion.values import identity_at, identity_url
from debstack.runtime.urls import is_loopback
from debstack.spec.checks import accepts
from debstack.spec.series_questions import to_json
from debstack.spec.vocabulary import QuestionType

TREE = Path(__file__).parents[4]
#: Sources that Debian has packages of, and this tree too.
PACKAGED = sorted(name for name in SOURCES if (TREE / "packages" / name / "debian").is_dir())
#: Each question of one service, and each that all ask under every prefix there is.
QUESTIONS = {
    **{name: (name,) for name in OWN},
    **{key: tuple(f"{prefix}/{key}" for prefix in SOURCE_OF) for key in FAMILIES},
}
VALUES = ("", "true", "false", "a b", "http://h.example.org:5000", "{x}", "%s", "[::", "ü" * 300)

#: What the questions of openstack-pkg-tools say where nobody changes it.
DEFAULTS = {
    **{"configure_db": "false", "configure_rabbit": "false", "configure_ksat": "false"},
    **{"rabbit-host": "localhost", "rabbit-userid": "guest", "rabbit-password": ""},
    **{"ksat-public-url": "http://localhost:5000", "ksat-region": "regionOne"},
    **{"ksat-create-service-user": "true", "ksat-admin-username": "admin"},
    **{"ksat-admin-project-name": "admin", "ksat-admin-password": ""},
    **{"ksat-service-username": "", "ksat-service-project-name": "service"},
    **{"ksat-service-password": "", "configure_api-endpoint": "false"},
    **{"api-keystone-address": "", "api-keystone-proto": "http"},
    **{"api-keystone-admin-username": "admin", "api-keystone-admin-project-name": "admin"},
    **{"api-keystone-admin-password": "", "api-endpoint-address": ""},
    **{"api-endpoint-proto": "http", "api-endpoint-region-name": "regionOne"},
}


#: As they stand in the packages themselves.
REAL = [
    line
    for line in Path(__file__).with_name("debian-questions.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]


def followed(name: str, value: str) -> Candidate | Note:
    rule = rule_for(name)
    assert rule is not None
    entry = Entry(owner="x", name=name, type="string", value=value)
    return follow(rule, Line(number=1, entry=entry, near={}))


def test_every_question_that_debians_packages_share_has_a_rule() -> None:
    assert DEFAULTS.keys() == {"configure_db", *MESSAGING, *IDENTITY, *ENDPOINT}
    assert sum(len(f) for f in (DATABASE, MESSAGING, IDENTITY, ENDPOINT)) == len(FAMILIES)


def test_every_question_of_debians_packages_has_a_rule() -> None:
    assert len(REAL) > 200
    assert [name for name in REAL if not is_of_debian(name)] == []
    assert OWN.keys() <= set(REAL), "none is made up"


def test_no_rule_is_for_a_question_that_nobody_asks() -> None:
    keys = {name.partition("/")[2] for name in REAL}
    # These two are debconf's own, and stand in files that were read out of a machine.
    assert FAMILIES.keys() - keys <= {"internal/reconfiguring", "internal/skip-preseed"}


@pytest.mark.parametrize("source", PACKAGED)
def test_a_target_is_a_question_of_ours(source: str) -> None:
    # Services that send no messages, or have no user or database, have no password of that kind.
    silent = {
        "ceilometer/database-password",
        "gnocchi/messaging-password",
        "horizon/database-password",
        "horizon/messaging-password",
        "horizon/service-password",
        "keystone/service-password",
        "placement/messaging-password",
    }
    rules = [*FAMILIES.values(), *(rule for name, rule in OWN.items() if f"{source}/" in name)]
    targets = {rule.target.format(source=source) for rule in rules if rule.target}
    known = whole_series().questions
    shared = {named_here(t, known) for t in targets if t.split("/")[0] in ("openstack", *PACKAGED)}
    assert shared - known.keys() <= silent


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        ({"heat/service-password"}, "heat/service-password"),
        ({"heat/service-heat-password", "heat/service-x-password"}, "heat/service-heat-password"),
        ({"heat/service-x-password"}, "heat/service-password"),
    ],
)
def test_of_several_users_the_one_called_like_the_service_is_meant(
    questions: set[str], expected: str
) -> None:
    assert named_here("heat/service-password", questions) == expected


def test_whatever_a_rule_needs_exists() -> None:
    needed = {rule.needs for rule in [*FAMILIES.values(), *OWN.values()] if rule.needs}
    assert needed <= whole_series().questions.keys()
    for rule in [*FAMILIES.values(), *OWN.values()]:
        assert rule.why or rule.target or rule.implied == ("*",), rule
        assert rule.because or not rule.implied, rule


@pytest.mark.parametrize("asked", QUESTIONS)
def test_every_answer_becomes_an_answer_or_is_explained(asked: str) -> None:
    for name, value in itertools.product(QUESTIONS[asked], VALUES):
        came = followed(name, value)
        if isinstance(came, Note):
            assert came.message
            assert "{source}" not in came.message
        else:
            assert "{" not in came.target
            assert came.value


@pytest.mark.parametrize("asked", QUESTIONS)
def test_nothing_illegal_comes_out_whatever_goes_in(asked: str) -> None:
    known = whole_series()
    for name, value in itertools.product(QUESTIONS[asked], VALUES):
        answers = convert(Preseed.parse(f"x {name} string {value}\n"), known).answers
        for target, candidate in answers.items():
            item = known.questions[target]
            assert item.secret or accepts(item.question, candidate.value), (name, value)


@pytest.mark.parametrize("source", PACKAGED)
def test_what_nobody_changed_changes_nothing_of_weight(source: str) -> None:
    lines = [f"x {source}/{key} string {value}" for key, value in DEFAULTS.items()]
    came = convert(Preseed.parse("\n".join(lines)), whole_series())
    assert {name: candidate.value for name, candidate in came.answers.items()} == {
        "openstack/admin-project": "admin",
        "openstack/admin-user": "admin",
        "openstack/region": "regionOne",
    }
    assert not [note for note in came.notes if note.kind is Kind.CONTRADICTION]


@pytest.mark.parametrize(
    ("name", "value", "target", "expected"),
    [
        (
            "glance/ksat-public-url",
            "http://[fd00::1]:35357/v2.0/",
            "identity-url",
            "[fd00::1]:5000",
        ),
        ("glance/ksat-public-url", "https://k.example.org/identity", "identity-url", "identity/v3"),
        ("glance/api-keystone-address", "fd00::1", "identity-url", "http://[fd00::1]:5000/v3"),
        ("glance/api-endpoint-address", "[fd00::1]", "public-host", "fd00::1"),
        ("nova/database-type", "pgsql", "database", "postgresql"),
        ("nova/my-ip", "192.0.2.7", "management-address", "192.0.2.7"),
    ],
)
def test_values_that_are_rewritten(name: str, value: str, target: str, expected: str) -> None:
    came = followed(name, value)
    assert isinstance(came, Candidate)
    assert came.target == f"openstack/{target}"
    assert expected in came.value


def test_the_protocol_beside_an_address_is_part_of_the_url() -> None:
    assert identity_at("k.example.org", {"api-keystone-proto": "https"}).startswith("https://k.")
    assert identity_url("http://a:5000/v3", {}) == "http://a:5000/v3"
    assert identity_url("http://a:353570", {}) == "http://a:353570/v3"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.3.2.1", True), ("[::1]", True), ("h", False), ("", False)],
)
def test_what_is_the_machine_itself(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_services_reach_keystone_at_another_host_than_users_do() -> None:
    text = (
        "keystone keystone/endpoint-ip string cloud.example.org\n"
        "x glance/ksat-public-url string http://10.0.0.4:5000\n"
    )
    came = convert(Preseed.parse(text), whole_series())
    assert {name: candidate.value for name, candidate in came.answers.items()} == {
        "openstack/public-host": "cloud.example.org",
        "openstack/internal-host": "10.0.0.4",
    }


def test_keystones_own_answers_are_asked_first() -> None:
    text = (
        "x glance/ksat-admin-password password other\n"
        "x glance/ksat-region string South\n"
        "x keystone/region-name string North\n"
        "x keystone/admin-password password own\n"
    )
    came = convert(Preseed.parse(text), whole_series())
    assert came.answers["openstack/region"].value == "North"
    assert came.answers["openstack/admin-password"].value == "own"
    assert [(note.line, note.kind) for note in came.notes] == [
        (1, Kind.CONTRADICTION),
        (2, Kind.CONTRADICTION),
    ]


def test_none_of_our_questions_is_taken_for_one_of_debians_and_lost() -> None:
    for name, item in whole_series().questions.items():
        if is_of_debian(name):
            kind = item.question.type
            value = "true" if kind is QuestionType.BOOLEAN else item.question.default or "x"
            text = f"x {name} {kind} {value}"
            assert convert(Preseed.parse(text), whole_series()).answers.keys() == {name}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    install(tmp_path, "debstack")
    path = tmp_path / "usr/share/debstack/questions.json"
    path.write_text(to_json(series_questions()), encoding="utf-8")
    monkeypatch.setattr(convert_command, "_ROOT", tmp_path)
    return tmp_path


def test_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = root / "old"
    path.write_text("x glance/ksat-region string North\nx glance/configure_ksat boolean true\n")
    assert cli.main(["preseed", "convert", str(path)]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[1:] == ["debstack openstack/region string North"]
    assert shown.err.startswith(f"debstack: {path}:2: glance/configure_ksat: not needed: ")
    path.write_text("d-i debian-installer/locale string en_US.UTF-8\n")
    assert cli.main(["preseed", "convert", str(path)]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "it answers no question of OpenStack's packages" in shown.err


def test_the_command_needs_the_list_of_the_series(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "usr/share/debstack/questions.json").unlink()
    assert cli.main(["preseed", "convert", "-"]) == 3
    assert "apt-get install openstack-preseeds" in capsys.readouterr().err
