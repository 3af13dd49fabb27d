# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from debstack_image.repository import armoured, checksum, key_data, read_repository

KEY = b"\x98" + bytes(range(200))


def source(folder: Path, signed_by: str) -> Path:
    file = folder / "own.sources"
    file.write_text(f"Types: deb\nURIs: file:/srv/own\nSuites: ./\nSigned-By: {signed_by}\n")
    return file


def test_the_checksum_of_the_armour() -> None:
    assert checksum(b"123456789") == 0x21CF02


def test_an_armoured_key_is_the_same_key(tmp_path: Path) -> None:
    binary, text = tmp_path / "key.gpg", tmp_path / "key.asc"
    binary.write_bytes(KEY)
    text.write_text("Some words before.\n" + "\n".join(armoured(KEY)) + "\n")
    assert key_data(binary) == key_data(text) == KEY


def test_a_key_in_a_file_goes_into_the_source(tmp_path: Path) -> None:
    (tmp_path / "key.gpg").write_bytes(KEY)
    for name in (str(tmp_path / "key.gpg"), "./key.gpg"):
        text = read_repository(source(tmp_path, name))
        assert str(tmp_path) not in text
        assert "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mAAB" in text
        assert text.endswith(" -----END PGP PUBLIC KEY BLOCK-----\n")


def test_keys_of_the_images_own_package_stay_there(tmp_path: Path) -> None:
    name = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert f"Signed-By: {name}\n" in read_repository(source(tmp_path, name))


@pytest.mark.parametrize(
    ("content", "expected"), [(None, "cannot read"), (b"#!/bin/sh\n", "expected keys of OpenPGP")]
)
def test_what_is_no_key_is_told(tmp_path: Path, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "key.gpg").write_bytes(content)
    with pytest.raises(DebstackError, match=expected):
        read_repository(source(tmp_path, "./key.gpg"))


def test_a_source_without_a_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.sources"
    file.write_text("Types: deb\nURIs: file:/srv/own\nSuites: ./\n")
    with pytest.raises(DebstackError, match="expected a field Signed-By, found none"):
        read_repository(file)
