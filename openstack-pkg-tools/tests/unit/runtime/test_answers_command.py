# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import all_manifests, manifests_of

from debstack.base.errors import AnswerError
from debstack.runtime import answers
from debstack.runtime.answers_command import export_lines, question, rows, store
from debstack.runtime.manifests import known_questions
from debstack.runtime.secrets_command import check_rotatable, check_secret

KNOWN = known_questions(all_manifests())


def test_rows_tell_where_an_answer_is_from() -> None:
    found = {row["name"]: row for row in rows(KNOWN, {"glance/store": "rbd"})}
    assert (found["glance/store"]["value"], found["glance/store"]["from"]) == (
        "rbd",
        "site.preseed",
    )
    assert (found["openstack/region"]["value"], found["openstack/region"]["from"]) == (
        "RegionOne",
        "default",
    )
    assert "openstack/admin-password" not in found


def test_passwords_and_answers_are_kept_apart() -> None:
    assert question(KNOWN, "openstack/region", secret=False).binary == "debstack"
    with pytest.raises(AnswerError, match="it is a password"):
        question(KNOWN, "glance/service-password", secret=False)
    with pytest.raises(AnswerError, match=r'did you mean "openstack/region"'):
        question(KNOWN, "openstack/regoin", secret=False)


def test_storing_changes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "site.preseed"
    for value in ("North", "South"):
        known = {"openstack/region": KNOWN["openstack/region"]}
        store(path, answers.SITE_HEADER, known, {"openstack/region": value}, mode=0o644)
    text = path.read_text()
    assert text == f"{answers.SITE_HEADER}debstack openstack/region string South\n"


def test_a_backslash_at_the_end_comes_last_in_an_export() -> None:
    given = {"glance/service-password": "a\\", "openstack/region": "North"}
    assert export_lines(KNOWN, given) == [
        "debstack openstack/region string North",
        "glance-common glance/service-password password a\\",
    ]
    with pytest.raises(AnswerError, match="only one"):
        export_lines(KNOWN, {**given, "glance/database-password": "b\\"})


@pytest.mark.parametrize("value", ["", "a\tb", "a\x1bb"])
def test_what_is_no_password(value: str) -> None:
    with pytest.raises(AnswerError):
        check_secret("x/y", value)


def rotatable(name: str, *sources: str, **site: str) -> None:
    installed = tuple(m for source in ("debstack", *sources) for m in manifests_of(source))
    answers = {f"openstack/{key.replace('_', '-')}": value for key, value in site.items()}
    check_rotatable(known_questions(installed)[name], installed, answers)


@pytest.mark.parametrize(
    ("name", "sources", "maker"),
    [
        ("openstack/ceph-key", ["cinder"], "Ceph"),
        ("openstack/join-secret", ["nova"], "debstack export on the controller"),
        ("openstack/database-admin-password", ["glance"], "the database server"),
        ("openstack/admin-password", ["glance"], "the machine with Keystone"),
        ("glance/messaging-password", ["glance"], "the machine with RabbitMQ"),
    ],
)
def test_what_others_make_is_not_rotated(name: str, sources: list[str], maker: str) -> None:
    with pytest.raises(AnswerError, match=f"cannot be made here: it is given out by {maker}") as e:
        rotatable(name, *sources, messaging_host="controller")
    assert e.value.hint
    assert f"debstack secrets set {name}" in e.value.hint


def test_a_compute_node_has_its_password_from_the_controller() -> None:
    installed = tuple(m for m in manifests_of("nova") if m.binary != "nova-database")
    item = known_questions(installed)["nova/service-password"]
    with pytest.raises(AnswerError, match="given out by the controller"):
        check_rotatable(item, installed, {})


def test_a_machine_with_volumes_has_its_passwords_from_others() -> None:
    installed = tuple(m for m in manifests_of("cinder") if m.binary != "cinder-api")
    known = known_questions(installed)
    joined = {"openstack/database-host": "10.0.0.4", "openstack/messaging-host": "10.0.0.4"}
    for name, maker in (
        ("cinder/service-password", "the controller"),
        ("cinder/messaging-password", "the machine with RabbitMQ"),
        ("cinder/database-password", "whoever has made the database"),
    ):
        with pytest.raises(AnswerError, match=f"given out by {maker}"):
            check_rotatable(known[name], installed, joined)
    # Here debstack itself is to change it.
    for given in ({}, {**joined, "openstack/database-admin-password": "x"}):
        check_rotatable(known["cinder/database-password"], installed, given)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("swift/hash-path-suffix", "swift"),
        ("swift/hash-path-prefix", "swift"),
        ("heat/auth-encryption-key", "heat"),
    ],
)
def test_what_is_stored_with_a_secret_keeps_it(name: str, source: str) -> None:
    with pytest.raises(AnswerError, match="it has to stay as it is"):
        rotatable(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("glance/service-password", "glance"),
        ("glance/messaging-password", "glance"),
        ("glance/database-password", "glance"),
        ("nova/service-password", "nova"),
        ("nova/migration-secret", "nova"),
        ("openstack/admin-password", "keystone"),
        ("openstack/metadata-secret", "nova"),
    ],
)
def test_what_this_machine_makes_is_rotated(name: str, source: str) -> None:
    rotatable(name, source)
