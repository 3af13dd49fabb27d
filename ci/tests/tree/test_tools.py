# SPDX-License-Identifier: Apache-2.0
"""The tools that read all of the tree: each is one test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from debstack.base.errors import CommandError
from debstack.base.run import run
from pipeline.tree import ROOT, tree_files

BIN = Path(sys.executable).parent
PYTHON = ["openstack-pkg-tools", "ci", "image-builder", "metapackages", "packages/nvmet"]


def accepts(*argv: str) -> None:
    """Fail with all that the tool prints unless it is content."""
    environment = {"HOME": os.environ["HOME"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    try:
        done = run(argv, cwd=ROOT, env=environment, check=False)
    except CommandError as error:
        pytest.fail(error.message, pytrace=False)
    if done.code:
        pytest.fail(f"{Path(argv[0]).name}:\n{done.stdout}{done.stderr}", pytrace=False)


def python_folders() -> list[str]:
    """Return the folders that hold Python of ours."""
    return [name for name in PYTHON if any((ROOT / name).rglob("*.py"))]


def shell_scripts() -> list[str]:
    """Return the tree's scripts that start with sh's or bash's name."""
    found = []
    for path in tree_files(ROOT):
        # What is rendered is checked by the tests that render it.
        if path.is_symlink() or path.suffix == ".j2" or "expected" in path.parts:
            continue
        first = path.open("rb").readline()
        if first.startswith(b"#!") and first.split(b"/")[-1].split()[0] in (b"sh", b"bash"):
            found.append(os.fspath(path.relative_to(ROOT)))
    return found


def test_ruff() -> None:
    accepts(f"{BIN}/ruff", "check", "--quiet", *python_folders())


def test_ruff_format() -> None:
    accepts(f"{BIN}/ruff", "format", "--quiet", "--diff", *python_folders())


def test_mypy() -> None:
    accepts(f"{BIN}/mypy", *python_folders())


def test_codespell() -> None:
    files = [os.fspath(path.relative_to(ROOT)) for path in tree_files(ROOT)]
    accepts(f"{BIN}/codespell", *files)


def test_shellcheck() -> None:
    scripts = shell_scripts()
    assert scripts
    accepts("shellcheck", "--external-sources", *scripts)
