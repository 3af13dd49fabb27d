# SPDX-License-Identifier: Apache-2.0
"""cloud_state.py: print, as JSON, what an installed controller is, to compare it with another.

Passwords are replaced by their names; keys, hashes and identifiers, which differ, are left out.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import stat
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymysql
import yaml
from keystoneauth1 import session
from keystoneauth1.identity import v3

FOLDERS = (
    "/etc/keystone", "/etc/glance", "/etc/mysql", "/etc/rabbitmq", "/etc/debstack", "/etc/systemd",
    "/var/lib/debstack", "/root", "/var/lib/glance", "/var/lib/keystone",
)  # fmt: skip
#: Made by whoever works as root, by the tests, or (caches) whenever it is convenient.
NOT_OURS = re.compile(
    r"/root/(\.bash_history|\.python_history|\.lesshst|install\.log)|.*/\.cache(/.*)?"
)
KEYS = re.compile(
    r"/etc/keystone/(fernet|credential)-keys/\d+|(/etc|/var/lib)/debstack/tls/[a-z]+\.(key|crt|pem)"
)
DATABASES = ("keystone", "glance")
SYSTEM_USERS = ("root", "mysql", "mariadb.sys", "PUBLIC", "")


def command(*argv: str) -> str:
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout


def passwords() -> dict[str, str]:
    lines = Path("/etc/debstack/secrets.preseed").read_text(encoding="utf-8").splitlines()
    parts = [line.split(" ", 3) for line in lines if not line.startswith("#")]
    return {part[3]: part[1] for part in parts}


def masked(text: str, names: dict[str, str]) -> str:
    for value, name in names.items():
        for form in (value, quote(value, safe="")):
            text = text.replace(form, f"<{name}>")
    return text


def files(names: dict[str, str]) -> dict[str, str]:
    found = {}
    for top in FOLDERS:
        for folder, _, contents in os.walk(top):
            for path in [folder, *(f"{folder}/{name}" for name in contents)]:
                if NOT_OURS.match(path):
                    continue
                one = os.lstat(path)
                owner, group = pwd.getpwuid(one.st_uid).pw_name, grp.getgrgid(one.st_gid).gr_name
                told = f"{stat.filemode(one.st_mode)} {owner}:{group}"
                if stat.S_ISREG(one.st_mode) and not KEYS.fullmatch(path):
                    content = Path(path).read_text(encoding="utf-8", errors="replace")
                    told += f" {masked(content, names)}"
                found[path] = told
    return found


def rows(cursor: Any, statement: str) -> list[str]:
    cursor.execute(statement)
    return sorted(" | ".join(map(str, row)) for row in cursor.fetchall())


def database() -> dict[str, list[str]]:
    connection = pymysql.connect(unix_socket="/run/mysqld/mysqld.sock", user="root")
    chosen = ", ".join(f"'{name}'" for name in DATABASES)
    with connection, connection.cursor() as cursor:
        found = {
            "databases": rows(cursor, "SELECT * FROM information_schema.SCHEMATA"),
            "columns": rows(
                cursor,
                "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION, COLUMN_DEFAULT,"
                " IS_NULLABLE, COLUMN_TYPE, COLLATION_NAME, COLUMN_KEY, EXTRA"
                f" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN ({chosen})",
            ),
            "indexes": rows(
                cursor,
                "SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE"
                f" FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN ({chosen})",
            ),
            "constraints": rows(
                cursor,
                "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, CONSTRAINT_TYPE"
                f" FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA IN ({chosen})",
            ),
            "users": rows(cursor, "SELECT User, Host, plugin FROM mysql.user"),
        }
        for name in DATABASES:
            statement = f"SELECT version_num FROM {name}.alembic_version"
            found[f"revisions of {name}"] = rows(cursor, statement)
        cursor.execute("SELECT User, Host FROM mysql.user")
        for user, host in cursor.fetchall():
            if user not in SYSTEM_USERS:
                grants = rows(cursor, f"SHOW GRANTS FOR '{user}'@'{host}'")
                told = [re.sub(r"PASSWORD '\*\w+'", "PASSWORD …", line) for line in grants]
                found[f"grants of {user}@{host}"] = told
    return found


class Keystone:
    """The catalogue as its administrator reads it, by names."""

    def __init__(self) -> None:
        text = Path("/root/.config/openstack/clouds.yaml").read_text(encoding="utf-8")
        auth = yaml.safe_load(text)["clouds"]["admin"]["auth"]
        self._session = session.Session(auth=v3.Password(**auth))
        self._url = auth["auth_url"]

    def all_of(self, collection: str, query: str = "") -> list[dict[str, Any]]:
        answer = self._session.get(f"{self._url}/{collection}{query}").json()
        members: list[dict[str, Any]] = answer[collection.rpartition("/")[2]]
        return members

    def read(self) -> dict[str, list[str]]:
        kinds = {kind: self.all_of(kind) for kind in ("domains", "projects", "users", "roles")}
        services = {one["id"]: one for one in self.all_of("services")}
        names = {one["id"]: one["name"] for group in kinds.values() for one in group}
        found = {
            kind: sorted(f"{one['name']} in {names.get(one.get('domain_id'))}" for one in group)
            for kind, group in kinds.items()
        }
        found["enabled"] = sorted(str((one["name"], one["enabled"])) for one in kinds["users"])
        found["regions"] = sorted(one["id"] for one in self.all_of("regions"))
        found["services"] = sorted(
            str([one["type"], one["name"], one.get("description"), one["enabled"]])
            for one in services.values()
        )
        found["endpoints"] = sorted(
            f"{services[one['service_id']]['type']} {one['region_id']} {one['interface']}"
            f" {one['url']} {one['enabled']}"
            for one in self.all_of("endpoints")
        )
        assignments = self.all_of("role_assignments", "?include_names")
        found["assignments"] = sorted(
            f"{one['user']['name']}: {one['role']['name']} on {scope(one['scope'])}"
            for one in assignments
        )
        return found


def scope(found: dict[str, Any]) -> str:
    if "project" in found:
        return f"project {found['project']['name']}"
    return "the system" if "system" in found else f"domain {found['domain']['name']}"


def broker() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(command("rabbitmqctl", "--quiet", "export_definitions", "-"))
    parts = ("vhosts", "users", "permissions")
    found: dict[str, Any] = {part: told[part] for part in parts}
    for user in found["users"]:
        del user["password_hash"]
    for vhost in found["vhosts"]:
        vhost.pop("metadata", None)
    return {part: sorted(map(str, found[part])) for part in parts}


def units() -> dict[str, str]:
    patterns = ("keystone*", "glance*", "mariadb*", "rabbitmq*", "memcached*", "debstack*")
    told = command("systemctl", "list-unit-files", "--no-legend", "--plain", *patterns)
    found = {}
    for line in told.splitlines():
        name, enabled = line.split()[:2]
        if "@" not in name:
            shown = command("systemctl", "show", "--value", "--property=ActiveState", name).strip()
            found[name] = f"{enabled} {shown}"
    return found


def main() -> None:
    names = passwords()
    dpkg = "${db:Status-Abbrev} ${Package} ${Version}\n"
    state = {
        "files": files(names),
        "database": database(),
        "keystone": Keystone().read(),
        "broker": broker(),
        "units": units(),
        "failed": command("systemctl", "list-units", "--failed", "--no-legend", "--plain"),
        "packages": command("dpkg-query", "--show", f"--showformat={dpkg}").splitlines(),
        "passwords": sorted(names.values()),
    }
    print(json.dumps(state))


main()
