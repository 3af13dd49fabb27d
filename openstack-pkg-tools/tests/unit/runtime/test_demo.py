# SPDX-License-Identifier: Apache-2.0
"""The parts of debstack demo that no cloud is needed for."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from unit.runtime.making import manifests_of

from debstack.base.errors import DebstackError
from debstack.runtime import answers, manifests
from debstack.runtime.demo import cloud, command, host
from debstack.runtime.demo.command import parsed_range
from debstack.runtime.doing import Doing
from debstack.runtime.step import Change

OUTSIDE = host.Outside(bridge="br-ex", range=parsed_range("192.0.2.0/24"))
WISH = cloud.Wish(outside=OUTSIDE, physical_network="physnet1")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("192.0.2.1/24", "has host bits set"),
        ("example", "expected an IPv4 network such as 172.24.4.0/24, found example"),
        ("192.0.2.0/30", "is too small"),
        ("2001:db8::/64", "expected an IPv4 network"),
    ],
)
def test_a_range_that_cannot_be_is_refused(text: str, told: str) -> None:
    with pytest.raises(DebstackError, match=f"--external-range: .*{told}"):
        parsed_range(text)


def test_the_machine_has_the_first_address_and_nat() -> None:
    assert OUTSIDE.gateway == "192.0.2.1"
    assert "ip address replace 192.0.2.1/24 dev br-ex" in host.unit_text(OUTSIDE)
    assert 'ip saddr 192.0.2.0/24 oifname != "br-ex" masquerade' in host.rules_text(OUTSIDE)


@dataclass
class Deed:
    """What the demo did on this machine, and the network interfaces that it found there."""

    done: list[str] = field(default_factory=list)
    interfaces: set[str] = field(default_factory=set)


@pytest.fixture
def deed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deed:
    """A machine with Neutron's agent: not the controller, where the administrator is known."""
    found = Deed()
    site = tmp_path / "site.preseed"
    site.write_text("")
    change = Change(summary="give br-ex an address", perform=lambda: found.done.append("way"))
    monkeypatch.setattr(command, "require_root", lambda: None)
    monkeypatch.setattr(command, "single_apply", nullcontext)
    monkeypatch.setattr(command, "CLOUDS", str(tmp_path / "clouds.yaml"))
    monkeypatch.setattr(command, "has_interface", lambda name: name in found.interfaces)
    monkeypatch.setattr(answers, "SITE_FILE", str(site))
    monkeypatch.setattr(manifests, "read_manifests", lambda _: manifests_of("neutron"))
    monkeypatch.setattr(host, "additions", lambda _: [change])
    monkeypatch.setattr(host, "removals", lambda: [])
    return found


def demo(*, remove: bool = False) -> int:
    return command.demo(remove=remove, dry_run=False, external_range=command.RANGE)


def test_the_network_gateway_makes_the_way_to_the_outside_and_nothing_else(
    deed: Deed, capsys: pytest.CaptureFixture[str]
) -> None:
    deed.interfaces.add("br-ex")
    assert demo() == 0
    assert deed.done == ["way"]
    assert demo(remove=True) == 0
    assert "nothing to remove" in capsys.readouterr().err


def test_interfaces_are_those_of_this_machine() -> None:
    assert command.has_interface("lo")
    assert not command.has_interface("br-none")


@pytest.mark.parametrize("answer", ["", "d-i neutron/gateway boolean false\n"])
def test_elsewhere_it_says_where_to_run_it(deed: Deed, tmp_path: Path, answer: str) -> None:
    if answer:
        deed.interfaces.add("br-ex")
        (tmp_path / "site.preseed").write_text(answer)
    with pytest.raises(DebstackError, match="nor do routers lead to the outside here"):
        demo()
    assert deed.done == []


def test_the_controller_is_told_where_the_way_to_the_outside_begins(
    deed: Deed, capsys: pytest.CaptureFixture[str]
) -> None:
    place = command.Place(wish=WISH, gateway=False, administers=True)
    command._outside(place, Doing(dry_run=False))
    assert "run there: debstack demo --external-range 192.0.2.0/24;" in capsys.readouterr().err
    assert deed.done == []


def _network(description: str) -> Any:
    return SimpleNamespace(id="n", name="demo", description=description)


def test_what_people_made_is_used_and_never_deleted() -> None:
    theirs = SimpleNamespace(network=SimpleNamespace(find_network=lambda _: _network("mine")))
    thing = cloud.PrivateNetwork(theirs, WISH)
    assert thing.find() is not None
    assert thing.ours() is None
    made = SimpleNamespace(network=SimpleNamespace(find_network=lambda _: _network(cloud.MARK)))
    assert cloud.PrivateNetwork(made, WISH).ours() is not None


def test_a_network_in_use_is_not_deleted() -> None:
    ports = [SimpleNamespace(device_owner="compute:nova"), SimpleNamespace(device_owner="")]
    busy = SimpleNamespace(network=SimpleNamespace(ports=lambda **_: ports))
    with pytest.raises(DebstackError, match="network demo: still in use by 1 ports"):
        cloud.PrivateNetwork(busy, WISH).delete(_network(cloud.MARK))


@pytest.mark.parametrize(("remote", "complete"), [(None, True), ("198.51.100.0/24", False)])
def test_a_rule_for_some_senders_only_is_not_enough(remote: str | None, complete: bool) -> None:
    rules = [
        SimpleNamespace(
            ether_type=rule["ether_type"],
            protocol=rule["protocol"],
            port_range_min=rule.get("port_range_min"),
            port_range_max=rule.get("port_range_max"),
            remote_ip_prefix=remote,
            remote_group_id=None,
        )
        for rule in cloud.Rules._WANTED
    ]
    network = SimpleNamespace(
        security_groups=lambda **_: [SimpleNamespace(id="g")],
        security_group_rules=lambda **_: rules,
    )
    found = cloud.Rules(SimpleNamespace(network=network, current_project_id="p"), WISH).find()
    assert (found is not None) == complete
