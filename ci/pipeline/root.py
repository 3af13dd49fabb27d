# SPDX-License-Identifier: Apache-2.0
"""Clean Debian roots to build in: a cached base, layers over it, a throw-away overlay on top."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run
from pipeline.mirror import Mirror, host_mirror
from pipeline.tree import cache_dir, locked, remove_dead_scratch, scratch_folder

log = logging.getLogger(__name__)

ENTER = Path(__file__).with_name("enter.sh")
ARCHIVES = "/var/cache/apt/archives"
_BUILDER_UID = "1000"
_LAYER_AGE_S = 14 * 24 * 3600
_TIMEOUT_S = 3 * 3600.0

#: How a base is finished, run inside it. py3compile is diverted: byte code of build dependencies
#: costs about a third of the time to install them and is thrown away after one short build.
_FINISH = f"""
set -eu
useradd --uid {_BUILDER_UID} --user-group --create-home --home-dir /build builder
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
for tool in py3compile; do
    dpkg-divert --quiet --local --rename --add "/usr/bin/$tool"
    ln -s /bin/true "/usr/bin/$tool"
done
echo man-db man-db/auto-update boolean false | debconf-set-selections
"""
_APT_CONF = """\
APT::Install-Recommends "false";
APT::Keep-Downloaded-Packages "true";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dpkg::Use-Pty "false";
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A base root: its folder, and an identity that changes with the packages in it."""

    path: Path
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A writable overlay over `lower` (uppermost first), alive while its context is."""

    lower: tuple[Path, ...]
    folder: Path
    binds: Mapping[Path, str] = field(default_factory=dict)

    @property
    def upper(self) -> Path:
        """The folder that holds what was written."""
        return self.folder / "upper"

    def argv(
        self,
        command: Sequence[str],
        *,
        user: str = "root",
        network: bool = False,
        log_path: Path | None = None,
        host: str = "debstack-build",
    ) -> list[str]:
        """Return the command line, for the host, that runs `command` in this root."""
        # The process that asked for it gone (even by SIGKILL), the command and its mounts go too.
        argv = ["setpriv", "--pdeathsig", "KILL", "unshare", "--kill-child", "--pid", "--fork"]
        argv += ["--mount", "--propagation", "private", "--ipc", "--uts"]
        argv += [] if network else ["--net"]
        argv += ["sh", os.fspath(ENTER), "--user", user, "--host", host]
        argv += ["--resolver"] if network else ["--loopback"]
        for source, target in self.binds.items():
            argv += ["--bind", f"{source}:{target}"]
        if log_path is not None:
            argv += ["--log", os.fspath(log_path)]
        argv += [":".join(os.fspath(path) for path in self.lower)]
        argv += [os.fspath(self.folder / name) for name in ("upper", "work", "root")]
        return [*argv, "--", *command]

    def run(
        self,
        command: Sequence[str],
        *,
        user: str = "root",
        network: bool = False,
        log_path: Path | None = None,
        host: str = "debstack-build",
        check: bool = True,
    ) -> tuple[int, str]:
        """Run `command` in this root; return its exit code and standard output.

        With `log_path` all output is appended there instead. Without `network` there is only a
        loopback interface. Raises CommandError as debstack.base.run does.
        """
        done = run(
            self.argv(command, user=user, network=network, log_path=log_path, host=host),
            timeout_s=_TIMEOUT_S,
            check=check,
        )
        return done.code, done.stdout


@contextmanager
def overlay(lower: Sequence[Path], binds: Mapping[Path, str] | None = None) -> Iterator[Root]:
    """Give a Root over `lower` (uppermost first); what is written goes with the context."""
    with scratch_folder("root") as folder:
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        yield Root(lower=tuple(lower), folder=folder, binds=dict(binds or {}))


def mmdebstrap_argv(mirror: Mirror, suite: str, target: Path) -> list[str]:
    """Return the command line that makes a buildd root of `suite` at `target`."""
    argv = ["mmdebstrap", "--mode=root", "--variant=buildd", "--format=directory"]
    argv += ["--include=eatmydata,ca-certificates", "--skip=cleanup/apt/lists"]
    for line in (*_APT_CONF.splitlines(), *mirror.settings):
        argv += [f"--aptopt={line}"]
    argv += ['--customize-hook=chroot "$1" sh -c "$FINISH"']
    return [*argv, suite, os.fspath(target), *mirror.sources(suite)]


def _identity(root: Path) -> str:
    listed = run(
        ["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", "${Package} ${Version}\n"]
    ).stdout
    return hashlib.sha256(listed.encode()).hexdigest()


def ensure_base(suite: str, *, refresh: bool = False) -> Base:
    """Return the base root of `suite`, made by mmdebstrap if the cache has none (or `refresh`)."""
    if os.geteuid() != 0:
        raise DebstackError(
            "a build root needs mounts and a chroot: expected root, "
            f"found the user with the id {os.geteuid()}",
            hint="run it as root; make check needs no root",
        )
    remove_dead_scratch()
    mirror = host_mirror()
    recipe = json.dumps([mmdebstrap_argv(mirror, suite, Path("/")), _FINISH])
    name = f"{suite}-buildd-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    path = cache_dir("base") / name
    mark = path.with_suffix(".json")
    with locked(f"base-{name}"):
        if refresh or not mark.is_file():
            mark.unlink(missing_ok=True)
            shutil.rmtree(path, ignore_errors=True)
            log.info("base: making a clean %s root with mmdebstrap", suite)
            run(
                mmdebstrap_argv(mirror, suite, path),
                env={"FINISH": _FINISH, "TMPDIR": "/var/tmp"},  # noqa: S108 - mmdebstrap's own
                timeout_s=_TIMEOUT_S,
                hint="check that apt-get update works on this machine; the same mirror is used",
            )
            mark.write_text(json.dumps({"identity": _identity(path)}), encoding="utf-8")
    return Base(path=path, identity=json.loads(mark.read_text(encoding="utf-8"))["identity"])


_FETCH = """
set -eu
"$@" --download-only || { apt-get -q update; "$@" --download-only; }
"""
_INSTALL = """
set -eu
exec eatmydata "$@" -o Debug::NoLocking=true
"""


def apt_install(root: Root, command: Sequence[str], log_path: Path) -> None:
    """Run an installing `apt-get` command in `root`: downloads one at a time, then unlocked.

    The .debs go to a cache that all roots share; its lock is held only while downloading.
    """
    with locked("apt-archives"):
        fetch = ["sh", "-c", _FETCH, "sh", *command]
        root.run(fetch, network=True, log_path=log_path)
    root.run(["sh", "-c", _INSTALL, "sh", *command], network=True, log_path=log_path)


def _forget_old(layers: Path) -> None:
    """Remove layers that no build has used for two weeks."""
    for layer in layers.iterdir():
        if layer.stat().st_mtime < time.time() - _LAYER_AGE_S:
            shutil.rmtree(layer)


def ensure_layer(base: Base, relations: Sequence[str], log_path: Path) -> Path:
    """Return a layer over `base` in which `relations` (as in Build-Depends) are installed.

    Layers are kept in the cache by what they hold, so that packages with the same build
    dependencies, and the next build of the same package, share the work.
    """
    wanted = sorted(set(relations))
    key = hashlib.sha256(json.dumps([base.identity, wanted]).encode()).hexdigest()[:16]
    path = cache_dir("layers") / key
    with locked(f"layer-{key}"):
        if path.is_dir():
            os.utime(path)
            return path
        _forget_old(path.parent)
        binds = {cache_dir("apt", "archives"): ARCHIVES}
        with overlay([base.path], binds) as root:
            command = ["apt-get", "-q", "-y", "satisfy", ", ".join(wanted)]
            apt_install(root, command, log_path)
            root.upper.rename(path)
    return path
