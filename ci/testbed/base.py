# SPDX-License-Identifier: Apache-2.0
"""What nodes are made of: a bare Debian 13 server as a folder, apt's lists as a layer over it."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path

from debstack.base.run import run
from pipeline.mirror import Mirror, host_mirror
from pipeline.root import overlay
from pipeline.tree import locked
from testbed.places import TestbedError, cache, read_json, write_json

log = logging.getLogger(__name__)

SUITE = "trixie"
#: A Debian server as debian-installer leaves it with nothing chosen, less what hardware needs.
PACKAGES = (
    "apt-utils",
    "ca-certificates",
    "dbus",
    "debconf-i18n",
    "iproute2",
    "iputils-ping",
    "less",
    "logrotate",
    "netbase",
    "perl",
    "procps",
    "systemd",
    "systemd-sysv",
    "tzdata",
    "whiptail",
)
LISTS_AGE_S = 7 * 86400.0
_TIMEOUT_S = 1800.0

#: What makes the root a node, run inside it. Modules are the host's business.
_FINISH = """
set -eu
ln -s /dev/null /etc/systemd/system/systemd-modules-load.service
rm -f /etc/resolv.conf
: >/etc/resolv.conf
chmod 0644 /etc/resolv.conf
: >/etc/machine-id
rm -f /etc/hostname
"""
_APT_CONF = (
    'Acquire::Languages "none";',
    'Acquire::Retries "0";',  # in a node, what is not there will not come
    'Dpkg::Use-Pty "false";',
)


UPDATE = ("apt-get", "-q", "-o", "Acquire::Retries=3", "update")


def mmdebstrap_argv(mirror: Mirror, target: Path) -> list[str]:
    """Return the command line that makes the base at `target` from `mirror`.

    It runs in a mount and process namespace of its own, so that nothing of it outlives it.
    """
    argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]
    argv += ["--mount-proc", "mmdebstrap", "--mode=root", "--variant=minbase"]
    argv += ["--format=directory", f"--include={','.join(PACKAGES)}"]
    argv += [f"--aptopt={line}" for line in (*_APT_CONF, *mirror.settings)]
    argv += ['--customize-hook=chroot "$1" sh -c "$FINISH"', "--skip=cleanup/apt/lists"]
    return [*argv, SUITE, os.fspath(target), *mirror.sources(SUITE)]


def ensure_base() -> Path:
    """Return the folder of the base root, made with mmdebstrap if the cache has none."""
    mirror = host_mirror()
    recipe = json.dumps([mmdebstrap_argv(mirror, Path("/")), _FINISH])
    path = cache() / f"base-{hashlib.sha256(recipe.encode()).hexdigest()[:12]}"
    with locked(f"testbed-{path.name}"):
        if not path.is_dir():
            _make_base(mirror, path)
        path.with_suffix(".used").touch()
    return path


def _make_base(mirror: Mirror, path: Path) -> None:
    partial = path.with_name(f"partial-{path.name}")
    shutil.rmtree(partial, ignore_errors=True)
    log.info("making a Debian %s root (once; it stays in the cache)", SUITE)
    started = time.monotonic()
    run(
        mmdebstrap_argv(mirror, partial),
        env={"FINISH": _FINISH, "TMPDIR": "/var/tmp"},  # noqa: S108 - mmdebstrap's own
        timeout_s=_TIMEOUT_S,
        hint="check that apt-get update works on this machine; the same mirror is used",
    )
    partial.rename(path)
    log.info("made it in %.0f s", time.monotonic() - started)


def ensure_lists(base: Path, *, refresh: bool = False) -> Path:
    """Return the layer that holds apt's package lists, fetched anew if they are too old.

    The lists of the day the base was made are in the base itself; the layer is empty until they
    are older than LISTS_AGE_S, or `refresh` asks for new ones.
    """
    with locked(f"testbed-lists-{base.name}"):
        newest = _newest_lists(base) or _store_lists(base, None)
        fetched = float(read_json(newest / "fetched.json"))
        if not refresh and time.time() - fetched < LISTS_AGE_S:
            return newest / "layer"
        log.info("fetching apt's package lists")
        with overlay([base]) as root:
            code, output = root.run([*UPDATE], network=True, check=False)
            if code != 0:
                raise TestbedError(
                    f"apt-get update in the base root: exit code {code}\n    {output.strip()}",
                    hint="check that apt-get update works on this machine; the same mirror is used",
                )
            return _store_lists(base, root.upper) / "layer"


def _newest_lists(base: Path) -> Path | None:
    return max(cache().glob(f"lists-{base.name}-*"), default=None)


def _store_lists(base: Path, upper: Path | None) -> Path:
    """Keep the files that apt wrote below /var below `upper` as the newest layer of lists."""
    path = cache() / f"lists-{base.name}-{time.time_ns()}"
    partial = path.with_name(f"partial-{path.name}")
    layer = partial / "layer"
    layer.mkdir(parents=True)
    fetched = time.time()
    if upper is None:
        fetched = base.stat().st_mtime
    else:
        copy = ["cp", "--archive", "--parents"]
        run([*copy, "var/lib/apt", "var/cache/apt", layer], cwd=upper)
    write_json(partial / "fetched.json", fetched)
    partial.rename(path)
    return path


def new_layer(path: Path) -> Path:
    """Make the folder `path` as an empty layer: its mode becomes that of the node's root folder."""
    path.mkdir(parents=True)
    path.chmod(0o755)
    return path
