# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from debstack_image import glance, sbom
from debstack_image.identity import Identity
from debstack_image.manifest import Installed
from debstack_image.process import Interrupted
from debstack_image.settings import Settings


def made(**values: object) -> Settings:
    return Settings(**{"architecture": "amd64", **values})  # type: ignore[arg-type]


@dataclass
class Image:
    """An image of the Glance below."""

    id: str
    name: str
    status: str = "queued"
    is_hidden: bool = False
    data: Any = None
    hash_algo: str = "sha512"
    hash_value: str = ""
    corrupt: bool = False
    breaks: BaseException | None = None
    owner: str = "ours"

    def upload(self, _: object) -> None:
        if self.breaks:
            raise self.breaks
        digest = hashlib.new(self.hash_algo)
        while chunk := self.data.read(1000):
            digest.update(chunk)
        if self.corrupt:
            digest.update(b"x")
        self.hash_value, self.status = digest.hexdigest(), "active"


@dataclass
class Glance:
    """As much of openstacksdk's proxy as an upload uses."""

    held: list[Image] = field(default_factory=list)
    corrupt: bool = False
    breaks: BaseException | None = None
    hash_algo: str = "sha512"
    current_project_id: str = "ours"

    @property
    def image(self) -> Glance:
        return self

    def images(self, name: str) -> list[Image]:
        return [image for image in self.held if image.name == name]

    def create_image(self, name: str, **_: object) -> Image:
        new = f"new-{len(self.held)}"
        image = Image(new, name, corrupt=self.corrupt, breaks=self.breaks)
        image.hash_algo = self.hash_algo
        self.held.append(image)
        return self.held[-1]

    def get_image(self, identifier: str) -> Image:
        return next(image for image in self.held if image.id == identifier)

    def delete_image(self, identifier: str) -> None:
        self.held.remove(self.get_image(identifier))

    def deactivate_image(self, image: Image) -> None:
        image.status = "deactivated"

    def update_image(self, image: Image, *, is_hidden: bool) -> None:
        image.is_hidden = is_hidden


def send(cloud: Glance, tmp_path: Path, rule: str) -> str:
    file = tmp_path / "image.qcow2"
    file.write_bytes(b"disk" * 5000)
    found = glance.properties(made(), "13", 1)
    return glance.upload(cloud, file, "debian", "qcow2", found, rule, lambda _: None)


@pytest.mark.parametrize(
    ("rule", "status", "hidden"),
    [("deactivate", "deactivated", False), ("keep", "active", False), ("hide", "active", True)],
)
def test_older_images_are_treated_by_the_rule(
    tmp_path: Path, rule: str, status: str, hidden: bool
) -> None:
    old = Image("old", "debian", "active")
    theirs = Image("theirs", "debian", "active", owner="of others")
    cloud = Glance([old, Image("else", "other", "active"), theirs])
    new = send(cloud, tmp_path, rule)
    assert (old.status, old.is_hidden) == (status, hidden)
    assert cloud.get_image(new).status == "active"
    assert cloud.get_image("else").status == "active"
    assert (theirs.status, theirs.is_hidden) == ("active", False)


def test_an_upload_that_is_interrupted_leaves_no_half_of_an_image(tmp_path: Path) -> None:
    old = Image("old", "debian", "active")
    cloud = Glance([old], breaks=Interrupted(signal.SIGTERM))
    with pytest.raises(Interrupted):
        send(cloud, tmp_path, "deactivate")
    assert [image.id for image in cloud.held] == ["old"]
    assert old.status == "active"


def test_what_arrived_otherwise_is_deleted_and_the_old_one_stays(tmp_path: Path) -> None:
    old = Image("old", "debian", "active")
    cloud = Glance([old], corrupt=True)
    with pytest.raises(glance.UploadError, match="Glance has sha512"):
        send(cloud, tmp_path, "deactivate")
    assert [image.id for image in cloud.held] == ["old"]
    assert old.status == "active"


def test_a_glance_that_hashes_in_another_way_is_checked_too(tmp_path: Path) -> None:
    cloud = Glance(hash_algo="sha256")
    assert cloud.get_image(send(cloud, tmp_path, "keep")).status == "active"
    with pytest.raises(glance.UploadError, match="Glance has sha256"):
        send(Glance(hash_algo="sha256", corrupt=True), tmp_path, "keep")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, None),
        ({"boot_type": "uefi"}, "uefi"),
        ({"boot_type": "bios"}, "bios"),
        ({"architecture": "arm64"}, "uefi"),
    ],
)
def test_the_firmware_is_named_where_there_is_but_one(
    values: dict[str, object], expected: str | None
) -> None:
    assert glance.properties(made(**values), "13", 1).get("hw_firmware_type") == expected


def test_properties_are_lines() -> None:
    text = glance.render(glance.properties(made(), "13", 2))
    assert "os_distro=debian\n" in text
    assert "os_version=13\n" in text
    assert "architecture=x86_64\n" in text


def test_the_list_of_parts_is_the_same_each_time() -> None:
    package = Installed(
        name="less",
        version="668-1",
        architecture="amd64",
        source="less",
        source_version="668-1",
        digest="0" * 64,
    )
    one, two = (sbom.render("t", [package], "trixie", Identity("d"), 1) for _ in range(2))
    assert one == two
    content = json.loads(one)
    assert content["bomFormat"] == "CycloneDX"
    assert content["components"][0]["purl"] == (
        "pkg:deb/debian/less@668-1?arch=amd64&distro=trixie"
    )
