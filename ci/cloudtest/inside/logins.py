# SPDX-License-Identifier: Apache-2.0
"""logins.py FILE ADMIN PROJECT: log in with the passwords in FILE (JSON) to all that has accounts.

Prints JSON: each account to an empty text or the reason why it was refused.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import amqp
import yaml
from keystoneauth1 import session
from keystoneauth1.identity import v3

CLOUDS = Path("/root/.config/openstack/clouds.yaml")


def database(user: str, password: str) -> None:
    """Log in as any client does, which sends the password as UTF-8."""
    argv = ["mariadb", f"--user={user}", "--protocol=socket", "--execute=SELECT 1", user]
    told = subprocess.run(argv, env={"MYSQL_PWD": password}, capture_output=True, text=True)
    if told.returncode:
        raise ValueError(told.stderr.strip())


def broker(user: str, password: str) -> None:
    host = "127.0.0.1:5672"
    connection = amqp.Connection(host=host, userid=user, password=password, virtual_host=user)
    connection.connect()
    connection.close()


def keystone(user: str, project: str, password: str) -> None:
    url = yaml.safe_load(CLOUDS.read_text(encoding="utf-8"))["clouds"]["admin"]["auth"]["auth_url"]
    auth = v3.Password(
        auth_url=url,
        username=user,
        password=password,
        project_name=project,
        user_domain_name="Default",
        project_domain_name="Default",
    )
    session.Session(auth=auth).get_token()


def main() -> None:
    passwords = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    admin, project = sys.argv[2:]
    ways: dict[str, Callable[[str], None]] = {
        "openstack/admin-password": lambda text: keystone(admin, project, text),
        "glance/service-password": lambda text: keystone("glance", "service", text),
        "keystone/database-password": lambda text: database("keystone", text),
        "glance/database-password": lambda text: database("glance", text),
        "keystone/messaging-password": lambda text: broker("keystone", text),
        "glance/messaging-password": lambda text: broker("glance", text),
    }
    found = {}
    for name, log_in in ways.items():
        try:
            log_in(passwords[name])
            found[name] = ""
        except Exception as error:
            found[name] = repr(error)
    print(json.dumps(found))


main()
