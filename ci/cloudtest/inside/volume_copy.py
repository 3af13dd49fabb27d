# SPDX-License-Identifier: Apache-2.0
"""volume_copy.py SERVER: take a snapshot of the volume that a running server boots from.

Makes a volume from it and deletes the snapshot, all under the server. Prints JSON: the volumes'
identifiers, the old one's and the new one's.
"""

import json
import sys

import openstack

cloud = openstack.connect(cloud="admin")
server = cloud.compute.find_server(sys.argv[1], ignore_missing=False)
(attachment,) = cloud.compute.volume_attachments(server)
storage = cloud.block_storage
volume = storage.get_volume(attachment.volume_id)
snapshot = storage.create_snapshot(name="copy", volume_id=volume.id, is_forced=True)
storage.wait_for_status(snapshot, "available", failures=["error"], wait=120)
made = storage.create_volume(name="copy", snapshot_id=snapshot.id, size=volume.size)
storage.wait_for_status(made, "available", failures=["error"], wait=120)
storage.delete_snapshot(snapshot)
storage.wait_for_delete(snapshot, wait=120)
print(json.dumps({"old": volume.id, "new": made.id}))
