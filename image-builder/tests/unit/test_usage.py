# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from debstack_image import cli, former
from debstack_image.parsing import LONG
from debstack_image.reference import completion, manual
from debstack_image.settings import OPTIONS, Settings, spelling
from debstack_image.usage import help_text


def test_help_has_every_option() -> None:
    text = help_text()
    for name, option in OPTIONS.items():
        word = spelling(name)
        assert f"--{word}" in text or f"--no-{word}" in text, option
    assert max(len(line) for line in text.splitlines()) <= 90


def test_help_says_what_each_option_does_in_the_form_that_it_shows() -> None:
    text = " ".join(help_text().split())
    for name, option in OPTIONS.items():
        on = option.read is None and getattr(Settings(), name)
        word = f"--no-{spelling(name)} do not" if on else f"--{spelling(name)}"
        assert f"{word} {option.metavar} {option.help}".replace("  ", " ") in text


def test_help_needs_no_privileges_and_no_commands(  # W-126
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "argv", ["build-openstack-debian-image", "--help"])
    monkeypatch.setattr(cli, "raise_on_signals", lambda: None)
    assert cli.main() == 0
    assert capsys.readouterr().out.startswith("usage: ")


def test_wrong_usage_is_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["build-openstack-debian-image", "--relase", "sid"])
    monkeypatch.setattr(cli, "raise_on_signals", lambda: None)
    assert cli.main() == 2
    told = capsys.readouterr().err
    assert "build-openstack-debian-image: error: unknown option --relase\n" in told
    assert "build-openstack-debian-image: hint: did you mean --release?\n" in told


def test_manual_has_every_option_with_its_default() -> None:
    text = manual()
    for name in OPTIONS:
        assert "\\-\\-" + spelling(name) in text
    assert "Default: trixie." in text


#: Every option of Debian's program of the same name, in its version 1.94.
_EARLIER = """
    -r --release -a --architecture -m --minimal --rescue --azure --octavia-agent --manila-agent
    --trove-agent --extrepo --newer-qemu -u --debootstrap-url -s --sources.list-mirror
    --security-mirror -k --debootstrap-keyring-file --copy-debootstrap-keyring-file
    --install-nonfree-repo --disable-check-valid-until --setup-backports --backports-repository
    --kernel-from-backports -e --extra-packages --postinstall-packages --no-cloud-kernel --editor
    --default-editor --no-cloud-init -is --image-size -ar --automatic-resize -ars
    --automatic-resize-space --no-qcow2 -o --output --bullseye-compat-fs -bm --boot-manager -bt
    --boot-type -l --login -p --password --root-ssh-key --permit-ssh-as-root
    --no-remove-host-keys --add-serial-getty --tty-autologin -hs --hook-script --pre-reboot-hook
    --dest-hdd --raid-devices --hostname --static-iface --reboot-after-install --xfsformat
    --vgcreate --grab-release-number --generate-package-list --generate-source-tarball
    --generate-sums --generate-sums-sign
"""


@pytest.mark.parametrize("option", _EARLIER.split())
def test_the_manual_says_what_became_of_each_earlier_option(option: str) -> None:
    page = Path(__file__).resolve().parents[2] / "man" / "build-openstack-debian-image.1.rst"
    text = page.read_text(encoding="utf-8").replace("\\-", "-")
    table = text[text.index("FROM THE EARLIER PROGRAM") :]
    left = [line[:50] for line in table.splitlines()]
    assert any(re.search(rf"(^|[ ,]){re.escape(option)}([ ,…]|$)", line) for line in left)


@pytest.mark.parametrize("option", _EARLIER.split())
def test_each_earlier_option_is_one_of_today_or_explained(option: str) -> None:
    word = option.lstrip("-")
    if option.startswith("--"):
        assert word in LONG or word in former.LONG
    else:
        assert word in {o.short for o in OPTIONS.values()} or word in former.SHORT


def test_completion_knows_options_and_their_values() -> None:
    text = completion()
    assert "--filesystem) choices='ext4 btrfs xfs' ;;" in text
    assert "--no-cloud-init" in text
    assert "-o|--output|" in text
