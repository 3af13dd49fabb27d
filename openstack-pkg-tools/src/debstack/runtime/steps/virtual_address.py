# SPDX-License-Identifier: Apache-2.0
"""front:keepalived: the address that this machine shares with others that are the public face."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.base.run import run
from debstack.runtime import freshness, systemd
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, remove, told, write
from debstack.runtime.keepalived import (
    CONFIGURATION,
    OWN,
    PROGRAM,
    configuration,
    device_of,
    drop_in,
    router_of,
)
from debstack.runtime.site import TlsMode
from debstack.runtime.step import Change, Step

DROP_IN = "/etc/systemd/system/keepalived.service.d/50-debstack.conf"
UNIT = "keepalived.service"
_QUESTION = "openstack/virtual-address"
#: What keepalived says of scripts in a configuration that does not demand that they are secure.
_INSECURE = "script_security not enabled"


class SharedAddressStep(Step):
    """keepalived, which gives the address to one of the machines that share it."""

    id = "front:keepalived"
    needs = frozenset({"files:site", "front:haproxy"})

    def __init__(self, context: Context) -> None:
        self._context = context
        self._paths = tuple(map(context.path, (DROP_IN, CONFIGURATION, OWN)))

    def _device(self, address: str) -> str:
        links = json.loads(run(["ip", "-json", "address", "show"], timeout_s=30).stdout)
        found = device_of(address, links)
        if not found:
            raise AnswerError(
                _QUESTION,
                f"expected an address in a network of this machine, found {address}",
                hint="correct it on the controller, export again, and see here: ip address",
            )
        return found

    def _written(self) -> list[Change]:
        site = self._context.site
        address = site.virtual_address
        router = site.virtual_router or router_of(address)
        own = self._context.path(OWN).exists()
        text = configuration(address, router, self._device(address), own=own)
        found = []
        for absolute, content in ((DROP_IN, drop_in()), (CONFIGURATION, text)):
            wanted = WantedFile(path=self._context.path(absolute), content=content)
            if how := difference(wanted):
                summary = told(how, absolute)
                found.append(Change(summary=summary, perform=partial(write, wanted)))
        return found

    def _check(self) -> None:
        """Ask keepalived what it thinks of both configurations. Raises ConfigurationError."""
        argv = [PROGRAM, "--config-test", f"--use-file={self._context.path(CONFIGURATION)}"]
        done = run(argv, check=False, timeout_s=60)
        # Whether scripts may be insecure is the administrator's to say, and no mistake.
        told = [line for line in done.stderr.splitlines() if line and _INSECURE not in line]
        if done.code != 0 and told:
            raise ConfigurationError(
                f"keepalived does not accept {CONFIGURATION}, which reads {OWN}: {told[0]}",
                hint=f"correct {OWN}, then run: debstack apply",
            )

    def _bring_up(self, verb: str) -> None:
        self._check()
        systemd.bring_up(UNIT, verb)

    def changes(self) -> Sequence[Change]:
        """See Step. keepalived that the administrator masked, or disabled and stopped, stays so."""
        found = self._written()
        state = systemd.unit_state(UNIT)
        if systemd.left_alone(UNIT, state):
            return found
        stale = state.since is not None and freshness.newest(self._paths, state.since)
        if state.active != "active":
            verb = "start"
        elif found or stale:
            verb = "restart"
        else:
            return []
        up = Change(summary=f"{verb} {UNIT}", perform=partial(self._bring_up, verb))
        return [*found, up]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {CONFIGURATION}", f"start {UNIT}, or restart it"]


class NoSharedAddressStep(Step):
    """keepalived as it is without us, on a machine that shared an address."""

    id = SharedAddressStep.id
    needs = SharedAddressStep.needs

    def __init__(self, context: Context) -> None:
        self._context = context

    def _end(self) -> None:
        systemd.stop(UNIT)
        remove(self._context.path(CONFIGURATION))
        # Last: by it a killed run is taken up again.
        remove(self._context.path(DROP_IN))
        systemd.daemon_reload()
        if self._context.path(OWN).exists():
            systemd.bring_up(UNIT, "start")

    def changes(self) -> Sequence[Change]:
        """See Step."""
        return [Change(summary=self.declared()[0], perform=self._end)]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"let {UNIT} share no address any more"]


def build(context: Context) -> list[Step]:
    """Return the step, where this machine is the public face and shares an address, or did."""
    site = context.site
    if not (site.virtual_address and site.controllers and site.tls.mode is not TlsMode.OFF):
        return [NoSharedAddressStep(context)] if context.path(DROP_IN).exists() else []
    if not context.path(PROGRAM).exists():
        raise AnswerError(
            _QUESTION,
            "needs keepalived, which is not on this machine",
            hint="run: apt-get install keepalived",
        )
    return [SharedAddressStep(context)]
