# SPDX-License-Identifier: Apache-2.0
"""Questions: asked at a terminal, answered beforehand or in a file; where the answers end up."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from cloudtest.acting import (
    act,
    apt,
    complaint,
    debstack,
    dpkg_configure,
    inside,
    openstack,
    preseed,
)
from cloudtest.observing import identity, started
from cloudtest.stages import METAPACKAGE, NodeMaker
from cloudtest.terminal import Person, Viewer
from pipeline.tree import ROOT
from testbed.archive import REPOSITORY
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

DECLARED: dict[str, Any] = tomllib.loads((ROOT / "debian/openstack.toml").read_text("utf-8"))
QUESTIONS: dict[str, dict[str, Any]] = DECLARED["package"]["debstack"]["question"]
SUMMARIES = {name: question["summary"] for name, question in QUESTIONS.items()}
#: What the packages of Keystone ask besides: passwords that the declaration implies.
#: Packages whose questions are looked at: what openstack-base is made of.
_ASKING = ("debstack", "glance-api", "glance-common", "keystone")
KEYSTONES = (
    "Password of the service's database user:",
    "Password of the service's RabbitMQ user:",
)
PASSWORD = "s p'a\"c$e%y\\"


def asked_at(priority: str) -> list[str]:
    """The summaries of debstack's questions that a person sees at `priority`."""
    ranks = {"low": 0, "medium": 1, "high": 2}
    return [
        question["summary"]
        for question in QUESTIONS.values()
        if ranks[question.get("priority", "medium")] >= ranks[priority]
    ]


def site(node: Node) -> dict[str, str]:
    """The answers in site.preseed."""
    lines = node.read_file("/etc/debstack/site.preseed").splitlines()
    parts = [line.split(" ", 3) for line in lines if line and not line.startswith("#")]
    return {part[1]: part[3] if len(part) > 3 else "" for part in parts}


def preconfiguring(priority: str) -> list[str]:
    """The command that asks what our packages of the controller ask at `priority`."""
    debs = " ".join(f"{REPOSITORY}/pool/*/{name}_*.deb" for name in _ASKING)
    return ["sh", "-c", f'exec dpkg-preconfigure --priority="$1" {debs}', "sh", priority]


def preconfigure(node: Node, priority: str, env: dict[str, str] | None = None) -> Person:
    """A person before those questions, at the front end readline."""
    return Person(node, preconfiguring(priority), env)


def answer_the_first(person: Person | Viewer, node: Node) -> None:
    """Answer the first four questions, one of them anew after a step back."""
    person.answers(SUMMARIES["management-address"], node.address)
    person.confirms(SUMMARIES["join"])
    person.answers(SUMMARIES["region"], "Nord")
    person.reads(SUMMARIES["public-host"])
    person.goes_back()
    person.answers(SUMMARIES["region"], "NordOst")
    person.answers(SUMMARIES["public-host"], "cloud.example.org")


@pytest.fixture(scope="module")
def asked(make_module_node: NodeMaker) -> Node:
    """A node where somebody installed keystone at a terminal and answered every question.

    There is no database server: it is on SQLite.
    """
    node = make_module_node("one", stage="debian").boot()
    person = Person(node, ["apt-get", "install", "-y", "keystone"], {"DEBIAN_PRIORITY": "low"})
    person.answers(SUMMARIES["management-address"], "10.77.0.999")
    person.reads("Not an address: 10.77.0.999")
    person.reads("Accepted is: ")
    answer_the_first(person, node)
    rest = [text for text in SUMMARIES.values() if text != SUMMARIES["purge-data"]]
    answers = {SUMMARIES["admin-password"]: PASSWORD, SUMMARIES["admin-project"]: "head"}
    person.answers_all(answers, [*rest, *KEYSTONES, SUMMARIES["purge-data"]])
    assert person.exit_code() == 0, person.screen()
    return node


def test_the_answers_of_a_person_land_where_they_should(asked: Node) -> None:
    given = site(asked)
    assert given["openstack/management-address"] == asked.address
    assert given["openstack/region"] == "NordOst"
    assert given["openstack/public-host"] == "cloud.example.org"
    assert not any("password" in name for name in given)
    found = identity(asked)
    assert found.urls("identity") == {
        "public": "https://cloud.example.org:5000/v3",
        "internal": f"https://{asked.address}:5000/v3",
        "admin": f"https://{asked.address}:5000/v3",
    }
    assert {endpoint.region for endpoint in found.endpoints} == {"NordOst"}
    assert "head" in found.projects
    shown = act(asked, "debstack", "secrets", "show", "openstack/admin-password").stdout
    assert shown == f"{PASSWORD}\n"
    openstack(asked, "token", "issue")
    ini = asked.read_file("/etc/keystone/keystone-uwsgi.d/50-debstack.ini")
    assert "http-socket = 127.0.0.1:5000\n" in ini
    drop_in = asked.read_file("/etc/keystone/keystone.conf.d/50-debstack.conf")
    assert "connection = sqlite:" in drop_in
    assert "nothing to do" in debstack(asked, "apply").stdout


def test_reconfigured_at_a_terminal(asked: Node) -> None:
    changed = "other than before"
    person = Person(asked, ["dpkg-reconfigure", "--priority=low", "debstack"])
    answers = {
        SUMMARIES["public-host"]: "new.example.org",
        SUMMARIES["admin-password"]: changed,
    }
    person.answers_all(answers, list(SUMMARIES.values()))
    assert person.exit_code() == 0, person.screen()
    assert identity(asked).urls("identity")["public"] == "https://new.example.org:5000/v3"
    assert site(asked)["openstack/public-host"] == "new.example.org"
    assert site(asked)["openstack/region"] == "NordOst", "what was confirmed stays"
    environment = {"OS_PASSWORD": PASSWORD}
    script = '. /root/openrc; export OS_PASSWORD="$1"; exec openstack token issue'
    old = act(asked, "sh", "-c", script, "sh", PASSWORD, env=environment, check=False)
    assert old.code != 0
    assert "401" in old.stdout
    act(asked, "sh", "-c", script, "sh", changed)
    assert "nothing to do" in debstack(asked, "apply").stdout


def test_the_later_act_wins(asked: Node) -> None:
    name = "openstack/public-host"

    def edit(value: str) -> None:
        act(asked, "sed", "-i", f"s|^\\(.* {name} string\\).*|\\1 {value}|", PATH)

    def everywhere(value: str) -> None:
        assert identity(asked).urls("identity")["public"] == f"https://{value}:5000/v3"
        assert site(asked)[name] == value
        assert f"{name}: {value}\n" in act(asked, "debconf-show", "debstack").stdout

    PATH = "/etc/debstack/site.preseed"
    unattended = {"DEBIAN_FRONTEND": "noninteractive"}
    edit("edited.example.org")
    debstack(asked, "apply")
    everywhere("edited.example.org")
    preseed(asked, {name: "preseeded.example.org"}, {})
    act(asked, "dpkg-reconfigure", "debstack", env=unattended, timeout_s=300)
    everywhere("preseeded.example.org")
    edit("again.example.org")
    act(asked, "dpkg-reconfigure", "debstack", env=unattended, timeout_s=300)
    everywhere("again.example.org")
    # Both changed: nobody can tell which came first, so it is said what was taken.
    preseed(asked, {name: "lost.example.org"}, {})
    edit("kept.example.org")
    shown = act(asked, "dpkg-reconfigure", "debstack", env=unattended, timeout_s=300).stdout
    everywhere("kept.example.org")
    assert "lost.example.org" in shown
    assert "kept.example.org" in shown


def test_at_medium_priority_what_matters_is_asked(make_node: NodeMaker) -> None:
    node = make_node("two", stage="debian").boot()
    person = preconfigure(node, "medium")
    expected = asked_at("medium")
    assert 3 < len(expected) < len(SUMMARIES)
    prompts = [*SUMMARIES.values(), *KEYSTONES, "Where Glance keeps images:"]
    order = person.answers_all({SUMMARIES["region"]: "Medium"}, prompts)
    assert person.exit_code() == 0, person.screen()
    assert [text for text in order if text in SUMMARIES.values()] == expected
    assert not set(KEYSTONES) & set(order)
    # At high, and with another front end, nothing is: what was answered holds.
    person = preconfigure(node, "high")
    assert person.sees_the_end() == 0
    assert not any(text in person.screen() for text in prompts), person.screen()
    shown = apt(node, "install", "keystone").stdout
    assert "debstack: done: " in shown
    assert {endpoint.region for endpoint in identity(node).endpoints} == {"Medium"}


@pytest.mark.parametrize(
    ("program", "environment"),
    [("whiptail", {}), ("dialog", {"DEBCONF_FORCE_DIALOG": "yes"})],
)
def test_answered_in_windows(
    make_node: NodeMaker, program: str, environment: dict[str, str]
) -> None:
    node = make_node("two", stage="debian", packages=[METAPACKAGE, program]).boot()
    apt(node, "install", program)
    person = Viewer(node, preconfiguring("low"), environment)
    person.answers(SUMMARIES["management-address"], "10.77.0.999")
    person.reads("Accepted is: ")
    person.confirms("Not an address: 10.77.0.999")
    answer_the_first(person, node)
    windows = person.confirms_the_rest()
    assert person.exit_code() == 0, windows
    assert all(any(text in window for window in windows) for text in KEYSTONES)
    known = act(node, "debconf-show", "debstack").stdout
    assert f"* openstack/management-address: {node.address}\n" in known
    assert "* openstack/region: NordOst\n" in known
    assert "* openstack/public-host: cloud.example.org\n" in known


def test_answered_at_a_teletype(make_node: NodeMaker) -> None:
    node = make_node("two", stage="debian").boot()
    person = preconfigure(node, "medium", {"DEBIAN_FRONTEND": "teletype"})
    person.answers(SUMMARIES["management-address"], "10.77.0.999")
    person.reads("Not an address: 10.77.0.999")
    person.answers(SUMMARIES["management-address"], node.address)
    store = "Where Glance keeps images:"
    prompts = [*SUMMARIES.values(), *KEYSTONES, store]
    # Of a list or of yes and no one has to be typed here; an empty line is the default else.
    answers = {store: "1"}
    for question in QUESTIONS.values():
        if question.get("type") in ("select", "boolean"):
            answers[question["summary"]] = "1" if question["type"] == "select" else "no"
    order = person.answers_all(answers, prompts)
    assert person.exit_code() == 0, person.screen()
    assert set(order) < set(asked_at("medium")) | {store}
    known = act(node, "debconf-show", "debstack").stdout
    assert f"* openstack/management-address: {node.address}\n" in known
    assert re.search(r"^\* openstack/region:(?: RegionOne)?$", known, re.M), known


def test_an_impossible_answer_is_refused_by_name(make_node: NodeMaker) -> None:
    node = make_node("two", stage="debian").boot()
    preseed(node, {"openstack/region": "no good!"}, {})
    failed = apt(node, "install", "keystone", check=False)
    assert failed.code == 100
    told = complaint(failed.stdout)
    assert any(
        line.startswith("openstack/region: expected ") and line.endswith('"no good!"')
        for line in told.errors
    ), failed.stdout
    assert any("dpkg --configure -a" in line for line in told.hints)
    assert not started(node, "keystone.service")
    preseed(node, {"openstack/region": "Good"}, {})
    dpkg_configure(node)
    assert {endpoint.region for endpoint in identity(node).endpoints} == {"Good"}


def translated(language: str, text: str) -> str:
    """Return what `text` is in the translation that the tree has."""
    po = (ROOT / f"openstack-pkg-tools/po/{language}.po").read_text(encoding="utf-8")
    match = re.search(rf'^msgid "{re.escape(text)}"\nmsgstr "(.+)"$', po, re.M)
    assert match, text
    return match[1]


@pytest.mark.parametrize("language", ["fr", "ja", "ru"])
def test_in_the_language_of_the_person(make_node: NodeMaker, language: str) -> None:
    node = make_node("two", stage="debian").boot()
    person = preconfigure(node, "low", {"LANGUAGE": language})
    asked = ("management-address", "join", "region")
    person.confirms(translated(language, SUMMARIES["management-address"]))
    person.confirms(translated(language, SUMMARIES["join"]))
    person.reads(translated(language, SUMMARIES["region"]))
    for name in asked:
        assert SUMMARIES[name] not in person.screen()


def test_changed_passwords_of_a_service_are_followed(controller: Node) -> None:
    person = Person(controller, ["dpkg-reconfigure", "--priority=low", "keystone"])
    new = {KEYSTONES[0]: "new o'clock#1", KEYSTONES[1]: "new/at@broker:2"}
    person.answers_all(new, KEYSTONES)
    assert person.exit_code() == 0, person.screen()
    for kind, text in zip(("database", "messaging"), new.values(), strict=True):
        shown = act(controller, "debstack", "secrets", "show", f"keystone/{kind}-password").stdout
        assert shown == f"{text}\n"
    drop_in = controller.read_file("/etc/keystone/keystone.conf.d/50-debstack.conf")
    assert "new%20o%27clock%231@" in drop_in or "new+o%27clock%231@" in drop_in
    assert "new%2Fat%40broker%3A2@" in drop_in
    names = [f"keystone/{kind}-password" for kind in ("database", "messaging")]
    passwords = json.dumps(dict(zip(names, new.values(), strict=True)))
    controller.write_file("/root/new.json", passwords, mode=0o600)
    found = inside(controller, "logins", "/root/new.json", "admin", "admin")
    assert [found[name] for name in names] == ["", ""]
    openstack(controller, "token", "issue")
    assert "nothing to do" in debstack(controller, "apply").stdout
