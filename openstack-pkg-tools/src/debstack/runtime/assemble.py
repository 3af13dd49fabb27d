# SPDX-License-Identifier: Apache-2.0
"""All steps of a machine, from the modules below steps."""

from __future__ import annotations

import importlib
import sys

from debstack.base.run import masked
from debstack.runtime.cells import noted
from debstack.runtime.machine import Machine
from debstack.runtime.step import Step
from debstack.runtime.steps.site_files import SiteFiles

MODULES = (
    "servers",
    "tls",
    "certificates",
    "front",
    "virtual_address",
    "authorities",
    "database",
    "config",
    "keys",
    "rings",
    "ceph",
    "schema",
    "rows",
    "cells",
    "load",
    "tasks",
    "messaging",
    "cache",
    "bootstrap",
    "identity",
    "units",
    "clouds",
    "host_aggregates",
    "volume_types",
    "former_region",
)
#: What a machine that serves nothing has of a cloud: it trusts it, and its users find it.
CLIENT_MODULES = ("tls", "authorities", "clouds")


def _without_profiler() -> None:
    # keystoneauth1 imports osprofiler where it is installed, and that imports eventlet: half of the
    # start-up time, for headers that are never sent from here.
    sys.modules.setdefault("osprofiler", None)  # type: ignore[arg-type]


def steps_of(machine: Machine) -> list[Step]:
    """Return every step of `machine`. Raises DebstackError for answers that cannot be used."""
    steps: list[Step] = [SiteFiles(machine)]
    modules: tuple[str, ...] = MODULES
    if len(machine.manifests) == sum(m.source == "debstack" for m in machine.manifests):
        # Nothing but debstack itself is installed.
        modules = CLIENT_MODULES if machine.answers().get("openstack/identity-url") else ()
    if not modules:
        return steps
    context = machine.context()
    _without_profiler()
    for name in modules:
        module = importlib.import_module(f"debstack.runtime.steps.{name}")
        steps += module.build(context)
    return steps


def _secret_texts(machine: Machine) -> list[str]:
    """Return the texts that must not be shown, whatever program printed them."""
    others = [secret for found in machine.node_secrets.values() for secret in found.values()]
    others += [secret for cell in noted.held(machine.root) for secret in cell.passwords.values()]
    return [str(secret) for secret in (*machine.secrets().values(), *others)]


def without_secrets(machine: Machine, text: str) -> str:
    """Return `text` with every password of this machine masked."""
    return masked(text, _secret_texts(machine))
