# SPDX-License-Identifier: Apache-2.0
"""Images that are started: the same from everyone, and what a cloud expects of them."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import HARD, TINY, Builder, command_lines, digest, ensure_programs

from debstack.base.run import run
from debstack_image import seed
from debstack_image.boottest import LOGIN, TIMEOUT_S, Outcome, look, make_key, problems_of
from debstack_image.emulator import Machine, Running, started

#: A metadata server for one connection: what it is asked for is in its standard input.
_METADATA = Path(__file__).with_name("metadata_server.py")
_TITLE = "debian-trixie-amd64"


@pytest.fixture(scope="session")
def trixie(user: Builder) -> Path:
    """Return the folder with an image of trixie, from nothing but downloaded packages."""
    output = user.folder("trixie")
    user.build(output, "--format", "qcow2,raw,tar", "--refresh")
    return output


def test_root_builds_the_same_to_the_last_bit(trixie: Path, root: Builder) -> None:
    output = root.folder("trixie")
    root.build(output, "--format", "qcow2,raw")
    for kind in ("raw", "qcow2"):
        name = f"{_TITLE}.{kind}"
        assert digest(output / name) == digest(trixie / name)


@pytest.mark.long
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


def test_no_disk_of_the_builder_is_a_place_for_grub(trixie: Path) -> None:  # W-119
    with tarfile.open(trixie / f"{_TITLE}.tar") as archive:
        stream = archive.extractfile("./var/cache/debconf/config.dat")
        assert stream is not None
        answers = stream.read().decode()
    assert "Name: " in answers, "what debconf remembers is in there"
    assert "/dev/" not in answers


def logs_in_by_password(machine: Running, folder: Path) -> None:
    """Log in as root with HARD as password, typed by a program that ssh asks."""
    ask = folder / "ask"
    (folder / "password").write_text(f"{HARD}\n")
    ask.write_text(f"#!/bin/sh\ncat {folder}/password\n")
    ask.chmod(0o755)
    argv = ["ssh", "-p", str(machine.port), "-o", "PreferredAuthentications=password"]
    argv += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    argv += ["-o", "NumberOfPasswordPrompts=1", "-o", "LogLevel=ERROR", "root@127.0.0.1"]
    asked = {"SSH_ASKPASS": os.fspath(ask), "SSH_ASKPASS_REQUIRE": "force"}
    assert run([*argv, "id", "-u"], env=asked, timeout_s=120).stdout == "0\n"


def boot(
    image: Path,
    folder: Path,
    firmware: str,
    attach: Callable[[Path, str], dict[str, Any]],
    source: str,
    *,
    architecture: str = "amd64",
    also: Callable[[Running, Path], None] | None = None,
) -> None:
    """Start an image with what `attach` gives, log in, and look at it."""
    login = "debian"
    folder.mkdir(exist_ok=True)
    key, public = make_key(folder)
    outcome = Outcome(
        firmware=firmware.removesuffix("-secure"), secure_boot=firmware.endswith("-secure")
    )
    machine = replace(
        Machine(
            image=image,
            image_format=image.suffix[1:],
            architecture=architecture,
            firmware=outcome.firmware,
            secure_boot=outcome.secure_boot,
        ),
        **attach(folder, public),
    )
    with started(machine, folder, "amd64") as running:
        running.wait_for(LOGIN, TIMEOUT_S)
        running.wait_for_ssh(login, key, TIMEOUT_S)
        facts = look(running, login, key)
        outside = running.ssh(login, key, "ip -brief address; cat /etc/resolv.conf").stdout
        if also:
            also(running, folder)
    assert problems_of(facts, outcome) == []
    assert facts["hostname"] == "first"
    assert facts["source"] == source
    assert " 10." in outside or " 169." in outside


def no_cloud(folder: Path, key: str) -> dict[str, Any]:
    """Attach a NoCloud disk."""
    disk = folder / "seed.img"
    seed.no_cloud(disk, name="first", key=key)
    return {"seed": disk}


def config_drive(folder: Path, key: str) -> dict[str, Any]:
    """Attach a configuration drive."""
    disk = folder / "seed.img"
    seed.config_drive(disk, name="first", key=key)
    return {"seed": disk}


def metadata(folder: Path, key: str) -> dict[str, Any]:
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
        # As Nova starts it, unless told otherwise.
        ("bios", metadata, "openstack"),
        # With that, and bookworm below: each source of data, each firmware.
        pytest.param("uefi", config_drive, "configdrive", marks=pytest.mark.long),
        pytest.param("bios", no_cloud, "nocloud", marks=pytest.mark.long),
        pytest.param("uefi-secure", no_cloud, "nocloud", marks=pytest.mark.long),
    ],
)
def test_it_starts(
    trixie: Path,
    tmp_path: Path,
    firmware: str,
    attach: Callable[[Path, str], dict[str, Any]],
    source: str,
) -> None:
    boot(trixie / f"{_TITLE}.qcow2", tmp_path / "machine", firmware, attach, source)


@pytest.fixture(scope="session")
def bookworm(user: Builder) -> Path:
    """Return the folder with an image of bookworm whose root has a password."""
    output, password = user.folder("bookworm"), user.place / "hard"
    password.write_text(f"{HARD}\n")
    arguments = ["--release", "bookworm", "--permit-ssh-as-root"]
    user.build(output, *arguments, "--root-password-file", password)
    return output


@pytest.mark.long
def test_bookworm_starts_and_takes_a_password_with_every_metacharacter(
    bookworm: Path, tmp_path: Path
) -> None:
    image = bookworm / "debian-bookworm-amd64.qcow2"
    boot(image, tmp_path / "machine", "bios", no_cloud, "nocloud", also=logs_in_by_password)


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "firmware"),
    [
        (["--release", "bookworm"], "uefi-secure"),
        (["--release", "forky"], "bios"),
        (["--release", "forky"], "uefi"),
        (["--release", "sid"], "bios"),
        (["--release", "sid"], "uefi"),
        (["--minimal"], "bios"),
        (["--kernel", "generic"], "bios"),
        (["--kernel-from-backports"], "uefi"),
        (["--filesystem", "btrfs"], "uefi"),
        (["--filesystem", "xfs"], "bios"),
        (["--partition-table", "mbr"], "bios"),
        (["--partition-table", "mbr"], "uefi"),
        (["--boot-manager", "systemd-boot"], "uefi"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_each_kind_starts(
    user: Builder, tmp_path: Path, arguments: list[str], firmware: str
) -> None:
    output = user.folder("kind")
    user.build(output, *arguments, "--name", "kind")
    boot(output / "kind.qcow2", tmp_path / "machine", firmware, no_cloud, "nocloud")


@pytest.mark.long
def test_arm64_is_built_and_starts(user: Builder, tmp_path: Path) -> None:
    ensure_programs(
        {
            "qemu-system-aarch64": "qemu-system-arm",
            "/usr/share/AAVMF/AAVMF_CODE.fd": "qemu-efi-aarch64",
            "qemu-aarch64-static": "qemu-user-static",
        }
    )
    output = user.folder("arm64")
    user.build(output, "--architecture", "arm64", "--minimal", "--name", "arm64")
    boot(
        output / "arm64.qcow2",
        tmp_path / "machine",
        "uefi",
        no_cloud,
        "nocloud",
        architecture="arm64",
    )


@pytest.mark.long
def test_without_cloud_init_it_grows_makes_its_keys_and_lets_its_user_in(
    user: Builder, tmp_path: Path
) -> None:
    folder = tmp_path / "machine"
    folder.mkdir()
    key, _ = make_key(folder)
    output = user.folder("plain")
    public = output.parent / "plain.pub"
    public.write_bytes(key.with_suffix(".pub").read_bytes())
    arguments = ["--no-cloud-init", "--minimal", "--name", "plain", "--hostname", "plain"]
    user.build(output, *arguments, "--ssh-key", public)
    machine = Machine(image=output / "plain.qcow2", image_format="qcow2", architecture="amd64")
    with started(machine, folder, "amd64") as running:
        running.wait_for_ssh("debian", key, TIMEOUT_S)
        facts = look(running, "debian", key)
        assert running.ssh("debian", key, "sudo id -u").stdout == "0\n"
    assert problems_of(facts, Outcome(firmware="bios")) == []
    assert facts["hostname"] == "plain"


@pytest.mark.long
def test_a_rescue_image_lets_root_in_everywhere_and_its_user_has_the_name_asked_for(
    user: Builder, tmp_path: Path
) -> None:
    folder = tmp_path / "machine"
    folder.mkdir()
    key, public = make_key(folder)
    output = user.folder("rescue")
    keys = output.parent / "rescue.pub"
    keys.write_text(public + "\n")
    arguments = ["--minimal", "--rescue", "--login", "operator", "--root-ssh-key", str(keys)]
    arguments += ["--add-serial-getty", "ttyS1", "--kernel-argument", "rescued=yes"]
    user.build(output, *arguments, "--name", "rescue")
    second = ("-chardev", f"file,id=second,path={folder}/second.log", "-serial", "chardev:second")
    machine = replace(
        Machine(
            image=output / "rescue.qcow2",
            image_format="qcow2",
            architecture="amd64",
            more=second,
        ),
        **no_cloud(folder, public),
    )
    with started(machine, folder, "amd64") as running:
        running.wait_for("root@first:~# ", TIMEOUT_S)
        running.wait_for_ssh("operator", key, TIMEOUT_S)
        facts = look(running, "operator", key)
        assert running.ssh("root", key, "id -u").stdout == "0\n"
        assert running.ssh("operator", key, "sudo id -u").stdout == "0\n"
        assert running.ssh("operator", key, "getent passwd debian", check=False).stdout == ""
        assert " rescued=yes" in running.ssh("operator", key, "cat /proc/cmdline").stdout
    assert problems_of(facts, Outcome(firmware="bios")) == []
    assert "(automatic login)" in (folder / "second.log").read_text(errors="replace")


@pytest.mark.long
def test_a_machine_makes_what_only_it_may_have(user: Builder, tmp_path: Path) -> None:
    output = user.folder("unique")
    user.build(output, "--minimal", "--name", "unique", "--include", "open-iscsi,ssl-cert")
    names: set[str] = set()
    keys: set[str] = set()

    def see(machine: Running, folder: Path) -> None:
        def read(path: str) -> str:
            return machine.ssh("debian", folder / "key", f"sudo cat {path}").stdout

        name = re.search(
            r"^InitiatorName=(iqn\.\S+)$", read("/etc/iscsi/initiatorname.iscsi"), re.M
        )
        assert name is not None
        names.add(name[1])
        key = read("/etc/ssl/private/ssl-cert-snakeoil.key")
        assert "PRIVATE KEY" in key
        keys.add(key)

    for each in ("one", "two"):
        boot(output / "unique.qcow2", tmp_path / each, "bios", no_cloud, "nocloud", also=see)
    assert (len(names), len(keys)) == (2, 2)


@pytest.mark.long
def test_one_build_gives_every_format(user: Builder) -> None:
    ensure_programs({"mksquashfs": "squashfs-tools"})
    output = user.folder("formats")
    kinds = {"qcow2": "qcow2", "vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx"}
    others = ("raw", "tar", "squashfs", "kernel")
    user.build(output, "--minimal", "--name", "all", "--format", ",".join([*kinds, *others]))
    for ending, kind in kinds.items():
        run(["qemu-img", "compare", "-F", kind, output / "all.raw", output / f"all.{ending}"])
    raw = (output / "all.raw").stat()
    assert raw.st_blocks * 512 < raw.st_size
    assert (output / "all.squashfs").read_bytes()[:4] == b"hsqs"
    assert (output / "all.vmlinuz").read_bytes()[0x202:0x206] == b"HdrS"
    run(["sha256sum", "--check", "--strict", "all.SHA256SUMS"], cwd=output)


@pytest.mark.long
def test_the_kernel_is_started_directly(user: Builder, tmp_path: Path) -> None:
    output = user.folder("direct")
    user.build(
        *(output, "--minimal", "--boot-manager", "none"),
        *("--format", "qcow2,kernel", "--name", "direct"),
    )

    def attach(folder: Path, key: str) -> dict[str, Any]:
        files = ("-kernel", f"{output}/direct.vmlinuz", "-initrd", f"{output}/direct.initrd")
        line = ("-append", "root=LABEL=root ro console=ttyS0,115200")
        return {**no_cloud(folder, key), "more": (*files, *line)}

    boot(output / "direct.qcow2", tmp_path / "machine", "bios", attach, "nocloud")


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
    place = output / f"{_TITLE}.test" / "bios"
    assert (place / "screen.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in place.iterdir()} == {"console.log", "qemu.log", "screen.png"}
    assert list(user.work.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_while_it_is_tested_it_takes_the_machine_with_it(
    user: Builder, number: signal.Signals
) -> None:
    output = user.folder("killed")
    log = output.parent / "killed.log"
    log.write_text("")
    companion = user.start(output, log, "--minimal", "--name", "killed", "--test")
    deadline = time.monotonic() + TIMEOUT_S
    while not (started := [pid for pid, line in command_lines().items() if _of(user, line)]):
        assert companion.wait(0.2) is None, log.read_text()
        assert time.monotonic() < deadline
    os.kill(companion.pid, number)
    assert companion.wait(60) == (-number if number == signal.SIGKILL else 128 + number)
    deadline = time.monotonic() + 20
    while command_lines().keys() & set(started):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # The image was finished before; what its machine worked with is not there, or is swept.
    run(["sha256sum", "--check", "--strict", "killed.SHA256SUMS"], cwd=output)
    assert not (output / "killed.test").exists()
    if number == signal.SIGKILL:
        again = user.argv(["--output", user.folder("after"), *TINY])
        run(again, env=user.environment(user.work), timeout_s=TIMEOUT_S)
    assert list(user.work.iterdir()) == []


def _of(user: Builder, line: str) -> bool:
    """Tell whether a command line is that of a machine of this user's."""
    return line.startswith("qemu-system-") and str(user.work) in line
