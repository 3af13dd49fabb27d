# SPDX-License-Identifier: Apache-2.0
"""Prints the compute nodes that the cloud knows, by name, with their state."""

import json

import openstack

cloud = openstack.connect(cloud="admin")
print(json.dumps({node.name: node.state for node in cloud.compute.hypervisors()}))
