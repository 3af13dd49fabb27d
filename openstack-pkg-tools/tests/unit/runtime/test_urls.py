# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime.urls import bracketed, host_ports


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("mq1", ("mq1:5672",)),
        ("mq1:1, mq2", ("mq1:1", "mq2:5672")),
        ("2001:db8::1", ("[2001:db8::1]:5672",)),
        ("[2001:db8::1],[2001:db8::2]:7", ("[2001:db8::1]:5672", "[2001:db8::2]:7")),
    ],
)
def test_hosts_with_and_without_ports(text: str, found: tuple[str, ...]) -> None:
    assert host_ports(text, 5672) == found


def test_brackets() -> None:
    assert bracketed("::1") == "[::1]"
    assert bracketed("[::1]") == "[::1]"
    assert bracketed("host") == "host"
