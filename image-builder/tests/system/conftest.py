# SPDX-License-Identifier: Apache-2.0
"""A user without privileges, and root, who build images."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from building import Builder, make_modules

from debstack.base.run import run

#: Processes that share the files out have a user each, and as root a folder each.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
_USER = f"image-test-{_WORKER}"
#: Outlives the tests: what is downloaded and unpacked there is what makes them quick.
_PLACE = Path("/var/cache/debstack-image-test")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder: it needs root to become others."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.root)
            item.add_marker(pytest.mark.system)


@pytest.fixture(scope="session")
def modules() -> Iterator[Path]:
    """The program's modules, where every user can read them."""
    folder = _PLACE / f"modules-{_WORKER}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    yield make_modules(folder)
    shutil.rmtree(folder)


@contextmanager
def _builder(uid: int, home: Path, modules: Path, place: Path) -> Iterator[Builder]:
    """Give a builder; what was built goes, and the cache stays for the next tests."""
    try:
        yield Builder(uid, home, modules, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _give(home: Path, uid: int) -> None:
    run(["chown", "-R", f"{uid}:{uid}", home])


@pytest.fixture(scope="session")
def user(modules: Path) -> Iterator[Builder]:
    """An ordinary user, made for these tests, who builds."""
    home = _PLACE / _USER
    home.mkdir(exist_ok=True)
    run(["userdel", "--force", _USER], check=False)
    run(["useradd", "--home-dir", home, "--no-create-home", "--shell", "/bin/sh", _USER])
    uid = pwd.getpwnam(_USER).pw_uid
    try:
        _give(home, uid)
        with _builder(uid, home, modules, home / "tests") as builder:
            yield builder
    finally:
        # Forced: a test that was interrupted may have left a build that is about to end.
        run(["userdel", "--force", _USER])


@pytest.fixture(scope="session")
def root(modules: Path) -> Iterator[Builder]:
    """Root, who builds."""
    home = _PLACE / "root"
    home.mkdir(exist_ok=True)
    with _builder(0, home, modules, home / "tests" / _WORKER) as builder:
        yield builder
