# SPDX-License-Identifier: Apache-2.0
from cloudtest.acting import Complaint, complaint

OUTPUT = """\
debstack: files:site: in order (0.0 s)
debstack: error: database:a/a, database:b/b: MariaDB: cannot be reached (2002)
debstack: hint: start it, then run: debstack apply
debstack: not done: 2 steps failed (0 changes made, 3.0 s)
dpkg: error processing package debstack (--configure):
"""


def test_a_complaint_is_what_debstack_says_of_a_failure() -> None:
    assert complaint(OUTPUT) == Complaint(
        errors=("database:a/a, database:b/b: MariaDB: cannot be reached (2002)",),
        hints=("start it, then run: debstack apply",),
    )


def test_without_a_failure_there_is_no_complaint() -> None:
    assert complaint("debstack: nothing to do\n") == Complaint(errors=(), hints=())
