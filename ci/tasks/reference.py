# SPDX-License-Identifier: Apache-2.0
"""Writing the reference pages that are made from the tree itself."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from refpages.preseeds import FOLDER, pages
from refpages.questions import PAGE, page


@task
def questions(_: Context) -> None:
    """Write docs/reference/questions.md from the packages' declarations."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


@task
def preseeds(_: Context) -> None:
    """Write preseed/*.preseed from the packages' declarations, and remove those of former roles."""
    wanted = pages()
    for path in FOLDER.glob("*.preseed"):
        if path not in wanted:
            path.unlink()
    for path, text in wanted.items():
        path.write_text(text, encoding="utf-8")
        print(path)
