# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import sys

import pytest

from debstack_image import cli
from debstack_image.reference import completion, manual
from debstack_image.settings import OPTIONS, spelling
from debstack_image.usage import help_text


def test_help_has_every_option() -> None:
    text = help_text()
    for name, option in OPTIONS.items():
        word = spelling(name)
        assert f"--{word}" in text or f"--no-{word}" in text, option
    assert max(len(line) for line in text.splitlines()) <= 90


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


def test_completion_knows_options_and_their_values() -> None:
    text = completion()
    assert "--filesystem) choices='ext4 btrfs xfs' ;;" in text
    assert "--no-cloud-init" in text
    assert "-o|--output|" in text
