# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.base.errors import ConfigurationError
from debstack.base.run import Result
from debstack.runtime import packages


def test_what_is_still_to_be_configured() -> None:
    listing = (
        "glance-api unpacked\nglance-common half-configured\nkeystone installed\n"
        "nova-api triggers-pending\nplacement-api config-files\n"
    )
    assert packages.waiting_in(listing) == ("glance-api", "glance-common")


def test_what_is_missing_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listing = "python3-rbd installed\nceph-common config-files\n"
    monkeypatch.setattr(
        packages, "run", lambda *_argv, **_more: Result(code=1, stdout=listing, stderr="")
    )
    packages.require(["python3-rbd"], "Glance with Ceph")
    packages.require([], "nothing")
    with pytest.raises(ConfigurationError) as caught:
        packages.require(["python3-rbd", "qemu-block-extra", "ceph-common"], "Nova with Ceph")
    assert caught.value.message == (
        "Nova with Ceph needs ceph-common, qemu-block-extra, which is not installed"
    )
    assert caught.value.hint == (
        "run: apt-get install ceph-common qemu-block-extra; then: debstack apply"
    )


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
