# SPDX-License-Identifier: Apache-2.0
"""Uploads an image by the installed build-openstack-debian-image; prints all images of its name.

usage: upload_image FOLDER NAME RULE
"""

import json
import sys
from pathlib import Path

import openstack

from debstack_image.after import upload
from debstack_image.settings import Settings

folder, name, rule = sys.argv[1:]
upload(
    Settings(architecture="amd64", output=Path(folder), name=name, upload="admin", old_images=rule)
)
client = openstack.connect(cloud="admin").image
# Glance lists either those that are hidden or those that are not.
found = [image for hidden in (False, True) for image in client.images(name=name, is_hidden=hidden)]
print(
    json.dumps(
        [
            {
                "id": image.id,
                "status": image.status,
                "hidden": image.is_hidden,
                "distro": image.os_distro,
                "size": image.size,
                "sha512": image.hash_value,
            }
            for image in sorted(found, key=lambda image: image.created_at)
        ]
    )
)
