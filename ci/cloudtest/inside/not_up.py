# SPDX-License-Identifier: Apache-2.0
"""Prints the agents and services of the cloud that do not report; after a boot all of them will."""

import json

import openstack

cloud = openstack.connect(cloud="admin")
compute = [f"{s.binary}: {s.state}" for s in cloud.compute.services() if s.state != "up"]
volume = [f"{s.binary}: {s.state}" for s in cloud.block_storage.services() if s.state != "up"]
agents = [f"{a.binary}: down" for a in cloud.network.agents() if not a.is_alive]
print(json.dumps(compute + volume + agents))
