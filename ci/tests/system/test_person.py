# SPDX-License-Identifier: Apache-2.0
"""A cloud of three machines by a person's keys alone: in windows, and line after line.

Each installation has a wrong value, which is asked again with the reason, and a step back. What a
compute node has to know the person reads on the controller, and types.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloudtest import several
from cloudtest.acting import act, debstack, inside, status
from cloudtest.observing import assert_no_failed_unit, assert_no_stumble, identity, image_comes_back
from cloudtest.terminal import NO, Person, Shown, Viewer
from debstack.runtime.preseed import Preseed
from debstack.spec.series_questions import SeriesQuestion, asked_by
from debstack.spec.vocabulary import QuestionType
from refpages.questions import components
from refpages.roles import roles
from testbed.archive import REPOSITORY
from testbed.bed import Testbed
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

_COMPUTES = ("compute-1", "compute-2")
_TIMEOUT_S = 1800.0
_REGION = "NordOst"
#: What may be asked at priority high.
_MOST_AT_HIGH = 2


def asked(role: str) -> dict[str, SeriesQuestion]:
    """Return what the packages of `role` ask, by name."""
    (found,) = (one for one in roles() if one.name == role)
    return {name: one for table in found.questions.values() for name, one in table.items()}


def shown(role: str) -> dict[Shown, str]:
    """Return the names of those questions by what a screen shows of them."""
    (found,) = (one for one in roles() if one.name == role)
    return {
        (binary, item.question.summary): name
        for component in components()
        for binary in component.package
        if binary in found.packages | {"debstack"}
        for name, item in asked_by(component, {binary}).items()
    }


def at(priority: str, role: str) -> set[str]:
    """Return the names of what a person is asked while `role` is installed at `priority`."""
    ranks = {"low": 0, "medium": 1, "high": 2}
    return {
        name
        for name, item in asked(role).items()
        # That of data is asked by those packages when they are purged.
        if ranks[item.question.priority.value] >= ranks[priority]
        and (name == "openstack/purge-data" or not name.endswith("/purge-data"))
    }


def read_on(controller: Node) -> dict[str, str]:
    """Return what a person reads there for a compute node and has to type: no defaults."""
    known = asked("compute")
    values = Preseed.parse(several.exported(controller, "compute")).values()
    typed = {name: text for name, text in values.items() if text != known[name].question.default}
    for name, text in typed.items():
        kind = known[name].question.type
        assert kind in (QuestionType.STRING, QuestionType.PASSWORD) or text == NO, name
    return typed


@dataclass(slots=True)
class Cloud:
    """The machines; by name what was asked on each, in order, and how long installing took."""

    controller: Node
    computes: dict[str, Node] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    #: What a compute node that has been told nothing asks at priority high.
    at_high: list[str] = field(default_factory=list)

    def install(
        self, node: Node, kind: type[Person] | type[Viewer], role: str, answers: dict[str, str]
    ) -> None:
        """Install `role` by keys, at priority low if there are passwords to type."""
        summaries = {name: item.question.summary for name, item in asked(role).items()}
        low = role == "compute"
        began = time.monotonic()
        environment = {"DEBIAN_PRIORITY": "low" if low else "medium"}
        command = ["apt-get", "install", "-y", f"openstack-{role}"]
        person = kind(node, command, environment, timeout_s=_TIMEOUT_S)

        def answer(key: str, text: str) -> None:
            person.answers(summaries[f"openstack/{key}"], text)
            first.append(f"openstack/{key}")

        first: list[str] = []
        answer("management-address", "10.77.0.999")
        if isinstance(person, Viewer):
            # In windows, the reason has one of its own.
            person.reads("Accepted is: ")
            person.confirms("Not an address: 10.77.0.999")
        else:
            person.reads("Not an address: 10.77.0.999")
            person.reads("Accepted is: ")
        answer("management-address", node.address)
        if low:
            person.confirms(summaries["openstack/join"])
            first.append("openstack/join")
        answer("region", "Nord")
        person.reads(summaries["openstack/public-host"])
        person.goes_back()
        answer("region", _REGION)
        answer("public-host", answers["openstack/public-host"])
        rest = person.answers_each(answers, shown(role), after=first[-1])
        assert person.exit_code() == 0, person.screen()
        self.order[node.name] = [*first, *rest]
        self.took[node.name] = time.monotonic() - began


def asked_at_high(node: Node) -> list[str]:
    """Return what a person is asked on the new `node` before openstack-compute is installed."""
    names = sorted({binary for binary, _ in shown("compute")})
    debs = " ".join(f"{REPOSITORY}/pool/*/{name}_*.deb" for name in names)
    person = Person(node, ["sh", "-c", f"exec dpkg-preconfigure --priority=high {debs}"])
    found = person.answers_each({}, shown("compute"))
    assert person.exit_code() == 0, person.screen()
    return found


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """A controller from windows, a compute node line after line, and one more from windows."""
    with Testbed("person") as bed:
        controller, *others = (
            several.make_machine(bed, name, repository).boot()
            for name in ("controller", *_COMPUTES)
        )
        made = Cloud(controller, dict(zip(_COMPUTES, others, strict=True)))
        made.install(controller, Viewer, "controller", {"openstack/public-host": controller.name})
        made.at_high = asked_at_high(others[0])
        answers = read_on(controller)
        made.install(others[0], Person, "compute", answers)
        made.install(others[1], Viewer, "compute", answers)
        yield made


def test_each_question_of_the_priority_is_asked_and_no_other(cloud: Cloud) -> None:
    assert set(cloud.order["controller"]) == at("medium", "controller")
    for name in _COMPUTES:
        assert set(cloud.order[name]) == at("low", "compute")
    assert len(cloud.at_high) <= _MOST_AT_HIGH, cloud.at_high


def test_the_later_answer_counts(cloud: Cloud) -> None:
    for node in (cloud.controller, *cloud.computes.values()):
        given = Preseed.parse(node.read_file("/etc/debstack/site.preseed")).values()
        assert given["openstack/management-address"] == node.address
        assert given["openstack/region"] == _REGION
        assert given["openstack/public-host"] == cloud.controller.name
        assert not any("password" in name or "secret" in name for name in given)
    found = identity(cloud.controller)
    assert {endpoint.region for endpoint in found.endpoints} == {_REGION}
    assert found.urls("identity")["public"] == f"https://{cloud.controller.name}:5000/v3"


def test_the_cloud_is_whole(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        for name, seconds in cloud.took.items():
            print(f"\n{name}: {len(cloud.order[name])} questions, {seconds:.0f} s", end="")
        print()
    several.await_hypervisors(cloud.controller, _COMPUTES)
    assert several.hypervisors(cloud.controller) == dict.fromkeys(_COMPUTES, "up")
    found = several.machines(cloud.controller)
    assert {name: machine["state"] for name, machine in found.items()} == dict.fromkeys(
        ("controller", *_COMPUTES), "up"
    )
    assert inside(cloud.controller, "not_up") == []
    image_comes_back(cloud.controller)
    assert_no_stumble(cloud.controller)


def test_nothing_is_left_to_do_and_no_password_stays_with_debconf(cloud: Cloud) -> None:
    for node in (cloud.controller, *cloud.computes.values()):
        assert status(node)["in-order"], node.name
        assert "nothing to do" in debstack(node, "apply").stdout, node.name
        assert_no_failed_unit(node)
    known = asked("compute")
    secrets = [
        text
        for name, text in read_on(cloud.controller).items()
        if known[name].question.type is QuestionType.PASSWORD
    ]
    assert secrets
    for node in cloud.computes.values():
        look = "grep -rlF -f - /var/cache/debconf /var/log || test $? = 1"
        assert act(node, "sh", "-c", look, input="\n".join(secrets) + "\n").stdout == ""
