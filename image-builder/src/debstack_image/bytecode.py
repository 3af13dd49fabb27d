# SPDX-License-Identifier: Apache-2.0
"""Compiling Python modules once for the whole image, and not package by package.

Each package with modules runs py3compile, which starts two interpreters. That is put off: while
packages are configured a recorder stands in for it, afterwards all modules are compiled at once,
beside other work.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from debstack_image.chroot import Chroot

_PROGRAM = "/usr/bin/py3compile"
_LIST = "/var/cache/py3compile.calls"
_MODULES = "/usr/lib/python3/dist-packages/"
_RECORDER = f'#!/bin/sh\necho "$*" >>{_LIST}\n'
#: For mmdebstrap, when only the essential packages are there; the tree is its first argument.
HOOK = (
    f'chroot "$1" dpkg-divert --quiet --local --rename --add {_PROGRAM} && '
    f'printf %s {shlex.quote(_RECORDER)} >"$1{_PROGRAM}" && chmod 0755 "$1{_PROGRAM}"'
)


def modules_of(root: Path, packages: Iterable[str]) -> list[str]:
    """Return the public modules that `packages` have in the tree, sorted."""
    folder = root / "var" / "lib" / "dpkg" / "info"
    found: set[str] = set()
    for package in packages:
        for listing in (folder / f"{package}.list", *folder.glob(f"{package}:*.list")):
            if listing.is_file():
                lines = listing.read_text(encoding="utf-8").splitlines()
                found.update(line for line in lines if line.startswith(_MODULES))
    return sorted(name for name in found if name.endswith(".py"))


def compile_all(chroot: Chroot) -> None:
    """Give py3compile back, and do what it was asked for."""
    recorder, calls = chroot.root / _PROGRAM[1:], chroot.root / _LIST[1:]
    recorder.unlink()
    chroot.run(["dpkg-divert", "--quiet", "--local", "--rename", "--remove", _PROGRAM])
    asked = calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []
    calls.unlink(missing_ok=True)
    packages = [words[1] for words in map(str.split, asked) if len(words) == 2 and words[0] == "-p"]
    listing = "".join(f"{name}\n" for name in modules_of(chroot.root, packages))
    if listing:
        # A module that cannot be compiled (a template, or of another Python) is none of ours: it
        # stays without, as it does when its package is installed by hand.
        # Checked by the time of the module, as usual; told a time, Python would check contents.
        clock = {"SOURCE_DATE_EPOCH": ""}
        chroot.run(["python3", "-m", "py_compile", "-"], input=listing, env=clock, check=False)
    for line in asked:
        words = line.split()
        if not (len(words) == 2 and words[0] == "-p"):
            chroot.run([_PROGRAM, *words])
