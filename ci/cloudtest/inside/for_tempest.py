# SPDX-License-Identifier: Apache-2.0
"""Makes what Tempest has to be given, and prints its configuration: section to option to value.

These are a second image and a second size; networks, users and projects it makes itself.
"""

import json
import sys
from pathlib import Path

import openstack
import yaml

cloud = openstack.connect(cloud="admin")
auth = yaml.safe_load(Path("/root/.config/openstack/clouds.yaml").read_text())["clouds"]["admin"]
(image,) = cloud.image.images(name="demo")
kept = {name: image[name] for name in ("kernel_id", "ramdisk_id", "os_command_line")}
other = cloud.image.create_image(
    "demo-other",
    filename="/usr/share/debstack-guest/disk.raw",
    disk_format="raw",
    container_format="bare",
    visibility="public",
    **kept,
)
(flavor,) = cloud.compute.flavors()
bigger = cloud.compute.create_flavor(name="bigger", ram=flavor.ram + 64, vcpus=1, disk=1)
external = cloud.network.find_network("external", ignore_missing=False)
(region,) = (region.id for region in cloud.identity.regions())
no, yes = "false", "true"
print(
    json.dumps(
        {
            "identity": {
                "uri_v3": auth["auth"]["auth_url"],
                "auth_version": "v3",
                "region": region,
                "ca_certificates_file": sys.argv[1],
                "v3_endpoint_type": "public",
            },
            "auth": {
                "admin_username": auth["auth"]["username"],
                "admin_password": auth["auth"]["password"],
                "admin_project_name": auth["auth"]["project_name"],
                "admin_domain_name": "Default",
            },
            "service_available": {"swift": no, "horizon": no},
            "compute": {
                "image_ref": image.id,
                "image_ref_alt": other.id,
                "flavor_ref": flavor.id,
                "flavor_ref_alt": bigger.id,
                "max_microversion": "latest",
            },
            # One host: nothing can move.
            "compute-feature-enabled": {
                "resize": yes,
                "live_migration": no,
                "cold_migration": no,
                "vnc_console": yes,
                "stable_rescue": yes,
                "attach_encrypted_volume": no,
            },
            "network": {
                "public_network_id": external.id,
                "floating_network_name": external.name,
                "project_network_cidr": "10.100.0.0/16",
            },
            "network-feature-enabled": {
                "ipv6_subnet_attributes": yes,
                "api_extensions": ",".join(one.alias for one in cloud.network.extensions()),
            },
            "validation": {"run_validation": yes, "image_ssh_user": "root"},
            "volume": {"max_microversion": "latest", "storage_protocol": "file"},
            "volume-feature-enabled": {"backup": yes, "extend_attached_volume": yes},
            "scenario": {
                # What a server writes there is on its disk, not in its memory.
                "target_dir": "/mnt",
                "img_disk_format": "qcow2",
                "img_properties": ",".join(f"{name}:{value}" for name, value in kept.items()),
            },
        }
    )
)
