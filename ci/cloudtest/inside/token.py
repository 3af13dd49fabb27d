# SPDX-License-Identifier: Apache-2.0
"""Prints when a new token of the administrator was issued and when it expires."""

import json
from pathlib import Path

import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

cloud = yaml.safe_load(Path("/root/.config/openstack/clouds.yaml").read_text())["clouds"]["admin"]
password = Password(**cloud["auth"])
access = password.get_access(Session(verify=cloud.get("cacert", True)))
times = {"issued": access.issued, "expires": access.expires}
print(json.dumps({name: time.isoformat() if time else None for name, time in times.items()}))
