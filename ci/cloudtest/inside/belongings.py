# SPDX-License-Identifier: Apache-2.0
"""belongings.py ACCOUNT: print what an account's project and user have, as JSON: kind to names.

ACCOUNT is what tenant.py prints.
"""

import json
import sys

import openstack

cloud = openstack.connect(cloud="admin").connect_as(**json.loads(sys.argv[1]))
project = cloud.current_project_id
found = {
    "servers": [one.name for one in cloud.compute.servers()],
    "key pairs": [one.name for one in cloud.compute.keypairs()],
    "images": [one.name for one in cloud.image.images(owner=project)],
    "volumes": [one.name for one in cloud.block_storage.volumes()],
    "floating IPs": [one.floating_ip_address for one in cloud.network.ips()],
    "security groups": [one.name for one in cloud.network.security_groups(project_id=project)],
}
print(json.dumps(found))
