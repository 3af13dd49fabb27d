# SPDX-License-Identifier: Apache-2.0
"""Tests of the driver for volumes in files, run among Cinder's own."""

from __future__ import annotations

import os
import struct
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from cinder import exception
from cinder.tests.unit import test
from cinder.volume import configuration
from cinder.volume.drivers import file as driver
from oslo_concurrency import processutils

ID = "6a1b1c6c-2c3a-4bb0-8d0c-8f2c3e1f5a11"
SNAPSHOT = "0f8f6d3e-96c4-4f0f-9d0a-5c9a2b7d4e22"


class FileDriverTest(test.TestCase):
    """The driver on a directory of its own."""

    def setUp(self):
        super().setUp()
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        options = mock.Mock(configuration.Configuration)
        options.nas_share_path = str(self.directory)
        options.nfs_mount_point_base = "/nowhere"
        options.nfs_mount_options = None
        options.nas_mount_options = None
        options.reserved_percentage = 0
        options.max_over_subscription_ratio = 20.0
        self.driver = driver.FileDriver(configuration=options)
        self.execute = self.mock_object(self.driver, "_execute")

    def volume(self, **values):
        """Return a volume of 1 GiB."""
        known = {
            "id": ID,
            "name": f"volume-{ID}",
            "size": 1,
            "status": "available",
            "attach_status": "detached",
            "migration_status": None,
            "provider_location": str(self.directory),
        }
        return SimpleNamespace(**{**known, **values})

    def snapshotted(self, volume):
        """Give `volume` the files that it has after a snapshot; return the name of the upper."""
        name = f"{volume.name}.{SNAPSHOT}.qcow2"
        (self.directory / f"{volume.name}.raw.info").write_text(
            f'{{"active": "{name}", "{SNAPSHOT}": "{name}"}}'
        )
        (self.directory / name).touch()
        return name

    def connection(self, name, file_format):
        """Return what upstream's initialize_connection returns."""
        data = {"export": str(self.directory), "name": name, "format": file_format, "options": None}
        return {"driver_volume_type": "file", "data": data}

    def test_packed_acl(self):
        found = driver.packed_acl({65, 12})
        self.assertEqual(2, struct.unpack_from("<I", found)[0])
        self.assertEqual(
            [
                (0x01, 6, 0xFFFFFFFF),
                (0x02, 6, 12),
                (0x02, 6, 65),
                (0x04, 0, 0xFFFFFFFF),
                (0x10, 6, 0xFFFFFFFF),
                (0x20, 0, 0xFFFFFFFF),
            ],
            list(struct.iter_unpack("<HHI", found[4:])),
        )

    def test_directory_gets_acl(self):
        with (
            mock.patch.object(os, "getxattr", side_effect=OSError),
            mock.patch.object(os, "setxattr") as setxattr,
        ):
            self.driver._ensure_shares_mounted()
        acl = driver.packed_acl(driver.wanted_uids())
        setxattr.assert_called_once_with(str(self.directory), driver.DEFAULT_ACL, acl)
        self.assertEqual([str(self.directory)], self.driver._mounted_shares)

    def test_directory_keeps_acl(self):
        acl = driver.packed_acl(driver.wanted_uids())
        with (
            mock.patch.object(os, "getxattr", return_value=acl),
            mock.patch.object(os, "setxattr") as setxattr,
        ):
            self.driver._ensure_shares_mounted()
        setxattr.assert_not_called()

    def test_directory_without_acl(self):
        error = OSError(95, "Operation not supported")
        with (
            mock.patch.object(os, "getxattr", side_effect=error),
            mock.patch.object(os, "setxattr", side_effect=error),
        ):
            self.assertRaises(
                exception.VolumeBackendAPIException, self.driver._ensure_shares_mounted
            )

    def test_names_tell_formats(self):
        volume = self.volume()
        snapshot = SimpleNamespace(id=SNAPSHOT, volume=volume)
        raw, qcow2 = self.driver.local_path(volume), self.driver._get_new_snap_path(snapshot)
        self.assertEqual(str(self.directory / f"volume-{ID}.raw"), raw)
        self.assertEqual(str(self.directory / f"volume-{ID}.{SNAPSHOT}.qcow2"), qcow2)
        self.assertEqual("raw", self.driver._format(raw))
        self.assertEqual("qcow2", self.driver._format(qcow2))

    def test_connection_names_the_file(self):
        volume = self.volume()
        with mock.patch.object(
            driver.nfs.NfsDriver,
            "initialize_connection",
            return_value=self.connection(f"{volume.name}.raw", "raw"),
        ):
            data = self.driver.initialize_connection(volume, {})["data"]
        self.assertEqual(self.driver.local_path(volume), data["device_path"])
        self.assertNotIn("options", data)

    def test_backup_is_restored_beside_a_qcow2_file(self):
        volume = self.volume(status="restoring-backup")
        name = self.snapshotted(volume)
        with mock.patch.object(
            driver.nfs.NfsDriver,
            "initialize_connection",
            return_value=self.connection(name, "qcow2"),
        ):
            data = self.driver.initialize_connection(volume, {})["data"]
        restored = f"{self.driver.local_path(volume)}.restored"
        self.assertEqual(restored, data["device_path"])
        Path(restored).touch()
        self.execute.reset_mock()
        self.driver.terminate_connection(volume, {})
        self.assertEqual(
            mock.call(
                *("qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2"),
                restored,
                str(self.directory / name),
            ),
            self.execute.call_args_list[0],
        )

    def test_restored_raw_file_is_made_whole(self):
        volume = self.volume(status="restoring-backup")
        self.driver.terminate_connection(volume, {})
        path = self.driver.local_path(volume)
        self.execute.assert_called_once_with("truncate", "-s", "1G", path, run_as_root=False)

    def test_end_of_an_attachment_changes_nothing(self):
        self.driver.terminate_connection(self.volume(status="detaching"), {})
        self.execute.assert_not_called()

    def test_qcow2_is_not_migrated(self):
        volume = self.volume(migration_status="migrating")
        name = self.snapshotted(volume)
        with mock.patch.object(
            driver.nfs.NfsDriver,
            "initialize_connection",
            return_value=self.connection(name, "qcow2"),
        ):
            self.assertRaises(
                exception.InvalidVolume, self.driver.initialize_connection, volume, {}
            )

    def test_no_image_over_snapshots(self):
        volume = self.volume()
        self.snapshotted(volume)
        self.assertRaises(
            exception.InvalidVolume, self.driver.copy_image_to_volume, None, volume, None, "id"
        )

    def test_image_of_a_snapshotted_volume_is_flat(self):
        volume = self.volume()
        name = self.snapshotted(volume)
        with mock.patch.object(driver.volume_utils, "upload_volume") as upload:
            self.driver._copy_volume_to_image(None, volume, None, {})
        copy = upload.call_args.args[3]
        self.execute.assert_called_once_with(
            *("qemu-img", "convert", "-f", "qcow2", "-O", "raw"), str(self.directory / name), copy
        )

    def _extend(self, volume, stderr):
        error = processutils.ProcessExecutionError(stderr=stderr)
        with (
            mock.patch.object(self.driver, "_is_share_eligible", return_value=True),
            mock.patch.object(driver.image_utils, "resize_image", side_effect=error),
        ):
            self.driver.extend_volume(volume, 2)

    def test_volume_in_use_is_extended_by_nova(self):
        self._extend(self.volume(attach_status="attached"), 'Failed to get "write" lock')

    def test_what_else_fails_is_an_error(self):
        error = processutils.ProcessExecutionError
        self.assertRaises(error, self._extend, self.volume(attach_status="attached"), "No space")
        self.assertRaises(error, self._extend, self.volume(), 'Failed to get "write" lock')

    def test_no_room_to_extend(self):
        with mock.patch.object(self.driver, "_is_share_eligible", return_value=False):
            self.assertRaises(
                exception.ExtendVolumeError, self.driver.extend_volume, self.volume(), 2
            )
