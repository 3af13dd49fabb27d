# SPDX-License-Identifier: Apache-2.0
"""Volumes that are files, in a directory that this host has already: nothing is mounted."""

import os

from nova.virt.libvirt.volume import volume as libvirt_volume
from oslo_log import log as logging

LOG = logging.getLogger(__name__)


def _supports_direct_io(path):
    """Say whether a file can be read past the page cache."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_DIRECT))
    except OSError as e:
        LOG.debug("Not past the page cache: %s: %s", path, e)
        return False
    return True


class LibvirtFileVolumeDriver(libvirt_volume.LibvirtBaseVolumeDriver):
    """Volumes that are files, in a directory that this host has already."""

    def __init__(self, host):
        super().__init__(host, is_block_dev=False)

    def get_config(self, connection_info, disk_info):
        """Returns xml for libvirt."""
        conf = super().get_config(connection_info, disk_info)
        data = connection_info["data"]
        conf.source_type = "file"
        conf.source_path = data["device_path"]
        conf.driver_format = data.get("format", "raw")
        if not _supports_direct_io(conf.source_path):
            conf.driver_cache = "writeback"
        return conf

    def extend_volume(self, connection_info, instance, requested_size):
        """Leave it to libvirt, which extends the file, and the disk of the instance."""
        return requested_size
