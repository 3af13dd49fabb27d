# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.base.errors import DebstackError
from debstack_image.packages import (
    check_left_out,
    kernel_package,
    priority_pattern,
    wanted_packages,
)
from debstack_image.settings import Settings


def made(**values: object) -> Settings:
    return Settings(**{"architecture": "amd64", **values})  # type: ignore[arg-type]


@pytest.mark.parametrize("minimal", [False, True])
def test_one_gets_in_on_a_console(minimal: bool) -> None:
    assert "login" in wanted_packages(made(minimal=minimal))


def test_a_cloud_image_has_what_it_is_reached_by() -> None:
    wanted = wanted_packages(made())
    assert {"cloud-init", "openssh-server", "linux-image-cloud-amd64", "grub-cloud-amd64"} <= set(
        wanted
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, "linux-image-cloud-amd64"),
        ({"kernel": "generic"}, "linux-image-amd64"),
        ({"architecture": "riscv64"}, "linux-image-riscv64"),
        ({"architecture": "arm64"}, "linux-image-cloud-arm64"),
        ({"kernel": "none"}, None),
    ],
)
def test_kernels(values: dict[str, object], expected: str | None) -> None:
    assert kernel_package(made(**values)) == expected


def test_the_kernel_comes_from_backports_when_asked_for() -> None:
    wanted = wanted_packages(made(kernel_from_backports=True))
    assert "linux-image-cloud-amd64/trixie-backports" in wanted


def test_what_makes_the_initramfs_comes_with_the_kernel_and_not_by_it() -> None:
    """Kernels that would rather have dracut left images without update-initramfs."""
    assert "initramfs-tools" in wanted_packages(made(minimal=True))
    assert "initramfs-tools" not in wanted_packages(made(kernel="none"))


def test_nothing_of_cloud_init_without_it() -> None:
    assert not [name for name in wanted_packages(made(cloud_init=False)) if name == "cloud-init"]


def test_a_minimal_image_takes_no_package_by_priority() -> None:
    assert priority_pattern(made(minimal=True)) == []
    assert len(wanted_packages(made(minimal=True))) < len(wanted_packages(made()))


def test_packages_can_be_left_out_and_versions_be_chosen() -> None:
    found = wanted_packages(made(without=("curl",), extra_packages=("less=668-1",)))
    assert "curl" not in found
    assert "less=668-1" in found
    assert "less" not in found
    assert "?exact-name(nano)" in priority_pattern(made(without=("nano",)))[0]


def test_a_package_that_others_need_is_not_left_out_in_silence() -> None:
    check_left_out(made(without=("nano",)), ["less", "sudo"])
    with pytest.raises(DebstackError, match="--without: sudo: what else is in the image needs it"):
        check_left_out(made(without=("nano", "sudo")), ["less", "sudo"])


def test_a_time_zone_and_a_language_bring_what_they_are_from() -> None:
    bare = set(wanted_packages(made(minimal=True)))
    told = made(minimal=True, timezone="Europe/Paris", locale="de_DE.UTF-8")
    assert set(wanted_packages(told)) - bare == {"tzdata", "locales"}


def test_the_file_system_brings_its_tools() -> None:
    assert "xfsprogs" in wanted_packages(made(filesystem="xfs"))
