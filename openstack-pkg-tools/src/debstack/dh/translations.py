# SPDX-License-Identifier: Apache-2.0
"""Translated templates: the toolkit's po files and the component's own, merged by po-debconf."""

from __future__ import annotations

import tempfile
from pathlib import Path

from debstack.base.run import run

_INSTALLED = Path("/usr/share/debstack/po")
_IN_TREE = Path(__file__).parents[3] / "po"


def shared_po() -> Path:
    """Return the directory of the toolkit's own translations."""
    return _IN_TREE if _IN_TREE.is_dir() else _INSTALLED


def merge_argv(files: list[Path], output: Path) -> list[str]:
    """Return the command that merges `files` into `output`; the first translation wins."""
    names = [str(path) for path in files]
    return ["msgcat", "--use-first", "--output-file", str(output), *names]


def translated(templates: str, *po_directories: Path) -> str:
    """Return `templates` (po-debconf's form) with every translation in `po_directories`.

    An earlier directory wins over a later one; directories that do not exist are passed over.
    """
    by_language: dict[str, list[Path]] = {}
    for directory in po_directories:
        for path in sorted(directory.glob("*.po")):
            by_language.setdefault(path.name, []).append(path)
    with tempfile.TemporaryDirectory() as temporary:
        merged = Path(temporary, "po")
        merged.mkdir()
        for name, files in by_language.items():
            run(merge_argv(files, merged / name))
        master = Path(temporary, "templates")
        master.write_text(templates, encoding="utf-8")
        output = Path(temporary, "output")
        argv = ["po2debconf", "--encoding=utf8", f"--podir={merged}", f"--output={output}"]
        run([*argv, str(master)])
        return output.read_text(encoding="utf-8")
