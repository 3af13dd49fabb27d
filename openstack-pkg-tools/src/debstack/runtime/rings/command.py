# SPDX-License-Identifier: Apache-2.0
"""The command debstack rings, on the machine that makes the rings; fetch on the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from debstack.base.errors import AnswerError, DebstackError
from debstack.base.main import OK
from debstack.runtime import answers
from debstack.runtime.answers_command import store
from debstack.runtime.doing import Doing, tell
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.rings.device import Device, parsed, written
from debstack.runtime.rings.messages import Outcome
from debstack.runtime.rings.wanted import BUILD
from debstack.runtime.steps.rings import RingsStep
from debstack.spec.load import suggestion
from debstack.spec.vocabulary import Manifest

_ROOT = Path("/")


def _owner(machine: Machine) -> Manifest:
    for manifest in machine.manifests:
        if manifest.package.rings is not None:
            return manifest
    raise DebstackError(
        "no package of this machine has rings", hint="run this where swift-proxy is installed"
    )


def _step(machine: Machine, limit: int | None = None) -> RingsStep:
    manifest = _owner(machine)
    rings = manifest.package.rings
    assert rings is not None  # noqa: S101 - what _owner looked for
    return RingsStep(machine.context(), manifest, rings, limit)


def named(text: str, devices: Sequence[Device]) -> Device:
    """Return the one of `devices` that `text` names as ADDRESS/DEVICE. Raises DebstackError."""
    for device in devices:
        if device.label == text:
            return device
    labels = [device.label for device in devices]
    raise DebstackError(
        f'no device of the rings is called "{text}"{suggestion(text, labels)}',
        hint="see: debstack rings show",
    )


def with_added(devices: Sequence[Device], texts: Sequence[str]) -> tuple[Device, ...]:
    """Return `devices` with those that `texts` describe. Raises DebstackError."""
    return _checked(",".join([*filter(None, [written(devices)]), *texts]))


def with_removed(devices: Sequence[Device], texts: Sequence[str]) -> tuple[Device, ...]:
    """Return `devices` without those that `texts` name. Raises DebstackError."""
    gone = {named(text, devices).key for text in texts}
    return tuple(device for device in devices if device.key not in gone)


def with_weight(devices: Sequence[Device], texts: Sequence[str], weight: int) -> tuple[Device, ...]:
    """Return `devices`, those that `texts` name with `weight`. Raises DebstackError."""
    keys = {named(text, devices).key for text in texts}
    return tuple(replace(d, weight=weight) if d.key in keys else d for d in devices)


def _checked(text: str) -> tuple[Device, ...]:
    try:
        return parsed(text)
    except ValueError as error:
        raise DebstackError(
            str(error), hint="a device is ADDRESS/DEVICE, such as r1z2-192.0.2.11/sdb=100"
        ) from error


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what is told of rings: a line for each, and one for each of its devices. Pure."""
    told = []
    for outcome in outcomes:
        if not outcome.partitions:
            told.append(f"{outcome.ring}: there is no ring yet")
            continue
        told.append(
            f"{outcome.ring}: {outcome.partitions} partitions, {outcome.replicas:g} replicas,"
            f" {len(outcome.devices)} devices"
        )
        for device in outcome.devices:
            label = Device(address=device.address, name=device.name).label
            told.append(
                f"    {label:<28} region {device.region} zone {device.zone}"
                f" weight {device.weight:g}: {device.parts} partitions"
            )
    return told


def show(*, as_json: bool) -> int:
    """Print the rings as they are on this machine; return the exit code. Raises DebstackError."""
    require_root()
    found = _step(read_machine(_ROOT)).outcomes(read=True)
    if as_json:
        print(json.dumps([asdict(outcome) for outcome in found], indent=1))
    else:
        print("\n".join(lines(found)))
    return OK


def _work(machine: Machine, *, limit: int | None, dry_run: bool) -> int:
    step = _step(machine, limit)
    doing = Doing(dry_run=dry_run)
    doing.all(step.changes())
    if not doing.count:
        tell("the rings are in order, nothing to do")
    return OK


def rebalance(*, limit: int | None, dry_run: bool) -> int:
    """Make the rings as answered, or fetch them; return the exit code. Raises DebstackError.

    `limit` stands, this once, for the answer how much may move.
    """
    require_root()
    if limit is not None and not 1 <= limit <= 100:
        raise DebstackError(f"--limit: expected a number from 1 to 100, found {limit}")
    with single_apply():
        return _work(read_machine(_ROOT), limit=limit, dry_run=dry_run)


def _with_devices(machine: Machine, devices: Sequence[Device]) -> Machine:
    name = f"{_owner(machine).question_prefix}/devices"
    given = {**machine.outcome.given, name: written(devices)}
    return replace(machine, outcome=replace(machine.outcome, given=given))


def _edit(verb: str, texts: Sequence[str], devices: Sequence[Device]) -> tuple[Device, ...]:
    match verb:
        case "add":
            return with_added(devices, texts)
        case "remove":
            return with_removed(devices, texts)
        case "drain":
            return with_weight(devices, texts, 0)
    device, weight = texts
    if not weight.isdecimal() or int(weight) > 99999:
        raise DebstackError(f'the weight: expected a number from 0 to 99999, found "{weight}"')
    return with_weight(devices, [device], int(weight))


def change(verb: str, texts: Sequence[str], *, limit: int | None, dry_run: bool) -> int:
    """Change the devices of the rings, and the rings; return the exit code.

    The answer is kept only where the rings can be made of it. Raises DebstackError.
    """
    require_root()
    with single_apply():
        machine = read_machine(_ROOT)
        manifest = _owner(machine)
        name = f"{manifest.question_prefix}/devices"
        site = machine.context().site.rings[manifest.source]
        if site.way not in (BUILD, ""):
            raise AnswerError(
                f"{manifest.question_prefix}/ring-host",
                f"the rings are made on {site.host}",
                hint=f"run the same there: debstack rings {verb} …",
            )
        devices = _edit(verb, texts, site.devices)
        edited = _with_devices(machine, devices)
        _step(edited, limit).changes()
        if not dry_run:
            known = {name: machine.known[name]}
            store(
                Path(answers.SITE_FILE),
                answers.SITE_HEADER,
                known,
                {name: written(devices)},
                mode=0o644,
            )
        code = _work(edited, limit=limit, dry_run=dry_run)
        if not site.way and not dry_run:
            tell("to start what has waited for this, run: debstack apply")
        return code
