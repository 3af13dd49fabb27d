# SPDX-License-Identifier: Apache-2.0
"""debstack apply and prepare: make this machine as declared."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from debstack.base.errors import AnswerError, DebstackError
from debstack.base.main import FAILURE, OK, report
from debstack.runtime import defer
from debstack.runtime.assemble import steps_of, without_secrets
from debstack.runtime.facts import can_bind
from debstack.runtime.graph import Applier, State, StepResult, walk
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.manifests import read_manifests
from debstack.runtime.packages import in_dpkg_run, unconfigured
from debstack.runtime.progress import Display, display, summary
from debstack.runtime.step import Change, Step
from debstack.runtime.steps.servers import server_steps
from debstack.runtime.steps.site_files import SiteFiles

log = logging.getLogger(__name__)

WAIT_S = 60.0
_ROOT = Path("/")


def _tell_warnings(machine: Machine) -> None:
    for warning in machine.warnings:
        log.warning("%s", warning)


def _check_address(machine: Machine) -> None:
    name = "openstack/management-address"
    address = machine.answers().get(name, "")
    if address and any(m.package.unit for m in machine.manifests) and not can_bind(address):
        raise AnswerError(
            name,
            f"{address} is not an address of this machine: no service can listen there",
            hint=f"correct it: debstack answers set {name} ADDRESS; then run: debstack apply",
        )


def failures(results: Sequence[StepResult]) -> list[DebstackError]:
    """Return the distinct errors of `results`, each with the steps that it stopped in front."""
    grouped: dict[tuple[str, str | None], list[str]] = {}
    for result in results:
        if result.state is State.FAILED and result.error is not None:
            key = (result.error.message, result.error.hint)
            grouped.setdefault(key, []).append(result.id)
    return [
        DebstackError(f"{', '.join(ids)}: {message}", hint=hint)
        for (message, hint), ids in grouped.items()
    ]


def _run(machine: Machine, shown: Display, wait_s: float) -> list[StepResult]:
    steps = steps_of(machine)
    mask = partial(without_secrets, machine)
    applier = Applier(shown, wait_s=wait_s, masked=mask)
    try:
        return walk(steps, applier, stop=applier.stop)
    finally:
        shown.close()


def _defer(machine: Machine, why: str) -> int:
    # Given answers and passwords are kept; none are generated: an image made from this would
    # carry them to every machine that boots it.
    for change in SiteFiles(machine, generate=False).changes():
        change.perform()
    defer.record()
    print(
        f"debstack: {why}: left for the first boot (debstack-apply.service)",
        file=sys.stderr,
    )
    return OK


def tell_failures(machine: Machine, results: Sequence[StepResult]) -> None:
    """Print what failed, without the passwords of `machine`."""
    for error in failures(results):
        error.message = without_secrets(machine, error.message)
        report("debstack", error)


def _report(machine: Machine, results: Sequence[StepResult]) -> int:
    tell_failures(machine, results)
    return FAILURE if any(r.state in (State.FAILED, State.BLOCKED) for r in results) else OK


def _awaited() -> tuple[str, ...]:
    if not in_dpkg_run():
        return ()
    return unconfigured(manifest.binary for manifest in read_manifests(_ROOT))


def apply(*, in_dpkg: bool = False, quiet: bool = False, wait_s: float = WAIT_S) -> int:
    """Make this machine as declared; return the exit code. Raises DebstackError.

    Only one process does so at a time. Where no services can be run, what was given is kept and
    the rest is left for the next boot. In a dpkg run nothing is done while a component is unpacked
    only: dpkg may run our trigger before it configures what depends on us, and that component's
    postinst activates the trigger again.
    """
    require_root()
    with single_apply():
        began = time.monotonic()
        awaited = _awaited() if in_dpkg else ()
        if awaited:
            print(f"debstack: waiting until {', '.join(awaited)} is configured", file=sys.stderr)
            return OK
        machine = read_machine(_ROOT, in_dpkg=in_dpkg)
        _tell_warnings(machine)
        why = defer.reason()
        if why:
            return _defer(machine, why)
        _check_address(machine)
        results = _run(machine, display(quiet=quiet, in_dpkg=in_dpkg), wait_s)
        code = _report(machine, results)
        print(f"debstack: {summary(results, time.monotonic() - began)}", file=sys.stderr)
        if code == OK:
            defer.clear()
        return code


def _perform(step: Step, changes: Sequence[Change]) -> None:
    for change in changes:
        change.perform()
        print(f"debstack: {step.id}: {change.summary}", file=sys.stderr)


def prepare(*, in_dpkg: bool = False) -> int:
    """Write the drop-ins of servers that are unpacked but not started yet; return the exit code.

    Answers that are missing still are no error here: apply tells of them.
    """
    require_root()
    with single_apply():
        machine = read_machine(_ROOT, in_dpkg=in_dpkg)
        try:
            context = machine.context()
        except DebstackError as error:
            log.debug("nothing prepared: %s", error.message)
            return OK
        runs = not defer.reason()
        for step in server_steps(context, early=True):
            _perform(step, step.file_changes())
            # Asked only now: what a server has to be told depends on what was written.
            _perform(step, step.early_changes() if runs else ())
    return OK
