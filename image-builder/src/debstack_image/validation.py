# SPDX-License-Identifier: Apache-2.0
"""Checks that need more than one value, or the machine; all of them before anything starts."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack_image import tree
from debstack_image.access import read_keys, read_password
from debstack_image.cache import default_folder
from debstack_image.disk import has_bios, has_esp
from debstack_image.filesystem import machine_architecture
from debstack_image.hooks import programs
from debstack_image.parsing import Request, UsageError, settings_from
from debstack_image.repository import read_repository
from debstack_image.reproduce import defaults_of
from debstack_image.settings import Settings
from debstack_image.sources import ROLLING
from debstack_image.values import MIB, TIB

_SELECTION = re.compile(r"\S+\s+\S+\s+[a-z]+(\s.*)?")


def resolved(request: Request) -> Settings:
    """Return the settings of a request, with what this machine decides filled in."""
    settings = settings_from(request, defaults_of)
    return dataclasses.replace(
        settings,
        architecture=settings.architecture or machine_architecture(),
        output=settings.output.absolute(),
    )


def _combinations(settings: Settings) -> Iterator[str]:
    """Give what cannot be had together."""
    amd64 = settings.architecture == "amd64"
    if settings.boot_type == "bios" and not amd64:
        yield f"--boot-type bios: only amd64 has it, not {settings.architecture}"
    if settings.boot_manager == "systemd-boot" and settings.boot_type == "bios":
        yield "--boot-manager systemd-boot: starts from UEFI only, not with --boot-type bios"
    if settings.kernel_from_backports and settings.release in ROLLING:
        yield f"--kernel-from-backports: {settings.release} has no backports"
    if settings.backports and settings.release in ROLLING:
        yield f"--backports: {settings.release} has no backports"
    if settings.network and settings.network.suffix not in (".yaml", ".yml"):
        yield f"--network: expected a netplan file with the ending .yaml, got {settings.network}"
    if settings.login == "root":
        yield "--login: expected another user than root; --root-ssh-key lets root log in"
    if settings.tty_autologin and settings.console == "graphical" and settings.add_serial_getty:
        yield "--add-serial-getty: not with --console graphical"
    if 0 < settings.image_size < 64 * MIB:
        yield f"--image-size: expected at least 64M, got {settings.image_size}"
    disks = {"qcow2", "raw", "vmdk", "vhd", "vhdx"} & set(settings.format)
    for option, wanted in (("--test", settings.test), ("--upload", settings.upload)):
        if wanted and not disks:
            yield f"{option}: expected a format that is a disk, got {', '.join(settings.format)}"
    if settings.test and not (settings.cloud_init and "NoCloud" in settings.datasources):
        yield "--test: the image is logged in to with a key that cloud-init takes from NoCloud"
    if settings.test and not (has_bios(settings) or has_esp(settings)):
        yield "--test: the image has nothing that a firmware starts"
    if settings.partition_table == "mbr" and settings.image_size > 2 * TIB:
        yield "--partition-table mbr: it knows no more than 2T of a disk"
    if settings.kernel == "none" and "kernel" in settings.format:
        yield "--format kernel: there is none with --kernel none"


def _files(settings: Settings) -> Iterator[Callable[[], object]]:
    """Give the checks of files: each raises DebstackError."""
    for path in settings.ssh_key:
        yield partial(read_keys, "--ssh-key", path)
    for path in settings.root_ssh_key:
        yield partial(read_keys, "--root-ssh-key", path)
    for option, password in (
        ("--root-password-file", settings.root_password_file),
        ("--login-password-file", settings.login_password_file),
    ):
        if password:
            yield partial(read_password, option, password)
    for path in settings.preseed:
        yield partial(_check_preseed, path)
    for path in settings.repository:
        yield partial(read_repository, path)
    for path in settings.hook_script:
        yield partial(_check_hook, path)
    for path in settings.overlay:
        yield partial(_check_overlay, path)
    yield partial(_check_writable, "--output", settings.output)
    if settings.cache:
        yield partial(_check_writable, "--cache-dir", settings.cache_dir or default_folder())


def _check_preseed(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#") and not _SELECTION.fullmatch(line.strip()):
            raise DebstackError(
                f'--preseed: {path}:{number}: expected "owner question type value", got "{line}"'
            )


def _check_hook(path: Path) -> None:
    found = list(programs([path]))
    if not found:
        raise DebstackError(f"--hook-script: {path}: expected programs in the folder, found none")
    if not os.access(found[0], os.X_OK):
        raise DebstackError(
            f"--hook-script: {path}: expected a program that can be run", hint=f"chmod +x {path}"
        )


def _check_overlay(folder: Path) -> None:
    for path in chain([folder], tree.walk(folder)):
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            continue
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise DebstackError(f"--overlay: {path}: expected a file, a folder or a link")
        if not os.access(path, os.R_OK | (os.X_OK if stat.S_ISDIR(mode) else 0)):
            raise DebstackError(f"--overlay: {path}: this user cannot read it")


def _check_writable(option: str, folder: Path) -> None:
    """Raise DebstackError unless files can be written to `folder`, which may not exist yet."""
    # Of os.path: Path's own raises PermissionError for what is in others' folders.
    place = next(p for p in (folder, *folder.parents) if os.path.exists(p))  # noqa: PTH110
    if not os.access(place, os.W_OK | os.X_OK):
        raise DebstackError(
            f"{option}: {folder}: this user cannot write there", hint="choose another folder"
        )


def check(settings: Settings) -> None:
    """Raise UsageError or DebstackError with all that is wrong with `settings`."""
    problems = list(_combinations(settings))
    if problems:
        raise UsageError("\n".join(problems), hint="--help says what each option is for")
    failures = []
    for each in _files(settings):
        try:
            each()
        except UnicodeDecodeError as error:
            failures.append(DebstackError(f"expected a text in UTF-8: {error}"))
        except DebstackError as error:
            failures.append(error)
    if failures:
        message = "\n".join(error.message for error in failures)
        raise DebstackError(message, hint=next((e.hint for e in failures if e.hint), None))
