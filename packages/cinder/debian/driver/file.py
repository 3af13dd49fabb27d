# SPDX-License-Identifier: Apache-2.0
"""Volumes as files of a directory that the hosts of the servers have too; nothing is mounted.

What a volume consists of is as in upstream's drivers for network file systems, but for the names:
volume-ID.raw is a sparse file, volume-ID.SNAPSHOT.qcow2 a file with what has been written since
that snapshot, volume-ID.raw.info says which of them is the one in use. It is by these names that
libvirt's AppArmor profiles let it look for the files below a qcow2 file.

libvirt gives the file of an attached volume to QEMU's user. Cinder goes on working with it by an
ACL, which the directory passes on to every file made in it, and so needs no root for any of it.
"""

from __future__ import annotations

import os
import pwd
import struct
from pathlib import Path

from cinder import exception, interface, objects
from cinder.image import image_utils
from cinder.objects import fields
from cinder.volume import volume_utils
from cinder.volume.drivers import nfs, remotefs
from oslo_concurrency import processutils
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

DEFAULT_ACL = "system.posix_acl_default"
# linux/posix_acl_xattr.h: the version, and for each entry its tag, permissions and id.
_ACL_VERSION = 2
_OWNER, _USER, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_READ_WRITE = 6
_MIGRATING = ("starting", "migrating")


def packed_acl(uids: set[int]) -> bytes:
    """Return the extended attribute of an ACL that lets the owner and `uids` read and write."""
    entries = [(_OWNER, _READ_WRITE, _NO_ID)]
    entries += [(_USER, _READ_WRITE, uid) for uid in sorted(uids)]
    entries += [(_GROUP, 0, _NO_ID), (_MASK, _READ_WRITE, _NO_ID), (_OTHER, 0, _NO_ID)]
    packed = [struct.pack("<HHI", *entry) for entry in entries]
    return struct.pack("<I", _ACL_VERSION) + b"".join(packed)


def wanted_uids() -> set[int]:
    """Return who works with the files: Cinder and, on those of servers that are off, Nova."""
    uids = {os.geteuid()}
    try:
        uids.add(pwd.getpwnam("nova").pw_uid)
    except KeyError:
        LOG.debug("There is no user nova on this host.")
    return uids


@interface.volumedriver
class FileDriver(remotefs.RevertToSnapshotMixin, nfs.NfsDriver):
    """Keeps volumes in the directory nas_share_path."""

    driver_volume_type = "file"
    volume_backend_name = "file"
    VERSION = "1.0.0"
    _VALID_IMAGE_EXTENSIONS = ("raw", "qcow2")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.base = self.configuration.nas_share_path
        # The name of a file tells its format here: see _format.
        self.configuration.nfs_qcow2_volumes = False
        self._execute_as_root = False
        self._supports_encryption = False

    # The directory, which stands where other drivers have shares and mount points.

    def do_setup(self, context) -> None:
        """Make the directory ready; raises VolumeBackendAPIException if it is not fit for use."""
        # Past the NFS driver's own, which looks for mount.nfs.
        super(nfs.NfsDriver, self).do_setup(context)
        self._ensure_shares_mounted()

    def _ensure_shares_mounted(self) -> None:
        self.shares = {self.base: None}
        self._ensure_share_mounted(self.base)
        self._mounted_shares = [self.base]

    def _ensure_share_mounted(self, share: str) -> None:
        acl = packed_acl(wanted_uids())
        try:
            if os.getxattr(share, DEFAULT_ACL) == acl:
                return
        except OSError as error:
            LOG.debug("%s has no ACL yet: %s", share, error)
        try:
            os.setxattr(share, DEFAULT_ACL, acl)
        except OSError as error:
            raise exception.VolumeBackendAPIException(
                data=f"{share}: {error.strerror}. Volumes in files need a directory that belongs "
                "to the user of cinder-volume, in a file system with POSIX ACLs."
            ) from error

    def _get_mount_point_for_share(self, share: str) -> str:
        return share

    def secure_file_operations_enabled(self) -> bool:
        """Say no: with yes, Cinder would give snapshots away to QEMU's user, as root."""
        return False

    def _check_snapshot_support(self, setup_checking: bool = False) -> None:
        """Say nothing against it."""

    def _set_rw_permissions(self, path: str) -> None:
        # With an ACL these are not the group's, but the most that any entry of it gets.
        self._execute("chmod", "660", path)

    # The files.

    def local_path(self, volume) -> str:
        """Return the path of the file that a volume begins with."""
        return str(Path(self._local_volume_dir(volume), f"{volume.name}.raw"))

    def _local_path_volume(self, volume) -> str:
        return self.local_path(volume)

    def _get_new_snap_path(self, snapshot) -> str:
        volume = snapshot.volume
        return str(Path(self._local_volume_dir(volume), f"{volume.name}.{snapshot.id}.qcow2"))

    def _format(self, path: str) -> str:
        # Never by what is in it: a server writes what it likes into its raw volume, the header of
        # another format included.
        return "raw" if path.endswith(".raw") else "qcow2"

    def _qemu_img_info(self, path: str, volume_name: str, img_format=None):
        return self._qemu_img_info_base(
            path, volume_name, self.base, force_share=True, img_format=self._format(path)
        )

    # Attaching.

    def initialize_connection(self, volume, connector) -> dict:
        """Return where the file is, and its format."""
        connection = super().initialize_connection(volume, connector)
        data = connection["data"]
        data.pop("options", None)
        data["device_path"] = str(Path(data["export"], data["name"]))
        if data["format"] == "raw":
            return connection
        # Those who copy volumes byte by byte take what they open for raw.
        if volume.status == fields.VolumeStatus.RESTORING_BACKUP:
            data["device_path"] = self._path_to_restore_to(volume)
            self._create_sparsed_file(data["device_path"], volume.size)
        elif volume.migration_status in _MIGRATING:
            raise exception.InvalidVolume(
                reason="it has, or had, snapshots; make a new volume of it, and migrate that"
            )
        return connection

    def terminate_connection(self, volume, connector, **kwargs) -> None:
        """Put a restored backup in its place."""
        if volume.status != fields.VolumeStatus.RESTORING_BACKUP:
            return
        active = self._local_path_active_image(volume)
        restored = self._path_to_restore_to(volume)
        if Path(restored).exists():
            argv = ["qemu-img", "convert", "-n", "-f", "raw", "-O", "qcow2", restored, active]
            self._execute(*argv)
            self._delete(restored)
        elif self._format(active) == "raw":
            # A backup ends where there is nothing but zeros any more.
            self._create_sparsed_file(active, volume.size)

    def _path_to_restore_to(self, volume) -> str:
        return f"{self.local_path(volume)}.restored"

    # Copying and changing.

    def copy_image_to_volume(
        self, context, volume, image_service, image_id, disable_sparse: bool = False
    ) -> None:
        """Write an image over the volume."""
        if self._snapshots_exist(volume):
            raise exception.InvalidVolume(
                reason="it has, or had, snapshots: no image can be written over it"
            )
        super().copy_image_to_volume(
            context, volume, image_service, image_id, disable_sparse=disable_sparse
        )

    def _convert_to_raw(self, source: str, copy: str) -> None:
        # Upstream's function for that looks at what is in the source, and refuses a backing file.
        argv = ["qemu-img", "convert", "-f", self._format(source), "-O", "raw", source, copy]
        self._execute(*argv)

    def _copy_volume_to_image(
        self, context, volume, image_service, image_meta, store_id=None
    ) -> None:
        active = self._local_path_active_image(volume)
        if self._format(active) == "raw":
            super()._copy_volume_to_image(context, volume, image_service, image_meta, store_id)
            return
        with image_utils.temporary_file(prefix=f"{volume.id}.", suffix=".raw") as copy:
            self._convert_to_raw(active, copy)
            volume_utils.upload_volume(
                context, image_service, image_meta, copy, volume, run_as_root=False
            )

    def _copy_volume_from_snapshot(
        self,
        snapshot,
        volume,
        volume_size,
        src_encryption_key_id=None,
        new_encryption_key_id=None,
    ) -> None:
        directory = self._local_volume_dir(snapshot.volume)
        files = self._read_info_file(self._local_path_volume_info(snapshot.volume))
        written_since = str(Path(directory, files[snapshot.id]))
        below = self._qemu_img_info(written_since, snapshot.volume.name).backing_file
        source = str(Path(directory, below))
        copy = self.local_path(volume)
        self._convert_to_raw(source, copy)
        self._set_rw_permissions(copy)
        # What it was copied from may have been smaller.
        image_utils.resize_image(copy, volume_size, file_format="raw")

    def create_cloned_volume(self, volume, src_vref) -> dict:
        """Copy a volume; the copy is one raw file, whatever the other consists of."""
        update = super().create_cloned_volume(volume, src_vref)
        with volume.obj_as_admin():
            volume.admin_metadata["format"] = "raw"
            volume.save()
        return update

    def extend_volume(self, volume, new_size) -> None:
        """Make a volume larger; of one that a running server has, QEMU extends the file."""
        if not self._is_share_eligible(volume.provider_location, int(new_size) - volume.size):
            raise exception.ExtendVolumeError(
                reason=f"there is not enough room for {volume.id} to have {new_size} GiB"
            )
        path = self._local_path_active_image(volume)
        try:
            image_utils.resize_image(path, new_size, file_format=self._format(path))
        except processutils.ProcessExecutionError as error:
            if not self._is_volume_attached(volume) or " lock" not in (error.stderr or ""):
                raise
            LOG.info("Volume %s is in use; Nova extends it.", volume.id)

    def _create_snapshot(self, snapshot) -> None:
        super()._create_snapshot(snapshot)
        volume = snapshot.volume
        if self._is_volume_attached(volume):
            # The file that Nova finds the next time it makes the server.
            attachment = volume.volume_attachment[0]
            connection = dict(attachment.connection_info)
            connection["device_path"] = str(Path(connection["export"], connection["name"]))
            attachment.connection_info = connection
            attachment.save()

    def _nova_assisted_vol_snap_delete(self, context, snapshot, delete_info) -> None:
        # A snapshot that is made for a copy alone still has what Nova said when it was taken, which
        # would be taken for the answer to this: files be deleted that QEMU still merges.
        snapshot.status = fields.SnapshotStatus.DELETING
        snapshot.progress = "0%"
        snapshot.save()
        super()._nova_assisted_vol_snap_delete(context, snapshot, delete_info)

    def get_backup_device(self, context, backup):
        """Return what to back up: a copy, where the volume is more than one raw file."""
        volume = objects.Volume.get_by_id(context, backup.volume_id)
        copied = backup.snapshot_id or volume.previous_status == "in-use"
        if copied or not self._snapshots_exist(volume):
            return self._get_backup_volume_temp_volume(context, backup), False
        copy = self._create_temp_cloned_volume(
            context, volume, status=fields.VolumeStatus.BACKING_UP
        )
        backup.temp_volume_id = copy.id
        backup.save()
        return copy, False
