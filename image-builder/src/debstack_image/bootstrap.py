# SPDX-License-Identifier: Apache-2.0
"""From packages to a tree, by mmdebstrap."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debstack.base.run import run
from debstack_image import bytecode
from debstack_image.index import Index, Package
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
#: takes a link away and not the file.
_SETUP = (
    'put() {{ cp --archive --link "$@" 2>/dev/null || cp --archive "$@"; }} && '
    'mkdir -p "$1/var/lib/apt/lists" "$1/var/cache/apt/archives/partial" && '
    'cp {lists}/* "$1/var/lib/apt/lists/" && '
    'mkdir -p "$1/etc/dpkg/dpkg.cfg.d" && cp {exclusions} "$1{configuration}" && '
    'while read -r name; do put {archives}/"$name" "$1/var/cache/apt/archives/"; done < {names}'
)
#: What dpkg leaves out by this file it leaves out in the image, too.
EXCLUSIONS = "/etc/dpkg/dpkg.cfg.d/50-image"
#: There are keys already when openssh-server looks: none is made that is taken away again.
_NO_HOST_KEYS = (
    'mkdir -p "$1/etc/ssh" && '
    'for kind in rsa ecdsa ed25519; do : >"$1/etc/ssh/ssh_host_${kind}_key"; done'
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


def exclusions(settings: Settings) -> str:
    """Return dpkg's configuration of what is left out."""
    head = "# Written by build-openstack-debian-image.\n"
    return head + "".join(f"{line}\n" for line in left_out(settings))


def take_out(settings: Settings) -> str:
    """Return the shell line that takes out of the tree $1 what is left out.

    mmdebstrap unpacks the essential packages by tar, before dpkg does. It can filter that itself,
    by a program in Python for each package, which takes as long as everything else.
    """
    patterns = [line.partition("=")[2] for line in left_out(settings) if "exclude" in line]
    return "rm -rf " + " ".join(f'"$1"{pattern}' for pattern in patterns) if patterns else "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What mmdebstrap gets: lists of the packages alone, the packages, and files for its hooks."""

    lists: Path
    archives: Path
    #: The names of the packages' files, one a line.
    names: Path
    #: Of dpkg.
    exclusions: Path
    sources: Path


def mmdebstrap_argv(
    settings: Settings, supply: Supply, target: Path, wanted: Sequence[str]
) -> list[str]:
    """Return the command that unpacks and configures `wanted` and all essential packages."""
    argv = ["mmdebstrap", "--mode=root", "--variant=essential", "--format=directory"]
    argv += [f"--architectures={settings.architecture}", "--skip=update,cleanup/apt,check/qemu"]
    argv += [f"--include={name}" for name in wanted]
    for option in ('APT::Sandbox::User "root"', 'Acquire::Languages "none"'):
        argv += [f"--aptopt={option}"]
    argv += [f'--aptopt=APT::Install-Recommends "{str(settings.recommends).lower()}"']
    argv += ["--dpkgopt=force-unsafe-io", "--dpkgopt=force-confnew"]
    fill = _SETUP.format(
        lists=shlex.quote(os.fspath(supply.lists)),
        archives=shlex.quote(os.fspath(supply.archives)),
        names=shlex.quote(os.fspath(supply.names)),
        exclusions=shlex.quote(os.fspath(supply.exclusions)),
        configuration=EXCLUSIONS,
    )
    argv += [f"--setup-hook={fill}", f"--extract-hook={take_out(settings)}"]
    argv += [f"--essential-hook={bytecode.HOOK}", f"--essential-hook={_NO_HOST_KEYS}"]
    for path in settings.preseed:
        argv += [f'--essential-hook=chroot "$1" debconf-set-selections <{shlex.quote(str(path))}']
    # No suite: the lists have the packages that were chosen, in the pockets that they are from.
    return [*argv, "", os.fspath(target), os.fspath(supply.sources)]


def supply_of(index: Index, folder: Path) -> Supply:
    """Return where the supply of a build is whose own folder is `folder`."""
    return Supply(
        lists=folder / "lists",
        archives=index.archives,
        names=folder / "archives",
        exclusions=folder / "exclusions",
        sources=index.folder / "etc" / "sources.list.d" / "build.sources",
    )


def bootstrap(
    settings: Settings,
    index: Index,
    target: Path,
    wanted: Sequence[str],
    packages: Sequence[Package],
) -> None:
    """Make `target` a tree in which `wanted` is installed, from the downloaded `packages`.

    The initramfs is left to later: it is made once, when the time of the image is known.
    Raises CommandError with the last lines of what failed.
    """
    supply = supply_of(index, target.parent)
    supply.names.write_text("".join(f"{p.file}\n" for p in packages), encoding="utf-8")
    supply.exclusions.write_text(exclusions(settings), encoding="utf-8")
    index.narrow(packages, supply.lists)
    run(
        mmdebstrap_argv(settings, supply, target, wanted),
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
    for path in (target / "etc" / "ssh").glob("ssh_host_*_key"):
        path.unlink()
