# SPDX-License-Identifier: Apache-2.0
"""Machines in QEMU that start from an image with packages of ours."""

from __future__ import annotations

from pathlib import Path

from debstack_image import seed
from debstack_image.boottest import make_key
from debstack_image.emulator import Machine
from pipeline.image import build_image
from pipeline.repo import sources_text
from pipeline.series import current_series
from testbed.node import Node
from testbed.places import TestbedError

#: For a Debian, and what is due at its first boot, on an emulated processor.
START_S = 900.0


def golden(
    folder: Path,
    repository: Path,
    *arguments: str | Path,
    user_data: str = "#cloud-config\n{}\n",
) -> tuple[Machine, Path]:
    """Build an image that has packages of ours; return a machine of it, and the key to it."""
    source = folder / "debstack.sources"
    source.write_text(sources_text(current_series(), f"file:{repository}"))
    build_image(folder, ["--repository", source, "--name", "golden", *arguments])
    key, public = make_key(folder)
    disk = folder / "seed.img"
    seed.no_cloud(disk, name="golden", key=public, user_data=user_data)
    machine = Machine(
        image=folder / "golden.qcow2",
        image_format="qcow2",
        architecture="amd64",
        memory_mib=2048,
        seed=disk,
    )
    return machine, key


def beside(node: Node) -> tuple[str, ...]:
    """Return what starts a command where the booted `node` is, which it then reaches."""
    running = node.running()
    if running is None:
        raise TestbedError(f"{node.name}: expected it to run", hint="boot it first")
    return ("nsenter", f"--net=/proc/{running.leader.pid}/ns/net")
