# SPDX-License-Identifier: Apache-2.0
"""The parts of debstack demo that no cloud is needed for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from debstack.base.errors import DebstackError
from debstack.runtime.demo import cloud, host
from debstack.runtime.demo.command import parsed_range

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
