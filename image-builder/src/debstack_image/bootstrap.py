# SPDX-License-Identifier: Apache-2.0
"""From packages to a tree, by mmdebstrap."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from debstack.base.run import run
from debstack_image import bytecode
from debstack_image.index import Index
from debstack_image.settings import Settings

_TIMEOUT_S = 3 * 3600.0
_MESSAGES = "/usr/share/locale/{}/LC_MESSAGES/*.mo"
#: What a minimal image does without, besides.
_MINIMAL = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/info/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
#: Links where that can be, for the sake of memory; mmdebstrap removes some of the packages, which
#: takes a link away and not the file. The lists are read only.
_SETUP = (
    'put() {{ cp --archive --link "$@" 2>/dev/null || cp --archive "$@"; }} && '
    'mkdir -p "$1/var/lib/apt/lists" "$1/var/cache/apt/archives/partial" && '
    'put {lists}/. "$1/var/lib/apt/lists/" && '
    'cp {preferences}/* "$1/etc/apt/preferences.d/" && '
    'while read -r name; do put {archives}/"$name" "$1/var/cache/apt/archives/"; done < {names}'
)


def left_out(settings: Settings) -> list[str]:
    """Return what dpkg leaves out; it keeps to it when packages are upgraded in the image."""
    lines = list(_MINIMAL) if settings.minimal else []
    if not settings.translations:
        lines.append(f"path-exclude={_MESSAGES.format('*')}")
        language = settings.locale.partition("_")[0]
        if "_" in settings.locale:
            lines.append(f"path-include={_MESSAGES.format(language + '*')}")
    return lines


def mmdebstrap_argv(
    settings: Settings, index: Index, target: Path, wanted: Sequence[str], names: Path
) -> list[str]:
    """Return the command that unpacks and configures `wanted` and all essential packages."""
    argv = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory"]
    argv += [f"--architectures={settings.architecture}", "--skip=update,cleanup/apt,check/qemu"]
    argv += [f"--include={name}" for name in wanted]
    for option in ('APT::Sandbox::User "root"', 'Acquire::Languages "none"'):
        argv += [f"--aptopt={option}"]
    argv += [f'--aptopt=APT::Install-Recommends "{str(settings.recommends).lower()}"']
    argv += ["--dpkgopt=force-unsafe-io", "--dpkgopt=force-confnew"]
    argv += [f"--dpkgopt={line}" for line in left_out(settings)]
    fill = _SETUP.format(
        lists=shlex.quote(os.fspath(index.lists)),
        preferences=shlex.quote(os.fspath(index.preferences)),
        archives=shlex.quote(os.fspath(index.archives)),
        names=shlex.quote(os.fspath(names)),
    )
    argv += [f"--setup-hook={fill}"]
    argv += [f"--essential-hook={bytecode.HOOK}"]
    for path in settings.preseed:
        argv += [f'--essential-hook=chroot "$1" debconf-set-selections <{shlex.quote(str(path))}']
    sources = index.folder / "etc" / "sources.list.d" / "build.sources"
    return [*argv, settings.release, os.fspath(target), os.fspath(sources)]


def bootstrap(
    settings: Settings, index: Index, target: Path, wanted: Sequence[str], files: Sequence[str]
) -> None:
    """Make `target` a tree in which `wanted` is installed, from the downloaded `files`.

    The initramfs is left to later: it is made once, when the time of the image is known.
    Raises CommandError with the last lines of what failed.
    """
    names = target.with_name("archives")
    names.write_text("".join(f"{name}\n" for name in files), encoding="utf-8")
    run(
        mmdebstrap_argv(settings, index, target, wanted, names),
        env={
            "TMPDIR": os.fspath(target.parent),
            "INITRD": "No",
            "DEBIAN_FRONTEND": "noninteractive",
        },
        timeout_s=_TIMEOUT_S,
        hint="the lines above are those of the package that failed; -v shows all of them",
    )
    for folder in ("var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(target / folder)
        (target / folder).mkdir()
