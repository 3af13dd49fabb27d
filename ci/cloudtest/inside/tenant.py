# SPDX-License-Identifier: Apache-2.0
"""tenant.py NAME PASSWORD RANGE: make a project with a user, a network, and a router of its own.

All are called NAME. What its servers say to the outside may come back; nobody else may begin, but
with pings. Prints JSON: the account, as servers.py takes it.
"""

import json
import sys

import openstack

name, password, cidr = sys.argv[1:]
admin = openstack.connect(cloud="admin")
project = admin.identity.create_project(name=name, domain_id="default")
user = admin.identity.create_user(name=name, password=password, domain_id="default")
role = admin.identity.find_role("member", ignore_missing=False)
admin.identity.assign_project_role_to_user(project, user, role)
account = {"username": name, "password": password, "project_name": name}

cloud = admin.connect_as(**account)
network = cloud.network.create_network(name=name)
subnet = cloud.network.create_subnet(name=name, network_id=network.id, ip_version=4, cidr=cidr)
external = cloud.network.find_network("external", ignore_missing=False)
router = cloud.network.create_router(name=name, external_gateway_info={"network_id": external.id})
cloud.network.add_interface_to_router(router, subnet_id=subnet.id)
(group,) = cloud.network.security_groups(name="default")
cloud.network.create_security_group_rule(
    security_group_id=group.id, direction="ingress", ether_type="IPv4", protocol="icmp"
)
print(json.dumps(account))
