# SPDX-License-Identifier: Apache-2.0
"""Writing the reference pages that are made from the tree itself."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from refpages.questions import PAGE, page


@task
def questions(_: Context) -> None:
    """Write docs/reference/questions.md from the packages' declarations."""
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)
