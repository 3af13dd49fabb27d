# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest

from debstack.base.errors import DebstackError
from debstack.base.run import Result
from debstack_image import (
    after,
    chroot,
    emulator,
    glance,
    hooks,
    namespace,
    process,
    tools,
    validation,
)
from debstack_image.boottest import Outcome, problems_of
from debstack_image.build import release_version
from debstack_image.emulator import EmulatorError, Machine, qemu_argv
from debstack_image.namespace import sweep, unshare_argv
from debstack_image.old_mke2fs import commands
from debstack_image.parsing import Request, UsageError
from debstack_image.process import Interrupted
from debstack_image.settings import ARCHITECTURES, Settings
from debstack_image.tools import needed
from debstack_image.values import TIB


def test_variables_of_a_command_in_the_tree_are_no_words_of_it(  # W-113
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: dict[str, Any] = {}

    def run(argv: list[str], **more: Any) -> Result:
        ran.update(argv=argv, **more)
        return Result(code=0, stdout="", stderr="")

    monkeypatch.setattr(chroot, "run", run)
    chroot.Chroot(Path("/tree"), 7).run(["apt-get", "update"], env={"A": "b"})
    assert ran["argv"] == ["chroot", "/tree", "apt-get", "update"]
    assert ran["env"]["DEBIAN_FRONTEND"] == "noninteractive"
    assert (ran["env"]["A"], ran["env"]["SOURCE_DATE_EPOCH"]) == ("b", "7")


@pytest.mark.parametrize(
    ("text", "version"),
    [('VERSION_ID="13"\n', "13"), ("VERSION_ID=12\n", "12"), ("ID=debian\n", "")],
)
def test_the_release_says_its_own_version(tmp_path: Path, text: str, version: str) -> None:
    file = tmp_path / "usr" / "lib" / "os-release"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert release_version(tmp_path) == version


def test_only_root_needs_no_namespace_of_users() -> None:
    assert "--user" in unshare_argv(root=False)
    assert "--user" not in unshare_argv(root=True)
    assert "--kill-child" in unshare_argv(root=True)


def test_a_folder_without_its_build_is_swept(tmp_path: Path) -> None:
    dead, other = tmp_path / "debstack-image.dead", tmp_path / "else"
    dead.mkdir()
    other.mkdir()
    sweep(tmp_path)
    assert not dead.exists()
    assert other.exists()


def test_a_folder_that_another_build_took_for_a_dead_one_s_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def swept(path: Path, flags: int) -> int:
        descriptor = opened(path, flags)
        if len(made) < 2:
            path.rmdir()
        made.append(path)
        return descriptor

    opened = os.open
    monkeypatch.setattr(os, "open", swept)
    path, descriptor = namespace._locked_folder(tmp_path)
    os.close(descriptor)
    assert len(made) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_a_build_that_was_killed_says_so() -> None:
    assert namespace.ended(3) == 3
    assert namespace.ended(namespace.BUG_INSIDE) == 1
    for code in (-9, 1):
        with pytest.raises(DebstackError, match="the build was killed"):
            namespace.ended(code)


def test_what_is_unfinished_is_known_by_its_build(tmp_path: Path) -> None:
    mine, other = Path("/work/debstack-image.a"), Path("/work/debstack-image.b")
    for scratch in (mine, other):
        namespace.unfinished_file(tmp_path, "image.qcow2", scratch).touch()
    (tmp_path / "image.qcow2").touch()
    for path in namespace.unfinished_files(tmp_path, mine):
        path.unlink()
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"image.qcow2", ".image.qcow2.debstack-image.b.part"}


def test_exit_codes_of_signals() -> None:
    assert Interrupted(signal.SIGTERM).code == 143
    assert Interrupted(signal.SIGINT).code == 130


def test_times_of_every_file_are_set(tmp_path: Path) -> None:
    (tmp_path / 'a "b"').touch()
    lines = list(commands(tmp_path, 5))
    assert 'set_inode_field "/a ""b""" ctime @5' in lines
    assert 'set_inode_field "/lost+found" mtime @5' in lines


MACHINE = Machine(image=Path("i.qcow2"), image_format="qcow2", architecture="amd64")


def test_a_machine_is_emulated_where_nothing_else_works() -> None:
    argv = " ".join(qemu_argv(MACHINE, Path("/w"), 2222, fast=False))
    assert "-accel tcg,thread=multi -cpu max" in argv
    assert "hostfwd=tcp:127.0.0.1:2222-:22" in argv
    assert "-accel kvm -cpu host" in " ".join(qemu_argv(MACHINE, Path("/w"), 1, fast=True))


def test_a_processor_is_one_that_the_emulator_of_every_supported_debian_knows() -> None:
    machine = dataclasses.replace(MACHINE, architecture="riscv64")
    assert "-cpu rv64" in " ".join(qemu_argv(machine, Path("/w"), 1, fast=False))


def test_a_foreign_machine_is_never_accelerated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("debstack.runtime.kvm.works", lambda: True)
    assert emulator.accelerated("amd64", "amd64")
    assert not emulator.accelerated("arm64", "amd64")


def test_missing_firmware_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _: False)
    machine = Machine(image=Path("i"), image_format="raw", architecture="amd64", firmware="uefi")
    with pytest.raises(EmulatorError, match="lacks the UEFI firmware") as caught:
        qemu_argv(machine, Path("/w"), 1, fast=False)
    assert caught.value.hint == "apt-get install ovmf"


GOOD = {
    "cloud-init": "done",
    "root-size": str(8 * 2**30),
    "failed": "",
    "firmware": "bios",
    "machine-id": "0" * 32,
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"failed": "a.service"}, "units failed: a.service"),
        ({"cloud-init": "error"}, "cloud-init: expected done, found error"),
        ({"root-size": "900000000"}, "root did not grow"),
        ({"firmware": "uefi"}, "firmware: expected bios, found uefi"),
        ({"machine-id": "uninitialized"}, "machine-id"),
    ],
)
def test_what_is_wrong_with_a_machine(changed: dict[str, str], expected: str | None) -> None:
    found = problems_of({**GOOD, **changed}, Outcome(firmware="bios"))
    assert (expected is None) == (found == [])
    assert not expected or found[0].startswith(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"boot_type": "bios", "architecture": "arm64"}, "--boot-type bios"),
        ({"boot_manager": "systemd-boot", "boot_type": "bios"}, "--boot-manager systemd-boot"),
        ({"release": "sid", "kernel_from_backports": True}, "--kernel-from-backports"),
        ({"login": "root"}, "--login"),
        ({"image_size": 1}, "--image-size"),
        ({"kernel": "none", "format": ("kernel",)}, "--format kernel"),
        ({"test": True, "format": ("tar",)}, "--test"),
        ({"test": True, "boot_manager": "none"}, "--test: the image has nothing"),
        ({"test": True, "kernel": "none"}, "--test: the image has nothing"),
        ({"test": True, "datasources": ("OpenStack",)}, "--test: the image is logged in to"),
        ({"partition_table": "mbr", "image_size": 3 * TIB}, "--partition-table mbr"),
        ({"upload": "cloud", "format": ("tar",)}, "--upload"),
    ],
)
def test_what_cannot_be_had_together(values: dict[str, Any], expected: str) -> None:
    settings = Settings(**{"architecture": "amd64", **values})
    with pytest.raises(UsageError) as caught:
        validation.check(settings)
    assert caught.value.message.startswith(expected)


def test_an_overlay_has_nothing_that_no_image_has(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "link").symlink_to("/nowhere")
    settings = Settings(architecture="amd64", overlay=(tmp_path,), output=tmp_path)
    validation.check(settings)
    os.mkfifo(tmp_path / "etc" / "pipe")
    with pytest.raises(DebstackError, match="etc/pipe: expected a file, a folder or a link"):
        validation.check(settings)


def test_a_cache_that_cannot_be_written_is_told_before_anything_is_built(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = Settings(architecture="amd64", cache_dir=tmp_path / "file" / "cache")
    with pytest.raises(DebstackError, match=r"--cache-dir: .*: this user cannot write there"):
        validation.check(settings)
    validation.check(dataclasses.replace(settings, cache=False, output=tmp_path))


def test_only_tools_that_a_build_runs_are_asked_for() -> None:
    # The image's own programs make its root file system.
    assert needed(Settings(filesystem="btrfs")) == needed(Settings())
    assert needed(Settings(format=("squashfs",)))["mksquashfs"] == "squashfs-tools"
    assert "qemu-img" not in needed(Settings(format=("tar",)))


def test_what_a_test_needs_is_missed_before_anything_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tools, "_is_there", lambda name: "AAVMF" not in name)
    settings = Settings(architecture="arm64")
    tools.check_tools(settings)
    with pytest.raises(DebstackError, match=r"AAVMF_CODE\.fd") as caught:
        tools.check_tools(dataclasses.replace(settings, test=True))
    assert caught.value.hint == "apt-get install qemu-efi-aarch64"
    assert "qemu-system-aarch64" in tools.needed_to_test(settings)


def test_every_machine_has_a_screen_to_take_pictures_of(tmp_path: Path) -> None:
    for architecture in ARCHITECTURES:
        machine = Machine(image=tmp_path, image_format="raw", architecture=architecture)
        argv = qemu_argv(machine, tmp_path, 22, fast=False)
        assert "-vga" in argv or "virtio-gpu-pci" in argv


def test_a_key_that_cannot_sign_and_a_cloud_that_cannot_be_reached_are_told_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(after, "run", lambda argv, **_: asked.append(argv))
    monkeypatch.setattr(glance, "connect", asked.append)
    after.check(Settings())
    assert asked == []
    after.check(Settings(sign="images@example.org", upload="mycloud"))
    assert asked == [
        ["gpg", "--batch", "--list-secret-keys", "images@example.org"],
        "mycloud",
    ]


def test_hooks_of_a_folder_are_its_programs_by_name(tmp_path: Path) -> None:
    folder, alone = tmp_path / "hooks", tmp_path / "alone"
    folder.mkdir()
    for path in (folder / "20-second", folder / "10-first", alone):
        path.touch(mode=0o755)
    (folder / "README").touch(mode=0o644)
    (folder / "folder").mkdir()
    found = [path.name for path in hooks.programs([alone, folder])]
    assert found == ["alone", "10-first", "20-second"]


def test_the_architecture_is_that_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "machine_architecture", lambda: "arm64")
    assert validation.resolved(Request()).architecture == "arm64"
    assert validation.resolved(Request()).output == Path.cwd()


@pytest.mark.parametrize(
    "text",
    [
        "\nFailed to mount /dev/vda1 as root file system.\n(initramfs) ",
        "[ 1.0] Kernel panic - not syncing: VFS",
        "You are in emergency mode. After logging in",
    ],
)
def test_a_machine_that_has_given_up_is_not_waited_for(tmp_path: Path, text: str) -> None:
    (tmp_path / "console.log").write_text(f"first\n{text}")
    machine = emulator.Running(tmp_path, 22, cast("process.Companion", None))
    with pytest.raises(EmulatorError, match="first"):
        machine.wait_for("login: ", 900)
