# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from debstack_image import former
from debstack_image.parsing import LONG, UsageError, parse_command_line, parse_file, settings_from
from debstack_image.settings import OPTIONS, Settings
from debstack_image.values import GIB, MIB


def settings(*argv: str) -> Settings:
    def none(_: Path) -> dict[str, Any]:
        raise AssertionError("no manifest was given")

    return settings_from(parse_command_line(argv), none)


def told(*argv: str) -> tuple[str, str | None]:
    with pytest.raises(UsageError) as caught:
        parse_command_line(argv)
    return caught.value.message, caught.value.hint


def test_defaults_are_those_of_the_dataclass() -> None:
    assert settings() == Settings()


def test_a_misspelt_option_is_an_error_with_the_nearest_name() -> None:  # W-111
    message, hint = told("--relase", "sid", "--minimal")
    assert message.splitlines()[0] == "unknown option --relase"
    assert hint == "did you mean --release?"


def test_an_option_without_its_value_is_an_error() -> None:  # W-111
    assert told("--release")[0] == "--release: expected a value, got none"
    assert told("-r")[0] == "-r: expected a value, got none"


@pytest.mark.parametrize("name", ["addbgpi", "addbgpip", "static-iface"])
def test_names_of_the_past_are_not_swallowed(name: str) -> None:  # W-114, W-115
    assert told(f"--{name}=addr=10.0.0.5/24")[0] == f"unknown option --{name}"


@pytest.mark.parametrize(
    ("argv", "hint"),
    [
        (("--sources.list-mirror", "http://m/"), "--image-mirror URI"),
        (("--no-qcow2",), "--format raw"),
        (("-hs", "hook"), "--hook-script FILE"),
        (("-ar",), "nothing: --image-size auto is the default"),
        (("-is", "4G"), "--image-size SIZE"),
    ],
)
def test_an_option_of_the_earlier_program_is_told_what_became_of_it(
    argv: tuple[str, ...], hint: str
) -> None:
    message, told_hint = told(*argv)
    assert message.splitlines()[0] == f"unknown option {argv[0]}"
    assert told_hint == f"an option of the earlier program; write {hint}"


def test_no_former_option_is_one_of_today() -> None:
    assert not former.LONG.keys() & LONG.keys()
    switches = "".join(letter for letter in "mvqhnc")
    for word in former.SHORT:
        assert not set(word) <= set(switches)


def test_options_take_values_both_ways() -> None:
    assert settings("--release=sid") == settings("--release", "sid") == settings("-rsid")
    assert settings("-r", "sid").release == "sid"


def test_short_switches_stand_together() -> None:
    request = parse_command_line(["-mv", "-qr", "sid"])
    assert request.values == {"minimal": True, "release": "sid"}
    assert set(request.actions) == {"verbose", "quiet"}


def test_switches_are_turned_off() -> None:
    assert settings("--no-cloud-init").cloud_init is False
    assert settings("--minimal", "--no-minimal").minimal is False
    assert told("--minimal=yes")[0] == "--minimal: takes no value"


def test_values_add_up_where_an_option_may_be_repeated() -> None:
    found = settings("-e", "htop,tmux", "--include", "openstack-compute")
    assert found.extra_packages == ("htop", "tmux", "openstack-compute")
    assert settings("--format", "raw", "--format", "qcow2").format == ("qcow2",)


def test_all_problems_are_told_at_once() -> None:
    message, _ = told("--image-size", "big", "--filesystem", "zfs", "--mirror", "nowhere")
    assert [line.partition(":")[0] for line in message.splitlines()] == [
        "--image-size",
        "--filesystem",
        "--mirror",
    ]


@pytest.mark.parametrize(
    ("argv", "field", "value"),
    [
        (["--image-size", "4G"], "image_size", 4 * GIB),
        (["--image-size", "auto"], "image_size", 0),
        (["--locale", "de_DE"], "locale", "de_DE.UTF-8"),
        (["--locale", "de_DE.utf8"], "locale", "de_DE.UTF-8"),
        (["--locale", "ca_ES@valencia"], "locale", "ca_ES.UTF-8@valencia"),
        (["--locale", "POSIX"], "locale", "POSIX"),
        (["--head-room", "100M"], "head_room", 100 * MIB),
        (["--automatic-resize-space", "50M"], "head_room", 50 * MIB),
        (
            ["--mirror", "http://mirror.example.org/debian/"],
            "mirror",
            "http://mirror.example.org/debian",
        ),
        (["--add-serial-getty", "/dev/ttyS1"], "add_serial_getty", ("ttyS1",)),
        (["--kernel-argument", "nosmt"], "kernel_argument", ("nosmt",)),
    ],
)
def test_values_are_read(argv: list[str], field: str, value: object) -> None:
    assert getattr(settings(*argv), field) == value


@pytest.mark.parametrize(
    "argv",
    [
        ["--release", "Trixie!"],
        ["--hostname", "-bad"],
        ["--hostname", "a" * 64],
        ["--locale", "german"],
        ["--locale", "C@euro"],
        ["--image-size", "0"],
        ["--image-size", "16T"],
        ["--head-room", "9999999999999T"],
        ["--output", "~nobody-at-all/images"],
        ["--timezone", "../../etc/passwd"],
        ["--name", "../evil"],
        ["--name", ".hidden"],
        ["--login", "Root User"],
        ["--extra-packages", "--purge"],
        ["--extra-packages", ","],
        ["--kernel-argument", "a b"],
        ["--kernel-argument", "a='b'"],
        ["--kernel-argument", "a\\b"],
        ["--mirror", "http://x y"],
        ["--mirror", "ftp"],
        ["--format", "iso"],
        ["--boot-timeout", "-1"],
        ["--ssh-key", "/absent"],
        ["--overlay", "/etc/passwd"],
        ["--keyboard", "$(id)"],
    ],
)
def test_wrong_values_are_refused(argv: list[str]) -> None:
    message, _ = told(*argv)
    assert message.startswith(f"{argv[0]}: expected")
    assert f'got "{argv[1]}"' in message


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "image.toml"
    file.write_text('release = "sid"\nminimal = true\nextra-packages = ["htop"]\n')
    found = settings("--config", str(file), "--release", "forky")
    assert (found.release, found.minimal, found.extra_packages) == ("forky", True, ("htop",))


def test_paths_in_the_file_are_beside_it(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    file = tmp_path / "image.toml"
    file.write_text('overlay = ["files"]\n')
    assert settings("--config", str(file)).overlay == (tmp_path / "files",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("relase = 'sid'", "unknown key relase"),
        ("minimal = 'yes'", "minimal: expected true or false"),
        ("release = ['a', 'b']", "release: expected one value"),
        ("image-size = 'big'", "image-size: expected auto, or a size"),
        ("release = ", "not TOML"),
        ("release = true", "release: expected NAME"),
    ],
)
def test_problems_of_the_file_name_file_and_key(tmp_path: Path, text: str, expected: str) -> None:
    file = tmp_path / "image.toml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        parse_file(file)
    assert caught.value.message.startswith(f"{file}: ")
    assert expected in caught.value.message


def test_a_file_that_can_be_read_but_once_is_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UsageError, match="expected a file"):
        settings("--config", str(pipe))


def test_every_option_has_one_spelling_for_itself() -> None:
    words = [word for name, o in OPTIONS.items() for word in (name.replace("_", "-"), *o.also)]
    assert len(words) == len(set(words))
    shorts = [option.short for option in OPTIONS.values() if option.short]
    assert len(shorts) == len(set(shorts))
    assert set(words) <= set(LONG)
