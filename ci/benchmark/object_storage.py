# SPDX-License-Identifier: Apache-2.0
"""Measuring the object storage, beside the same Swift as its own samples configure it.

Both are the code that is installed, on one node, one after the other: same rings, same device,
same memcached, same Keystone, and every daemon that there is. So what differs is configuration
alone. Requests go to the proxy itself, not through what terminates TLS before it. Of the samples,
only that is changed which cannot do on this node, or would let them have it easier: directories
stand in for mounted devices, the proxy is where ours is, and the samples' test accounts are
replaced by Keystone's, in the way that the sample tells.
"""

from __future__ import annotations

import configparser
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmark.failure import attempted, log_kept
from benchmark.figure import Figure
from cloudtest.acting import act, apt, inside
from cloudtest.stages import STAGE_NODE
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

PACKAGES = ("keystone", "swift-proxy", "openstack-object-storage", "swift-object-expirer")
CLIENT = "wrk"
_SIZE, _CLIENTS, _SECONDS, _ROUNDS = 4096, 64, 15, 3
_TIMEOUT_S = 300.0
_SETTINGS = "/etc/swift/proxy-server.conf.d/50-debstack.conf"
_SAMPLES = "/etc/swift-sample"
_CACHE = "/var/cache/swift"
_SERVERS = ("proxy", "account", "container", "object")
#: Sections of ours that say where Keystone is, and who Swift is there.
_AUTH = ("filter:authtoken", "filter:keystoneauth")

_PEER = "swift-by-its-samples"

Sections = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Rate:
    """Objects per second, and milliseconds that the slowest hundredth takes at least."""

    rate: float
    slow: float


#: By "put" and "get".
Rates = Mapping[str, Rate]


def _parsed(text: str) -> Sections:
    # No "%" of a value means anything here, and options keep their case.
    parser = configparser.RawConfigParser(default_section="", strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


def changes(server: str, sample: str, ours: str) -> str:
    """Return what is added to the `sample` of `server`; `ours` is what the proxy here has."""
    if server == "proxy":
        own = _parsed(ours)
        pipeline = _parsed(sample)["pipeline:main"]["pipeline"]
        found: Sections = {
            "DEFAULT": {"bind_ip": own["DEFAULT"]["bind_ip"]},
            "pipeline:main": {"pipeline": pipeline.replace("tempauth", "authtoken keystoneauth")},
            "filter:cache": {"memcache_servers": own["filter:cache"]["memcache_servers"]},
            **{name: own[name] for name in _AUTH},
        }
    else:
        found = {"DEFAULT": {"mount_check": "false"}}
    lines = []
    for name, options in found.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in options.items())]
    return "\n".join(lines) + "\n"


def _daemons(node: Node) -> list[str]:
    """Return what of Swift runs that is configured by a sample too; all but rsync is."""
    list_units = ["systemctl", "list-units", "--plain", "--no-legend", "--state=running"]
    lines = act(node, *list_units, "swift-*.service").stdout.splitlines()
    names = {line.split()[0].removesuffix(".service") for line in lines}
    return sorted(names - {"swift-rsync"})


def _lay_samples(node: Node) -> None:
    """Lay the samples, and beside each what is changed of it, where no daemon of ours looks."""
    ours = node.read_file(_SETTINGS)
    for server in _SERVERS:
        path = f"/usr/share/doc/swift-{server}/examples/{server}-server.conf-sample"
        sample = node.read_file(path)
        folder = f"{_SAMPLES}/{server}-server.conf.d"
        node.write_file(f"{folder}/00-sample.conf", sample, mode=0o640)
        node.write_file(f"{folder}/50-here.conf", changes(server, sample, ours), mode=0o640)
    act(node, "chgrp", "--recursive", "swift", _SAMPLES)
    client = "/usr/share/doc/swift/examples/internal-client.conf-sample"
    act(node, "install", "--mode=0644", client, "/etc/swift/internal-client.conf")
    act(node, "install", "--directory", "--owner=swift", "--group=swift", _CACHE)


def sample_unit(daemon: str) -> list[str]:
    """Return the command that runs `daemon` by the samples, as a unit of its own."""
    program = daemon if daemon.count("-") > 1 else f"{daemon}-server"
    start = ["systemd-run", "--quiet", f"--unit=sample-{daemon}", "--property=Type=notify"]
    start += ["--property=LimitNOFILE=65536"]
    folder = f"{_SAMPLES}/{daemon.split('-')[1]}-server.conf.d"
    return [*start, f"/usr/bin/{program}", folder]


def _rates(node: Node, container: str) -> Rates:
    settings = _parsed(node.read_file(_SETTINGS))["DEFAULT"]
    address = f"{settings['bind_ip']}:{settings['bind_port']}"
    look = f"import urllib.request as u; u.urlopen('http://{address}/healthcheck')"
    wait_until(
        lambda: act(node, "python3", "-c", look, check=False).code == 0,
        timeout_s=60,
        interval_s=1,
        what="the object storage to answer",
    )
    words = (address, container, *map(str, (_SIZE, _CLIENTS, _SECONDS)))
    found = inside(node, "object_rate", *words, timeout_s=_TIMEOUT_S)
    return {name: Rate(**values) for name, values in found.items()}


def _by_samples(node: Node, daemons: Sequence[str], container: str) -> Rates:
    """Measure the same with the samples in place of what we configure."""
    _lay_samples(node)
    act(node, "systemctl", "stop", *daemons)
    for daemon in daemons:
        act(node, *sample_unit(daemon))
    rates = _rates(node, container)
    samples = [f"sample-{daemon}.service" for daemon in daemons]
    # Each is to have run to the end, or it was not the same that was measured.
    act(node, "systemctl", "is-active", *samples)
    act(node, "systemctl", "stop", *samples)
    act(node, "systemctl", "start", *daemons)
    return rates


def told(kind: str, ours: Sequence[Rate], samples: Sequence[Rate]) -> list[Figure]:
    """Return the figures of `kind`, PUT or GET: of several rounds, what lies in the middle."""

    def middle(rates: Sequence[Rate]) -> Rate | None:
        if not rates:
            return None
        return Rate(
            rate=statistics.median(one.rate for one in rates),
            slow=statistics.median(one.slow for one in rates),
        )

    found, peer = middle(ours), middle(samples)
    if found is None:
        return []
    rate, slow = (peer.rate, peer.slow) if peer else (None, None)
    name = f"{kind} of {_SIZE // 1024} KiB, {_CLIENTS} clients"
    return [
        Figure(name=name, value=found.rate, unit="/s", least=rate, peer=rate),
        Figure(name="  99th percentile", value=found.slow, unit="ms", peer=slow),
    ]


def measure_object_storage(repository: Path, peer: bool) -> list[Figure]:
    """Put objects and get them; with `peer`, in turns with Swift as its samples configure it."""
    ours: list[Rates] = []
    samples: list[Rates] = []
    failed: list[Figure] = []
    with Testbed("bench-objects") as bed:
        node = bed.create(STAGE_NODE, packages=[*PACKAGES, CLIENT], repository=repository).boot()
        apt(node, "install", *PACKAGES, CLIENT)
        daemons = _daemons(node)
        load = os.getloadavg()[0]

        def by_samples(container: str) -> list[Figure]:
            with log_kept(_PEER, bed.nodes):
                samples.append(_by_samples(node, daemons, container))
            return []

        for number in range(_ROUNDS):
            ours.append(_rates(node, f"ours-{number}"))
            if peer:
                failed = attempted(_PEER, partial(by_samples, f"samples-{number}"))
            if failed:
                break
    theirs = [] if failed else samples
    return [
        *told("PUT", [one["put"] for one in ours], [one["put"] for one in theirs]),
        *told("GET", [one["get"] for one in ours], [one["get"] for one in theirs]),
        Figure(name="objects: load of the machine before", value=load, unit=""),
        *failed,
    ]
