# SPDX-License-Identifier: Apache-2.0
"""Tests of the driver of volumes that are files; they run among upstream's."""

from typing import ClassVar
from unittest import mock

from nova.tests.unit.virt.libvirt.volume import test_volume
from nova.virt.libvirt.volume import file


class LibvirtFileVolumeDriverTestCase(test_volume.LibvirtVolumeBaseTestCase):
    """What libvirt is told of a file."""

    connection_info: ClassVar = {
        "driver_volume_type": "file",
        "data": {
            "device_path": "/volumes/volume-1.snapshot.qcow2",
            "export": "/volumes",
            "format": "qcow2",
            "name": "volume-1.snapshot.qcow2",
        },
        "serial": "fake_serial",
    }

    def _config(self, direct):
        libvirt_driver = file.LibvirtFileVolumeDriver(self.fake_host)
        with mock.patch.object(file, "_supports_direct_io", return_value=direct) as supports:
            conf = libvirt_driver.get_config(self.connection_info, self.disk_info)
        supports.assert_called_once_with("/volumes/volume-1.snapshot.qcow2")
        return conf.format_dom()

    def test_get_config(self):
        """The active file is named, and read past the page cache."""
        tree = self._config(direct=True)
        self.assertEqual("file", tree.get("type"))
        self.assertEqual("/volumes/volume-1.snapshot.qcow2", tree.find("./source").get("file"))
        self.assertEqual("fake_serial", tree.find("./serial").text)
        self.assertEqual("qcow2", tree.find("./driver").get("type"))
        self.assertEqual("none", tree.find("./driver").get("cache"))

    def test_get_config_without_direct_io(self):
        """A file system that has no other way is used through the page cache."""
        tree = self._config(direct=False)
        self.assertEqual("writeback", tree.find("./driver").get("cache"))

    def test_extend_volume(self):
        """Libvirt extends the file."""
        libvirt_driver = file.LibvirtFileVolumeDriver(self.fake_host)
        self.assertEqual(
            2, libvirt_driver.extend_volume(self.connection_info, mock.sentinel.instance, 2)
        )
