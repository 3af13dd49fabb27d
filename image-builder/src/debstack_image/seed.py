# SPDX-License-Identifier: Apache-2.0
"""Disks that tell cloud-init what to do: NoCloud, and OpenStack's configuration drive."""

from __future__ import annotations

import json
from pathlib import Path

from debstack.base.run import run
from debstack_image.values import MIB


def _fat(path: Path, label: str, content: dict[str, str]) -> None:
    with path.open("wb") as stream:
        stream.truncate(4 * MIB)
    environment = {"MTOOLS_SKIP_CHECK": "1"}
    run(["mkfs.vfat", "-n", label, path], env=environment)
    folders = sorted({str(parent) for name in content for parent in Path(name).parents} - {"."})
    for folder in folders:
        run(["mmd", "-i", path, f"::{folder}"], env=environment)
    for name, text in content.items():
        source = path.with_suffix(".part")
        source.write_text(text, encoding="utf-8")
        run(["mcopy", "-i", path, source, f"::{name}"], env=environment)
        source.unlink()


def no_cloud(path: Path, *, name: str, key: str, user_data: str = "#cloud-config\n{}\n") -> None:
    """Write a NoCloud disk that names the machine and lets `key` log in."""
    meta = json.dumps({"instance-id": f"i-{name}", "local-hostname": name, "public-keys": [key]})
    _fat(path, "CIDATA", {"meta-data": meta, "user-data": user_data})


def openstack_metadata(name: str, key: str) -> str:
    """Return meta_data.json of an OpenStack server."""
    return json.dumps(
        {
            "uuid": "6f2b4e0c-0d5c-4f0e-9a43-5b8f3f7d1a20",
            "name": name,
            "hostname": name,
            "launch_index": 0,
            "public_keys": {"test": key},
        }
    )


def config_drive(
    path: Path, *, name: str, key: str, user_data: str = "#cloud-config\n{}\n"
) -> None:
    """Write the configuration drive that Nova attaches to a server."""
    content = {
        "openstack/latest/meta_data.json": openstack_metadata(name, key),
        "openstack/latest/user_data": user_data,
        "openstack/latest/network_data.json": json.dumps(
            {"links": [], "networks": [], "services": []}
        ),
    }
    _fat(path, "config-2", content)
