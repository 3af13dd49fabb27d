# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from debstack.base.run import Result
from debstack_image import system, tree
from debstack_image.chroot import Chroot
from debstack_image.first_boot import configure_first_boot
from debstack_image.settings import Settings


@pytest.fixture
def chroot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chroot:
    """Return a tree that knows some locales and zones; what is run in it does nothing."""
    known = "de_DE.UTF-8 UTF-8\nde_DE ISO-8859-1\nvi_VN UTF-8\nca_ES@valencia UTF-8\n"
    tree.write(tmp_path, "/usr/share/i18n/SUPPORTED", known)
    tree.write(tmp_path, "/usr/share/zoneinfo/Europe/Paris", "TZif")
    monkeypatch.setattr(Chroot, "run", lambda *_: Result(code=0, stdout="", stderr=""))
    return Chroot(tmp_path, 1)


@pytest.mark.parametrize(
    ("name", "language", "line"),
    [
        ("de_DE.UTF-8", "de_DE.UTF-8", "de_DE.UTF-8 UTF-8"),
        ("vi_VN.UTF-8", "vi_VN", "vi_VN UTF-8"),
        ("ca_ES.UTF-8@valencia", "ca_ES@valencia", "ca_ES@valencia UTF-8"),
    ],
)
def test_a_locale_is_made_by_the_name_that_the_release_has_for_it(
    chroot: Chroot, name: str, language: str, line: str
) -> None:
    system._set_locale(chroot, name)
    assert (chroot.root / "etc" / "locale.gen").read_text() == f"{line}\n"
    assert (chroot.root / "etc" / "locale.conf").read_text() == f"LANG={language}\n"


def test_a_locale_that_the_release_does_not_have(chroot: Chroot) -> None:
    with pytest.raises(DebstackError, match=r"--locale: xx_XX\.UTF-8: the release does not"):
        system._set_locale(chroot, "xx_XX.UTF-8")


@pytest.mark.parametrize("zone", ["Europe", "Europe/Nowhere"])
def test_a_time_zone_is_a_file_that_the_release_has(chroot: Chroot, zone: str) -> None:
    system._set_time_zone(chroot, "Europe/Paris")
    assert (chroot.root / "etc" / "localtime").readlink() == Path(
        "/usr/share/zoneinfo/Europe/Paris"
    )
    with pytest.raises(DebstackError, match=f"--timezone: {zone}: the release does not"):
        system._set_time_zone(chroot, zone)


def test_data_sources_are_those_that_cloud_init_knows(chroot: Chroot) -> None:
    for name in ("NoCloud", "None"):
        module = f"/usr/lib/python3/dist-packages/cloudinit/sources/DataSource{name}.py"
        tree.write(chroot.root, module, "")
    tree.write(chroot.root, "/etc/group", "root:x:0:\n")
    configure_first_boot(chroot, Settings(datasources=("NoCloud", "None")))
    file = chroot.root / "etc" / "cloud" / "cloud.cfg.d" / "90-image.cfg"
    assert 'datasource_list: ["NoCloud", "None"]' in file.read_text()
    with pytest.raises(DebstackError, match="--datasources: NoClod: ") as caught:
        configure_first_boot(chroot, Settings(datasources=("NoClod", "None")))
    assert caught.value.hint == "it knows NoCloud, None"
