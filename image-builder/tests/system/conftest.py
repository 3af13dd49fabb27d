# SPDX-License-Identifier: Apache-2.0
"""A user without privileges, and root, who build images."""

from __future__ import annotations

import os
import pwd
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import Builder, make_modules

from debstack.base.run import run

#: Processes that share the files out have a user each.
_USER = f"image-test-{os.environ.get('PYTEST_XDIST_WORKER', 'gw0')}"
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
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The program's modules, where every user can read them."""
    folder = _PLACE / f"modules-{os.getpid()}"
    folder.mkdir(parents=True)
    yield make_modules(folder)
    shutil.rmtree(folder)


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
        yield Builder(uid, home, modules)
    finally:
        # Forced: a test that was interrupted may have left a build that is about to end.
        run(["userdel", "--force", _USER])


@pytest.fixture(scope="session")
def root(modules: Path) -> Builder:
    """Root, who builds."""
    home = _PLACE / "root"
    home.mkdir(exist_ok=True)
    return Builder(0, home, modules)
