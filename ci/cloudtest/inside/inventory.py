# SPDX-License-Identifier: Apache-2.0
"""Prints all that packages may have left on this machine: files, accounts, units, databases."""

import hashlib
import json
import os
import stat
import subprocess
from pathlib import Path

#: What changes by itself, or is listed by the programs below instead.
SKIPPED = (
    "/dev",
    "/etc/.pwd.lock",
    "/etc/group",
    "/etc/gshadow",
    "/etc/ld.so.cache",
    "/etc/passwd",
    "/etc/shadow",
    "/proc",
    "/root/.cache",
    "/run",
    "/srv",
    "/sys",
    "/tmp",
    "/usr/share/info/dir",
    "/var/backups",
    "/var/cache/apt",
    "/var/cache/debconf",
    "/var/cache/ldconfig",
    "/var/cache/libvirt",
    "/var/cache/man",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/libuuid",
    "/var/lib/mysql",
    "/var/lib/rabbitmq",
    "/var/lib/systemd",
    "/var/lib/logrotate",
    "/var/log",
    "/var/tmp",
)


def described(path: Path) -> str:
    """Return what there is to tell of a file: mode, owner, and the content of configuration."""
    found = path.lstat()
    told = f"{stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid}"
    if stat.S_ISLNK(found.st_mode):
        return f"{told} -> {path.readlink()}"
    if stat.S_ISREG(found.st_mode) and path.is_relative_to("/etc"):
        return f"{told} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    return told


def files() -> dict[str, str]:
    """Return every file and folder of the machine that is not skipped."""
    found = {}
    for folder, names, plain in os.walk("/"):
        names[:] = [name for name in names if not skipped(os.path.join(folder, name))]
        for name in [*names, *plain]:
            path = Path(folder, name)
            if not skipped(str(path)):
                found[str(path)] = described(path)
    return found


def skipped(path: str) -> bool:
    """Say whether `path` is one of SKIPPED, or a backup of one."""
    return path in SKIPPED or path.rstrip("-") in SKIPPED


def lines(*argv: str) -> list[str]:
    """Return the sorted lines that a command prints; none where it cannot run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
    except FileNotFoundError:
        return []
    return sorted(line for line in done.stdout.splitlines() if line)


SQL = {
    "databases": "SHOW DATABASES",
    "database users": "SELECT CONCAT(User, '@', Host) FROM mysql.user",
    "grants": "SELECT CONCAT(User, '@', Host, ' ', Db) FROM mysql.db",
}
COMMANDS = {
    "users": ("getent", "passwd"),
    "groups": ("getent", "group"),
    "units": ("systemctl", "list-unit-files", "--no-legend", "--plain"),
    "failed": ("systemctl", "list-units", "--failed", "--no-legend", "--plain"),
    "packages": ("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\\n"),
    "overrides": ("dpkg-statoverride", "--list"),
    "diversions": ("dpkg-divert", "--list"),
    "vhosts": ("rabbitmqctl", "--quiet", "list_vhosts"),
    "brokers": ("rabbitmqctl", "--quiet", "list_users"),
    "questions": ("sh", "-c", "debconf-show --listowners"),
    "namespaces": ("ip", "netns", "list"),
    "links": ("sh", "-c", "ip -o link | cut -d: -f2 | cut -d@ -f1"),
    "tables": ("nft", "list", "tables"),
    "bridges": ("ovs-vsctl", "list-br"),
    "switch": ("ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids", "other_config"),
    "managers": ("ovs-vsctl", "get-manager"),
    "logical switches": ("ovn-nbctl", "--bare", "--columns=name", "list", "Logical_Switch"),
    "logical routers": ("ovn-nbctl", "--bare", "--columns=name", "list", "Logical_Router"),
    "listeners": ("sh", "-c", "ovn-nbctl get-connection; ovn-sbctl get-connection"),
    "domains": ("virsh", "list", "--all", "--name"),
    "secrets": ("virsh", "secret-list"),
    "pools": ("virsh", "pool-list", "--all", "--name"),
    "scopes": ("systemctl", "list-units", "--type=scope", "--no-legend", "--plain"),
    **{name: ("mariadb", "--skip-column-names", "-e", text) for name, text in SQL.items()},
}
print(json.dumps({"files": files(), **{name: lines(*argv) for name, argv in COMMANDS.items()}}))
