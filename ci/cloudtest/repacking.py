# SPDX-License-Identifier: Apache-2.0
"""A next version of our packages, made by taking the built ones apart and putting them together."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from debstack.base.run import run

_SUFFIX = "+next"


def built_deb(repository: Path, name: str) -> Path:
    """Return the one .deb of the binary package `name` in the repository's folder."""
    (found,) = repository.glob(f"pool/*/{name}_*.deb")
    return found


def next_versions(repository: Path, names: Sequence[str], folder: Path) -> list[Path]:
    """Make a higher version of the packages `names` in `folder`; return the new .debs.

    They depend on each other's new version where they depended on the same version before.
    """
    made = []
    for name in names:
        source = built_deb(repository, name)
        tree = folder / name
        run(["dpkg-deb", "--raw-extract", source, tree])
        control = tree / "DEBIAN/control"
        text = control.read_text(encoding="utf-8")
        (version,) = re.findall(r"^Version: (.*)$", text, re.MULTILINE)
        text = text.replace(f"Version: {version}\n", f"Version: {version}{_SUFFIX}\n")
        for other in names:
            text = text.replace(f"{other} (= {version})", f"{other} (= {version}{_SUFFIX})")
        control.write_text(text, encoding="utf-8")
        target = folder / f"{name}_next.deb"
        # Barely compressed: what takes minutes otherwise, for packages that are read once.
        run(["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", tree, target])
        shutil.rmtree(tree)
        made.append(target)
    return made
