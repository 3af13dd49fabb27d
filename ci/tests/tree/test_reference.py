# SPDX-License-Identifier: Apache-2.0
"""Pages that are made from the declarations say what the declarations say."""

from __future__ import annotations

from refpages.questions import PAGE, page


def test_the_page_of_questions_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: ci/invoke questions"
