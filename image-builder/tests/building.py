# SPDX-License-Identifier: Apache-2.0
"""Builds as a test makes them: by the program of this tree, as root or as an ordinary user."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.run import PATH, Result, run
from debstack_image.process import Companion

TREE = Path(__file__).resolve().parents[2]
SOURCES = (TREE / "openstack-pkg-tools" / "src", TREE / "image-builder" / "src")
#: What is built fastest: no kernel, no disk.
TINY = ("--minimal", "--kernel", "none", "--no-cloud-init", "--format", "tar", "--name", "tiny")
#: A password with everything that a shell, a file or a URL could stumble over.
HARD = "a'b\"c $x%y\\z:#@!&*(){}[]|;<>?~`"
_TIMEOUT_S = 1800.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Builder:
    """One user who builds: `uid` 0 is root. `home` has the cache, `modules` what is run.

    What is built in `place` goes with the tests.
    """

    uid: int
    home: Path
    modules: Path
    place: Path

    def folder(self, name: str) -> Path:
        """Return an empty folder of this user's, for output or to work in."""
        path = self.place / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        os.chown(path, self.uid, self.uid)
        return path

    def argv(self, arguments: Sequence[str | os.PathLike[str]]) -> list[str]:
        """Return the command that runs the program as this user."""
        become = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]
        become += ["--pdeathsig", "KILL"]
        program = ["/usr/bin/python3", "-m", "debstack_image.cli"]
        return [*become, *program, *(os.fspath(argument) for argument in arguments)]

    def environment(self, scratch: Path) -> dict[str, str]:
        """Return what the program is told by its environment; a foreign name must not count."""
        return {
            "PYTHONPATH": os.fspath(self.modules),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": os.fspath(self.home),
            "TMPDIR": os.fspath(scratch),
            "HOSTNAME": "name-of-the-builder",
        }

    def build(self, output: Path, *arguments: str | os.PathLike[str], check: bool = True) -> Result:
        """Run the program with `output` as its folder; what it works in is `output`/../work."""
        argv = self.argv(["--output", output, *arguments])
        environment = self.environment(self.folder("work"))
        return run(argv, env=environment, check=check, timeout_s=_TIMEOUT_S, cwd=self.home)

    def start(self, output: Path, log: Path, *arguments: str | os.PathLike[str]) -> Companion:
        """Start the program, with its output in `log`."""
        argv = self.argv(["--output", output, *arguments])
        return Companion(argv, env=self.environment(self.folder("work")), log=log)

    @property
    def work(self) -> Path:
        """The folder that builds of this user work in."""
        return self.place / "work"


def make_modules(folder: Path) -> Path:
    """Copy the modules to where every user can read them."""
    for source in SOURCES:
        shutil.copytree(
            source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder


def wait_for_line(log: Path, text: str, companion: Companion, timeout_s: float = 900) -> None:
    """Wait until `text` is in the log of a program that runs."""
    deadline = time.monotonic() + timeout_s
    while text not in log.read_text(encoding="utf-8", errors="replace"):
        assert companion.wait(_POLL_S) is None, log.read_text(encoding="utf-8", errors="replace")
        assert time.monotonic() < deadline, f"no {text!r} after {timeout_s} s"


def command_lines() -> dict[int, str]:
    """Return the arguments of all processes by their ids."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        found[int(path.parent.name)] = text
    return found


def left_behind(builder: Builder, output: Path) -> list[str]:
    """Return what is left of builds into `output`: files, processes, mounts."""
    found = [f"file {path}" for path in (*builder.work.iterdir(), *output.iterdir())]
    found += [
        f"process {pid}: {line}" for pid, line in command_lines().items() if str(output) in line
    ]
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return found + [f"mount {line}" for line in mounts.splitlines() if str(builder.work) in line]


def wait_until_gone(builder: Builder, output: Path, timeout_s: float = 20) -> None:
    """Wait until nothing is left behind; fail with what is."""
    deadline = time.monotonic() + timeout_s
    while left_behind(builder, output):
        if time.monotonic() > deadline:
            raise AssertionError(left_behind(builder, output))
        time.sleep(_POLL_S)


def manifest(output: Path, title: str) -> dict[str, Any]:
    """Return a manifest that was written."""
    content = json.loads((output / f"{title}.manifest.json").read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def ensure_programs(programs: Mapping[str, str]) -> None:
    """Install the packages of those programs that are missing, given by name or path.

    Only long tests need them: ci/bootstrap does not ask everyone for them.
    """
    missing = {
        package
        for name, package in programs.items()
        if not (shutil.which(name, path=PATH) or Path(name).is_file())
    }
    if missing:
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        install = ["apt-get", "-q", "-y", "--no-install-recommends", "install"]
        install += sorted(missing)
        run(install, env=quiet, timeout_s=_TIMEOUT_S)
