# SPDX-License-Identifier: Apache-2.0
"""Images that are started: the same from everyone, and what a cloud expects of them."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from building import Builder

from debstack.base.run import run
from debstack_image import seed
from debstack_image.boottest import LOGIN, TIMEOUT_S, Outcome, look, make_key, problems_of
from debstack_image.emulator import Machine, started

#: A metadata server for one connection: what it is asked for is in its standard input.
_METADATA = Path(__file__).with_name("metadata_server.py")
_TITLE = "debian-trixie-amd64"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@pytest.fixture(scope="session")
def trixie(user: Builder) -> Path:
    """Return the folder with an image of trixie, from nothing but downloaded packages."""
    output = user.folder("trixie")
    user.build(output, "--format", "qcow2,raw", "--refresh")
    return output


def test_root_builds_the_same_to_the_last_bit(trixie: Path, root: Builder) -> None:
    output = root.folder("trixie")
    root.build(output, "--format", "qcow2,raw")
    for kind in ("raw", "qcow2"):
        name = f"{_TITLE}.{kind}"
        assert digest(output / name) == digest(trixie / name)


def test_a_second_build_is_the_same_to_the_last_bit(trixie: Path, user: Builder) -> None:
    output = user.folder("second")
    user.build(output, "--format", "qcow2,raw")
    for kind in ("raw", "qcow2"):
        name = f"{_TITLE}.{kind}"
        assert digest(output / name) == digest(trixie / name)


def test_the_image_is_small(trixie: Path) -> None:
    assert (trixie / f"{_TITLE}.qcow2").stat().st_size <= 190e6
    information = json.loads(
        run(["qemu-img", "info", "--output=json", trixie / f"{_TITLE}.qcow2"]).stdout
    )
    assert information["format-specific"]["data"]["compat"] == "1.1"
    assert information["format-specific"]["data"]["compression-type"] == "zstd"


def boot(
    image: Path,
    folder: Path,
    firmware: str,
    attach: Callable[[Path, str], dict[str, object]],
    source: str,
    login: str = "debian",
) -> None:
    """Start an image with what `attach` gives, log in, and look at it."""
    folder.mkdir(exist_ok=True)
    key, public = make_key(folder)
    machine = Machine(
        image=image,
        image_format=image.suffix[1:],
        architecture="amd64",
        firmware=firmware.removesuffix("-secure"),
        secure_boot=firmware.endswith("-secure"),
        **attach(folder, public),  # type: ignore[arg-type]
    )
    outcome = Outcome(firmware=machine.firmware, secure_boot=machine.secure_boot)
    with started(machine, folder, "amd64") as running:
        running.wait_for(LOGIN, TIMEOUT_S)
        running.wait_for_ssh(login, key, TIMEOUT_S)
        facts = look(running, login, key)
        outside = running.ssh(login, key, "ip -brief address; cat /etc/resolv.conf").stdout
    assert problems_of(facts, outcome) == []
    assert facts["hostname"] == "first"
    assert facts["source"] == source
    assert " 10." in outside or " 169." in outside


def no_cloud(folder: Path, key: str) -> dict[str, object]:
    """Attach a NoCloud disk."""
    disk = folder / "seed.img"
    seed.no_cloud(disk, name="first", key=key)
    return {"seed": disk}


def config_drive(folder: Path, key: str) -> dict[str, object]:
    """Attach a configuration drive."""
    disk = folder / "seed.img"
    seed.config_drive(disk, name="first", key=key)
    return {"seed": disk}


def metadata(folder: Path, key: str) -> dict[str, object]:
    """Let a metadata server answer where Nova's does, on a machine that says it is Nova's."""
    answers = folder / "meta_data.json"
    answers.write_text(seed.openstack_metadata("first", key))
    serve = f"{sys.executable} {_METADATA} {answers}"
    network = (
        "user,id=net,net=169.0.0.0/8,dhcpstart=169.10.0.15,host=169.0.0.2,dns=169.0.0.3,"
        f"guestfwd=tcp:169.254.169.254:80-cmd:{serve}"
    )
    product = "type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova"
    return {"network": network, "more": ("-smbios", product)}


@pytest.mark.parametrize(
    ("firmware", "attach", "source"),
    [
        ("bios", no_cloud, "nocloud"),
        ("uefi", config_drive, "configdrive"),
        pytest.param("bios", metadata, "openstack", marks=pytest.mark.long),
        pytest.param("uefi-secure", no_cloud, "nocloud", marks=pytest.mark.long),
    ],
)
def test_it_starts(
    trixie: Path,
    tmp_path: Path,
    firmware: str,
    attach: Callable[[Path, str], dict[str, object]],
    source: str,
) -> None:
    boot(trixie / f"{_TITLE}.qcow2", tmp_path / "machine", firmware, attach, source)


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "firmware"),
    [
        (["--release", "bookworm"], "bios"),
        (["--release", "forky"], "uefi"),
        (["--release", "sid"], "uefi"),
        (["--minimal"], "bios"),
        (["--kernel", "generic"], "bios"),
        (["--filesystem", "btrfs"], "uefi"),
        (["--filesystem", "xfs"], "bios"),
        (["--partition-table", "mbr"], "bios"),
        (["--partition-table", "mbr"], "uefi"),
        (["--boot-manager", "systemd-boot"], "uefi"),
    ],
)
def test_each_kind_starts(
    user: Builder, tmp_path: Path, arguments: list[str], firmware: str
) -> None:
    output = user.folder("kind")
    user.build(output, *arguments, "--name", "kind")
    boot(output / "kind.qcow2", tmp_path / "machine", firmware, no_cloud, "nocloud")


@pytest.mark.long
def test_bookworm_is_the_same_to_the_last_bit(user: Builder, root: Builder) -> None:
    found = []
    for builder in (user, root):
        output = builder.folder("bookworm")
        builder.build(output, "--release", "bookworm", "--format", "raw")
        found.append(digest(output / "debian-bookworm-amd64.raw"))
    assert found[0] == found[1]


@pytest.mark.long
def test_its_own_test_finds_it_well(user: Builder) -> None:
    output = user.folder("tested")
    user.build(output, "--test")
    result = json.loads((output / f"{_TITLE}.test" / "result.json").read_text())
    assert [(outcome["firmware"], outcome["problems"]) for outcome in result] == [
        ("bios", []),
        ("uefi", []),
    ]
    assert (output / f"{_TITLE}.test" / "bios" / "screen.png").read_bytes().startswith(b"\x89PNG")
