# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from debian.deb822 import Packages

from cloudtest.groundwork import needed_of_debian


def ours(name: str, **fields: str) -> Packages:
    return Packages({"Package": name, **fields})


def test_needs_are_followed_through_our_packages_to_those_of_debian() -> None:
    paragraphs = [
        ours("meta", Depends="api (= 1), mariadb-server | postgresql"),
        ours("api", **{"Pre-Depends": "init-system-helpers"}, Recommends="client, meta, slim"),
        ours("slim", Conflicts="windows, unused (<< 2)"),
        ours("unused", Depends="elsewhere"),
    ]
    found = needed_of_debian(paragraphs, "meta")
    assert found.wanted == ("client", "init-system-helpers", "mariadb-server")
    assert found.unwanted == ("windows",)
