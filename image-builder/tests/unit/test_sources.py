# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from debstack_image.machine_apt import MachineApt, choose
from debstack_image.settings import Settings
from debstack_image.sources import plan_sources

MACHINE = MachineApt(
    archive="http://deb.example.org/debian",
    security="http://deb.example.org/debian-security",
    settings=('Acquire::http::Proxy "http://proxy.example.org:3128";',),
)


def test_the_mirror_is_that_of_the_machine() -> None:
    found = plan_sources(Settings(), MACHINE)
    assert "URIs: http://deb.example.org/debian\nSuites: trixie trixie-updates\n" in found.build
    assert "Suites: trixie-security\n" in found.build
    assert found.settings == MACHINE.settings
    assert found.image == found.build


def test_a_mirror_given_wins_and_has_its_security_updates_beside_it() -> None:
    found = plan_sources(Settings(mirror="http://m.example.org/debian"), MACHINE)
    assert "deb.example.org" not in found.build
    assert "http://m.example.org/debian-security\n" in found.build


def test_the_image_may_use_another_mirror_than_the_build() -> None:
    found = plan_sources(Settings(image_mirror="http://i.example.org/debian"), MACHINE)
    assert "i.example.org" not in found.build
    assert "deb.example.org" not in found.image
    assert "http://i.example.org/debian-security\n" in found.image


@pytest.mark.parametrize("release", ["sid", "unstable"])
def test_what_rolls_has_no_pockets(release: str) -> None:
    found = plan_sources(Settings(release=release), MACHINE)
    assert f"Suites: {release}\n" in found.build
    assert "security" not in found.build


def test_a_new_release_needs_no_change_here() -> None:
    found = plan_sources(Settings(release="duke"), MACHINE)
    assert "Suites: duke duke-updates\n" in found.build
    assert "Suites: duke-security\n" in found.build


def test_the_kernel_from_backports_needs_them() -> None:
    found = plan_sources(Settings(kernel_from_backports=True), MACHINE)
    assert "Suites: trixie trixie-updates trixie-backports\n" in found.build


def test_keys_of_the_build_stay_on_the_machine(tmp_path: Path) -> None:
    key = tmp_path / "mirror.gpg"
    key.touch()
    found = plan_sources(Settings(keyring=key), MACHINE)
    assert f"Signed-By: {key}\n" in found.build
    assert str(tmp_path) not in found.image


def test_a_repository_is_in_both(tmp_path: Path) -> None:
    file = tmp_path / "own.sources"
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    file.write_text(f"Types: deb\nURIs: http://own.example.org\nSuites: ./\nSigned-By: {key}\n")
    found = plan_sources(Settings(repository=(file,)), MACHINE)
    assert found.build.count("own.example.org") == found.image.count("own.example.org") == 1


LISTED = [
    "http://vendor.example.com/apt/|bookworm|main",
    "http://deb.example.org/debian/|bookworm|main",
    "http://deb.example.org/debian/|bookworm-updates|main",
    "http://sec.example.org/debian-security/|bookworm-security|main",
    "http://deb.example.org/debian/|bookworm|contrib",
]


def test_an_archive_with_pockets_wins_over_a_vendor_of_the_same_codename() -> None:
    found = choose(LISTED, "bookworm")
    assert found.archive == "http://deb.example.org/debian"
    assert found.security == "http://sec.example.org/debian-security"


def test_a_machine_without_debian_is_told_what_to_do() -> None:
    with pytest.raises(DebstackError, match="expected an entry for Debian trixie main") as caught:
        choose(LISTED, "trixie")
    assert "--mirror" in str(caught.value.hint)


@pytest.mark.parametrize("suite", ["forky", "testing", "sid", "unstable"])
def test_a_machine_before_its_release_is_known_by_other_names(suite: str) -> None:
    """Such a machine says of itself that it is the next release; none of its sources does."""
    lines = [f"http://deb.example.org/debian/|{suite}|main"]
    found = choose(lines, "forky", released=False)
    assert found.archive == "http://deb.example.org/debian"
    # Whoever builds a stable release there has its security updates.
    assert found.security == "http://deb.example.org/debian-security"
    with pytest.raises(DebstackError, match="expected an entry for Debian trixie main"):
        choose(lines, "trixie")


def test_a_list_of_mirrors_is_resolved(tmp_path: Path) -> None:
    listing = tmp_path / "mirrors.list"
    listing.write_text("# first one counts\nhttp://one.example.org/debian/ priority:1\n")
    lines = [f"mirror+file:{listing}|trixie|main"]
    assert choose(lines, "trixie").archive == "http://one.example.org/debian"


def test_packages_of_a_folder_are_copied_out_of_it() -> None:
    settings = Settings(mirror="file:/srv/debian", image_mirror="http://i.example.org/debian")
    found = plan_sources(settings, MACHINE)
    assert "URIs: copy:/srv/debian\n" in found.build
    assert "URIs: copy:/srv/debian-security\n" in found.build
    assert "copy:" not in found.image
