# SPDX-License-Identifier: Apache-2.0
"""Upstream's Tempest against the cloud of a node: run on the host, in the network of the testbed.

It has a virtual environment of its own, with what tempest/requirements.txt pins. Which of its tests
are run is in tempest/tests.txt, and which of these have a reason not to pass in
tempest/explained.toml.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudtest.acting import inside
from debstack.base.run import run
from pipeline.tree import cache_dir, locked
from testbed.network import namespace_name
from testbed.node import Node

PLACE = Path(__file__).with_name("tempest")
_FLOATING_RANGE = "172.24.4.0/24"
#: The disk of debstack-guest, of which Tempest makes an image of its own.
_DISK = "/usr/share/debstack-guest/disk.raw"
#: Whom the node's own programs trust.
_AUTHORITY = "/usr/local/share/ca-certificates/debstack.crt"
_TIMEOUT_S = 3600.0
#: So many at once: the servers' processors are those of this machine.
_WORKERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a test: its `status` is success, skip, fail or xfail."""

    status: str
    why: str
    seconds: str


def _environment() -> Path:
    """Return the virtual environment with Tempest, made where there is none for these pins."""
    requirements = PLACE / "requirements.txt"
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = cache_dir("tempest") / key
    with locked("tempest"):
        if not (folder / "complete").exists():
            pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
            run([sys.executable, "-m", "venv", "--clear", folder])
            pip_install = (
                os.fspath(folder / "bin/pip"),
                "install",
                "-q",
                "-r",
                os.fspath(requirements),
            )
            run([*pip_install, "--disable-pip-version-check"], env=pip)
            (folder / "complete").touch()
    return folder


def _write_configuration(path: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    parser = configparser.RawConfigParser()
    parser.read(path)
    # $ begins the name of an option
    escaped = {
        section: {name: value.replace("$", "$$") for name, value in options.items()}
        for section, options in sections.items()
    }
    parser.read_dict(escaped)
    with path.open("w", encoding="utf-8") as stream:
        parser.write(stream)


def _image(node: Node, folder: Path) -> Path:
    """Make an image for Tempest to upload, in `folder`.

    Not raw: a disk without a boot sector begins with zeros, which Tempest takes for an empty tar.
    """
    raw, image = folder / "disk.raw", folder / "disk.qcow2"
    node.copy_out(_DISK, raw)
    run(["qemu-img", "convert", "-O", "qcow2", raw, image])
    return image


def run_tempest(node: Node, folder: Path, *, tests: Path) -> dict[str, Outcome]:
    """Run the tests that the regular expressions in the file `tests` name against `node`'s cloud.

    All that is written goes to `folder`.
    """
    venv = _environment()
    namespace = namespace_name(node.bed, "net", "default")
    way = ["route", "replace", _FLOATING_RANGE, "via", node.address]
    run(["ip", "-n", namespace, *way])
    home = {"HOME": os.fspath(folder)}
    place = folder / "workspace"
    run([venv / "bin/tempest", "init", place], env=home)
    configuration = place / "etc/tempest.conf"
    configuration.touch(mode=0o600)
    authority = folder / "authority.crt"
    node.copy_out(_AUTHORITY, authority)
    settings = inside(node, "for_tempest", os.fspath(authority))
    settings["scenario"]["img_file"] = os.fspath(_image(node, folder))
    _write_configuration(configuration, settings)
    done = run(
        [
            *("ip", "netns", "exec", namespace, venv / "bin/tempest", "run"),
            *("--include-list", tests, "--concurrency", str(_WORKERS)),
        ],
        cwd=place,
        env=home,
        check=False,
        timeout_s=_TIMEOUT_S,
    )
    (folder / "output").write_text(done.stdout + done.stderr, encoding="utf-8")
    told = run([venv / "bin/python", PLACE / "outcomes.py", place / ".stestr/0"]).stdout
    return {name: Outcome(**outcome) for name, outcome in json.loads(told).items()}


def explained() -> dict[str, str]:
    """Return each test, or class of tests, that does not pass, and the reason of that."""
    text = (PLACE / "explained.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(text)["explained"]
    return found
