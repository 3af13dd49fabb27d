# SPDX-License-Identifier: Apache-2.0
"""What Glance is told of an image: the properties that Nova acts by, and the upload itself."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from debstack.base.errors import DebstackError
from debstack_image.disk import has_bios, has_esp
from debstack_image.settings import Settings

#: Debian's names of architectures to Nova's.
_ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64", "riscv64": "riscv64"}
_DISK_FORMATS = {"qcow2": "qcow2", "raw": "raw", "vmdk": "vmdk", "vhd": "vpc", "vhdx": "vhdx"}
_CHUNK = 4 * 1024 * 1024


class UploadError(DebstackError):
    """Glance did not take the image."""


def properties(settings: Settings, version: str, root_gib: int) -> dict[str, str]:
    """Return the properties of an image; `version` is that of the release, such as 13."""
    found = {
        "architecture": _ARCHITECTURES[settings.architecture],
        "hw_disk_bus": "virtio",
        "hw_rng_model": "virtio",
        "hw_vif_model": "virtio",
        "min_disk": str(root_gib),
        "min_ram": "512",
        "os_admin_user": settings.login,
        "os_distro": "debian",
        "os_type": "linux",
        "os_version": version or settings.release,
    }
    if has_esp(settings):
        signed = settings.boot_manager == "grub" and settings.architecture != "riscv64"
        found["os_secure_boot"] = "optional" if signed else "disabled"
        if not has_bios(settings):
            found["hw_firmware_type"] = "uefi"
    elif has_bios(settings):
        found["hw_firmware_type"] = "bios"
    if settings.architecture == "amd64":
        found["hw_machine_type"] = "q35"
    return found


def render(found: dict[str, str]) -> str:
    """Return properties as lines of name=value."""
    return "".join(f"{name}={value}\n" for name, value in sorted(found.items()))


class _Watched:
    """A file that is read by Glance's client: counts, hashes, and tells how far it is."""

    def __init__(self, stream: BinaryIO, size: int, tell: Callable[[str], None]) -> None:
        self._stream = stream
        self._size = size
        self._tell = tell
        self._told = 0.0
        self._read = 0
        self.digest = hashlib.sha512()

    def read(self, length: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._stream.read(_CHUNK if length < 0 else length)
        self.digest.update(data)
        self._read += len(data)
        if time.monotonic() - self._told > 1 or not data:
            self._told = time.monotonic()
            self._tell(f"upload: {self._read / 1e6:.0f} of {self._size / 1e6:.0f} MB")
        return data

    def __iter__(self) -> _Watched:
        return self

    def __next__(self) -> bytes:
        data = self.read()
        if not data:
            raise StopIteration
        return data


def _retire(image: Any, client: Any, rule: str) -> None:
    if rule == "deactivate" and image.status == "active":
        client.deactivate_image(image)
    elif rule == "hide" and not image.is_hidden:
        client.update_image(image, is_hidden=True)


def upload(
    connection: Any,
    path: Path,
    name: str,
    kind: str,
    found: dict[str, str],
    rule: str,
    tell: Callable[[str], None],
) -> str:
    """Upload the file `path` as an image; return its identifier.

    `connection` is openstacksdk's. What Glance says of its content must be what was sent; then
    older images of the name are treated by `rule`. Raises UploadError.
    """
    client = connection.image
    with _explained():
        # Asked for before there is another one of the name. Others' images are not ours to touch,
        # though this user may see them.
        project = connection.current_project_id
        older = [image for image in client.images(name=name) if image.owner == project]
        shown = _sent(connection, path, name, kind, found, tell)
        for image in older:
            _retire(image, client, rule)
    return str(shown.id)


def _sent(
    connection: Any,
    path: Path,
    name: str,
    kind: str,
    found: dict[str, str],
    tell: Callable[[str], None],
) -> Any:
    """Make an image of the file and return it as Glance has it; nothing stays if that fails."""
    client = connection.image
    extra = {key: value for key, value in found.items() if not key.startswith("min_")}
    image = client.create_image(
        name=name,
        disk_format=_DISK_FORMATS[kind],
        container_format="bare",
        min_disk=int(found["min_disk"]),
        min_ram=int(found["min_ram"]),
        allow_duplicates=True,
        **extra,
    )
    try:
        with path.open("rb") as stream:
            watched = _Watched(stream, path.stat().st_size, tell)
            image.data = watched
            image.upload(client)
        shown = client.get_image(image.id)
        _check(shown, path, watched.digest.hexdigest())
    except BaseException:
        # Half of it would stay, interrupted or not.
        client.delete_image(image.id)
        raise
    return shown


def _check(shown: Any, path: Path, sent: str) -> None:
    """Raise UploadError unless Glance has what was sent, whose SHA-512 is `sent`."""
    algorithm = shown.hash_algo
    if algorithm != "sha512":  # glance-api's hashing_algorithm can be another
        if algorithm not in hashlib.algorithms_available:
            raise UploadError(
                f"upload: expected a checksum of Glance's, found {algorithm}",
                hint="the image was deleted again; see hashing_algorithm in glance-api.conf",
            )
        with path.open("rb") as stream:
            sent = hashlib.file_digest(stream, algorithm).hexdigest()
    if shown.hash_value != sent:
        raise UploadError(
            f"upload: Glance has {algorithm} {shown.hash_value}, sent was {sent}",
            hint="the image was deleted again; look at the network between here and Glance",
        )
    if shown.status != "active":
        raise UploadError(
            f"upload: expected the image to be active, found {shown.status}",
            hint="the image was deleted again; Glance's log says why",
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what openstacksdk raises into UploadError."""
    try:
        from keystoneauth1.exceptions import ClientException
        from openstack.exceptions import SDKException

        foreign: tuple[type[Exception], ...] = (SDKException, ClientException)
    except ImportError:  # whoever gives the connection has other errors
        foreign = ()
    try:
        yield
    except foreign as error:
        raise UploadError(
            f"upload: Glance refused it: {error}",
            hint="openstack --os-cloud NAME image list shows what is there",
        ) from error


def connect(cloud: str) -> Any:
    """Return a connection to a cloud of clouds.yaml. Raises UploadError."""
    try:
        import openstack
    except ImportError as error:
        raise UploadError(
            "upload: openstacksdk is not installed", hint="apt-get install python3-openstacksdk"
        ) from error
    try:
        connection = openstack.connect(cloud=cloud, app_name="build-openstack-debian-image")
        connection.authorize()
    except Exception as error:  # every way of not reaching a cloud has its own class there
        raise UploadError(
            f"upload: cannot log in to the cloud {cloud}: {error}",
            hint="it is looked for in clouds.yaml: openstack --os-cloud NAME token issue",
        ) from error
    return connection
