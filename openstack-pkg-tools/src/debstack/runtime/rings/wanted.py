# SPDX-License-Identifier: Apache-2.0
"""What the rings are to be, from the answers. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from debstack.base.errors import AnswerError
from debstack.runtime.rings.device import Device, parsed
from debstack.runtime.site import RingsSite
from debstack.runtime.urls import bracketed
from debstack.spec.vocabulary import Manifest, Rings

#: The device of a machine that has all of the services and was told of no device.
OWN_DEVICE = "d1"
#: What the rsync daemon of the machine that makes the rings calls their directory.
MODULE = "rings"
BUILD, FETCH = "build", "fetch"
_MIN_POWER, _MAX_POWER = 4, 32
AUTOMATIC = "automatic"


def _number(name: str, text: str, lowest: int, highest: int) -> int:
    if not text.isdecimal() or not lowest <= int(text) <= highest:
        raise AnswerError(name, f"expected a number from {lowest} to {highest}, got {text!r}")
    return int(text)


def rings_site(
    manifest: Manifest,
    rings: Rings,
    answers: Mapping[str, str],
    units: Collection[str],
    management: str,
) -> RingsSite:
    """Return what `answers` make of `rings` of `manifest`; `units` are those of this machine.

    Raises AnswerError for devices or numbers that cannot be.
    """
    prefix = manifest.question_prefix

    def answer(key: str, default: str = "") -> str:
        return answers.get(f"{prefix}/{key}") or default

    address = answer("storage-address", management)
    host = answer("ring-host")
    mount_check = answer("mount-check") == "true"
    if host:
        source = f"rsync://{bracketed(host)}:{rings.port}/{MODULE}/"
        return RingsSite(
            way=FETCH, address=address, host=host, source=source, mount_check=mount_check
        )
    try:
        devices = parsed(answer("devices"))
    except ValueError as error:
        raise AnswerError(f"{prefix}/devices", str(error)) from error
    if not devices and all(ring.unit in units for ring in rings.ring.values()):
        devices = (Device(address=address, name=OWN_DEVICE),)
    replicas = answer("replicas", AUTOMATIC)
    return RingsSite(
        way=BUILD if devices else "",
        address=address,
        devices=devices,
        replicas=0 if replicas == AUTOMATIC else _number(f"{prefix}/replicas", replicas, 1, 99),
        part_power=_number(
            f"{prefix}/part-power", answer("part-power", "12"), _MIN_POWER, _MAX_POWER
        ),
        limit=_number(f"{prefix}/rebalance-limit", answer("rebalance-limit", "30"), 1, 100),
        mount_check=mount_check,
    )
