# SPDX-License-Identifier: Apache-2.0
"""activity.py: print, as JSON, what a second apply must not change: all files and all services.

`files` maps each path to when and how it was changed last, but for the data and logs of servers,
which write on their own; `services` maps each unit to its main process and its starts.
"""

from __future__ import annotations

import json
import os
import subprocess

#: What runs all the time anyway, or is not kept. /var/log: the journal. The folder /tmp itself:
#: MariaDB makes temporary tables in it when it is asked for its schema.
SKIPPED = (
    "/var/lib/mysql", "/var/lib/rabbitmq", "/var/log", "/var/lib/systemd", "/var/tmp", "/run/user",
    "/run/systemd", "/run/udev", "/run/log", "/run/dbus", "/run/credentials", "/run/initctl",
)  # fmt: skip
PLACES = ("/boot", "/etc", "/home", "/opt", "/root", "/run", "/srv", "/tmp", "/usr", "/var")


def copy_up() -> None:
    """Open debconf's files as debconf does to lock them: the first time, an overlay copies them."""
    for name in ("config.dat", "passwords.dat", "templates.dat"):
        os.close(os.open(f"/var/cache/debconf/{name}", os.O_RDWR))


def files() -> dict[str, list[int]]:
    found = {}
    for place in PLACES:
        device = os.lstat(place).st_dev
        for folder, names, contents in os.walk(place):
            names[:] = [
                name
                for name in names
                if f"{folder}/{name}" not in SKIPPED
                and os.lstat(f"{folder}/{name}").st_dev == device
            ]
            own = [] if folder == "/tmp" else [folder]
            for path in [*own, *(f"{folder}/{name}" for name in contents)]:
                one = os.lstat(path)
                found[path] = [
                    one.st_ino,
                    one.st_size,
                    one.st_mode,
                    one.st_mtime_ns,
                    one.st_ctime_ns,
                ]
    return found


def services() -> dict[str, str]:
    properties = "Id,MainPID,ExecMainStartTimestampMonotonic,NRestarts,ActiveState"
    command = ["systemctl", "show", "--all", f"--property={properties}", "*.service", "*.timer"]
    told = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    found = {}
    for block in told.split("\n\n"):
        lines = dict(line.partition("=")[::2] for line in block.splitlines())
        if lines.get("Id"):
            found[lines.pop("Id")] = " ".join(f"{k}={v}" for k, v in sorted(lines.items()))
    return found


copy_up()
print(json.dumps({"files": files(), "services": services()}))
