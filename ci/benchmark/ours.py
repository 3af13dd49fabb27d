# SPDX-License-Identifier: Apache-2.0
"""Measuring our own packages on booted nodes."""

from __future__ import annotations

import json
import re
import statistics
import time
from pathlib import Path

from benchmark.figure import Figure
from cloudtest.acting import act, apt, debstack
from cloudtest.stages import METAPACKAGE, ensure_stage
from debstack.base.errors import DebstackError
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

_FIRST_BOOT = "/etc/systemd/system/debstack-apply.service"
_SERVERS = ("mariadb.service", "rabbitmq-server.service", "memcached.service")
_STEP = re.compile(r"^debstack: (?P<id>[a-z-]+:\S+): .* \((?P<seconds>[0-9.]+) s\)$", re.M)
_STARTS = 20
#: Runs a command and prints its wall time in seconds and its peak memory in MiB.
_MEASURE = """\
import json, resource, subprocess, sys, time
began = time.monotonic()
done = subprocess.run(sys.argv[1:], stderr=subprocess.PIPE, text=True)
wall = time.monotonic() - began
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps({"code": done.returncode, "wall": wall, "peak": peak, "text": done.stderr}))
"""


def step_seconds(output: str) -> dict[str, float]:
    """Return the seconds that each step took, by its id, as an apply has printed them."""
    return {match["id"]: float(match["seconds"]) for match in _STEP.finditer(output)}


def _active(node: Node, unit: str) -> bool:
    return node.run(["systemctl", "is-active", "--quiet", unit], check=False).code == 0


def measured_apply(node: Node) -> tuple[float, float, str]:
    """Return wall time (s), peak memory (MiB) and output of an apply in `node`."""
    told = node.run(["python3", "-c", _MEASURE, "debstack", "apply"], timeout_s=300).stdout
    found = json.loads(told)
    if found["code"] != 0:
        raise DebstackError(f"bench: apply failed:\n{found['text']}")
    return found["wall"], found["peak"], found["text"]


def _start_seconds(node: Node) -> float:
    loop = (
        f"import subprocess, time\nfor _ in range({_STARTS}):\n"
        "    began = time.monotonic()\n"
        "    subprocess.run(['debstack', '--help'], stdout=subprocess.DEVNULL, check=True)\n"
        "    print(time.monotonic() - began)\n"
    )
    return statistics.median(
        float(word) for word in node.run(["python3", "-c", loop]).stdout.split()
    )


def measure_apply(repository: Path) -> list[Figure]:
    """Measure apply from unpacked packages to answering services, and what follows it."""
    stage = ensure_stage("deferred", repository)
    with Testbed("bench-apply") as bed:
        node = bed.create(
            "controller", from_stage=stage, packages=[METAPACKAGE], repository=repository
        )
        # The first boot would apply by itself: here it is done by hand, with a watch.
        node.enter_chroot(["ln", "-sf", "/dev/null", _FIRST_BOOT])
        node.boot()
        for unit in _SERVERS:
            wait_until(lambda unit=unit: _active(node, unit), timeout_s=60, what=unit)  # type: ignore[misc]
        wall, peak, text = measured_apply(node)
        registration = step_seconds(text)["identity:catalogue"]
        again = [measured_apply(node) for _ in range(3)]
        return [
            Figure(name="apply, from unpacked to answering", value=wall, unit="s", target=15),
            Figure(name="  of it: registration", value=registration, unit="s", target=1.5),
            Figure(
                name="apply, nothing to do",
                value=statistics.median(run[0] for run in again),
                unit="s",
                target=2,
            ),
            Figure(
                name="peak memory of apply",
                value=max(peak, *(run[1] for run in again)),
                unit="MiB",
                target=150,
            ),
            Figure(name="debstack --help", value=_start_seconds(node), unit="s", target=0.15),
        ]


def measure_install(repository: Path) -> list[Figure]:
    """Measure how long installing and reconfiguring keystone and glance take."""
    servers = ["mariadb-server", "rabbitmq-server", "memcached"]
    with Testbed("bench-ours") as bed:
        wanted = [*servers, "keystone", "glance-api", "python3-pymysql"]
        node = bed.create("ours", packages=wanted, repository=repository).boot()
        apt(node, "install", *servers)
        seconds: dict[str, float] = {}
        for name, arguments in (
            ("install keystone", ("install", "keystone")),
            ("install glance", ("install", "glance-api")),
        ):
            began = time.monotonic()
            apt(node, *arguments)
            seconds[name] = time.monotonic() - began
        began = time.monotonic()
        act(node, "dpkg-reconfigure", "keystone", env={"DEBIAN_FRONTEND": "noninteractive"})
        seconds["dpkg-reconfigure keystone"] = time.monotonic() - began
        debstack(node, "status")
        return [Figure(name=name, value=value, unit="s") for name, value in seconds.items()]
