# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64

import pytest

from debstack.runtime.database.scram import prepared, verifier


def test_the_verifier_of_rfc_7677() -> None:
    # The example of RFC 7677: user, pencil, its salt; keys computed from its messages.
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    told = verifier("pencil", salt=salt)
    assert told == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ=="
        "$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
        ":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_no_two_verifiers_are_alike() -> None:
    assert verifier("x") != verifier("x")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("a\\b %", "a\\b %"),
        ("I\u00adX", "IX"),  # RFC 4013, 3: a soft hyphen is nothing
        ("\u2168", "IX"),
        ("\u00aa", "a"),
        ("é\u00a0l", "é l"),
        ("\u0627\u0031", "\u0627\u0031"),  # refused by its rules, so taken as it is
        ("é\u0007", "é\u0007"),
    ],
)
def test_passwords_are_prepared_as_libpq_does(given: str, told: str) -> None:
    assert prepared(given) == told
