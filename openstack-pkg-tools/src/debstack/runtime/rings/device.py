# SPDX-License-Identifier: Apache-2.0
"""The devices of rings, as an answer names them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from debstack.runtime.urls import bracketed
from debstack.spec.checks import device_parts

DEFAULT_WEIGHT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device of a machine; region and zone are 0 where the answer does not say them."""

    address: str
    name: str
    weight: int = DEFAULT_WEIGHT
    region: int = 0
    zone: int = 0

    @property
    def label(self) -> str:
        """What a person calls it: address/name."""
        return f"{bracketed(self.address)}/{self.name}"

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.address, self.name


def parsed(text: str) -> tuple[Device, ...]:
    """Return the devices in an answer. Raises ValueError, which names the one that is wrong."""
    found: dict[tuple[str, str], Device] = {}
    for item in filter(None, text.split(",")):
        parts = device_parts(item)
        if parts is None:
            raise ValueError(f'"{item}": not a device, such as 192.0.2.11/sdb=100')
        device = Device(
            address=parts["address"],
            name=parts["name"],
            weight=int(parts["weight"] or DEFAULT_WEIGHT),
            region=int(parts["region"] or 0),
            zone=int(parts["zone"] or 0),
        )
        if device.key in found:
            raise ValueError(f"{device.label}: is there twice")
        found[device.key] = device
    return tuple(found.values())


def written(devices: Iterable[Device]) -> str:
    """Return the answer that names `devices`."""
    return ",".join(_written(device) for device in devices)


def _written(device: Device) -> str:
    region = f"r{device.region}" if device.region else ""
    zone = f"z{device.zone}" if device.zone else ""
    place = f"{region}{zone}-" if region or zone else ""
    weight = f"={device.weight}" if device.weight != DEFAULT_WEIGHT else ""
    return f"{place}{device.label}{weight}"
