# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime import packages


def test_what_is_still_to_be_configured() -> None:
    listing = (
        "glance-api unpacked\nglance-common half-configured\nkeystone installed\n"
        "nova-api triggers-pending\nplacement-api config-files\n"
    )
    assert packages.waiting_in(listing) == ("glance-api", "glance-common")


def test_the_toolkit_itself_is_not_asked_about() -> None:
    assert packages.unconfigured(["debstack"]) == ()


@pytest.mark.parametrize("inside", [True, False])
def test_a_dpkg_run_is_known_by_its_environment(
    monkeypatch: pytest.MonkeyPatch, inside: bool
) -> None:
    monkeypatch.delenv("DPKG_RUNNING_VERSION", raising=False)
    if inside:
        monkeypatch.setenv("DPKG_RUNNING_VERSION", "1.22.21")
    assert packages.in_dpkg_run() is inside
