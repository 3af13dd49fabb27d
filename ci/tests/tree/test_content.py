# SPDX-License-Identifier: Apache-2.0
"""What may not be in the tree: names of package registries, paths of a machine, unfinished work."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pipeline.index import pip_indexes
from pipeline.mirror import read_entries
from pipeline.tree import ROOT, tree_files

#: Texts of others, kept as they are.
FOREIGN = ("LICENSE",)


def texts() -> Iterator[tuple[str, str]]:
    """Give the relative name and the text of each text file of the tree."""
    for path in tree_files(ROOT):
        if path.is_symlink() or path.name in FOREIGN:
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            yield os.fspath(path.relative_to(ROOT)), content.decode("utf-8", errors="replace")


def registry_hosts() -> set[str]:
    """Return the hosts that apt and pip of this machine fetch from."""
    uris = [entry.uri for entry in read_entries(Path("/etc/apt"))]
    uris += pip_indexes().urls
    hosts = {urlsplit(uri).hostname or "" for uri in uris}
    return {host for host in hosts if "." in host}


def found_in_tree(patterns: dict[str, re.Pattern[str]]) -> list[str]:
    """Return `file: what` for each pattern that a file of the tree matches."""
    return [
        f"{name}: {title}"
        for name, text in texts()
        for title, pattern in patterns.items()
        if pattern.search(text)
    ]


def test_no_registry_is_named() -> None:
    hosts = registry_hosts()
    if not hosts:
        pytest.skip("apt and pip of this machine use no host")
    assert not found_in_tree({host: re.compile(re.escape(host)) for host in hosts})


def test_no_path_of_this_machine() -> None:
    top = os.fspath(ROOT)
    places = {top: re.compile(re.escape(top) + r"(?![\w-])")} if top.count("/") > 1 else {}
    home = os.fspath(Path.home())
    if home != "/root":  # a fixed path of any Debian machine
        places[home] = re.compile(re.escape(home) + r"(?![\w-])")
    assert not found_in_tree(places)


def test_nothing_is_marked_unfinished() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")
    # In a patch, what begins with a blank is upstream's: the lines around the change.
    patterns = {word: re.compile(rf"^(?! ).*\b{word}\b", re.M) for word in words}
    patches = {
        f"{name}: {word}" for name, _ in texts() for word in words if name.endswith(".patch")
    }
    everywhere = {word: re.compile(rf"\b{word}\b") for word in words}
    ours = [found for found in found_in_tree(everywhere) if found not in patches]
    assert not ours + [found for found in found_in_tree(patterns) if found in patches]


def test_licence_is_stated() -> None:
    kinds = {".py", ".sh", ".toml", ".pm", ".yaml", ".yml"}
    missing = [
        name
        for name, text in texts()
        if "expected" not in Path(name).parts  # rendered files
        and (Path(name).suffix in kinds or (text.startswith("#!") and not name.endswith(".j2")))
        and "SPDX-License-Identifier: Apache-2.0" not in text[:400]
    ]
    assert not missing
