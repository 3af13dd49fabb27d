# SPDX-License-Identifier: Apache-2.0
"""The tour of a workshop with libcloud: what a project can have, made, used, and removed again.

The cloud is the one that $OS_CLOUD names in clouds.yaml, which openstacksdk reads here: libcloud
does not know that file. All that is made is called NAME, and goes again, also where something
fails on the way. Run it with --help for what it takes.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import libcloud.security
from libcloud.common.exceptions import BaseHTTPError
from libcloud.compute.providers import get_driver
from libcloud.compute.types import Provider
from openstack.config import OpenStackConfig

NAME = "workshop-libcloud"
TIMEOUT_S = 300
#: A server runs this as root when it boots for the first time.
USER_DATA = """\
#!/bin/sh
echo "user data of the first server" >/mnt/workshop
sync
"""


def read_arguments() -> argparse.Namespace:
    """Return the arguments; the defaults are what `debstack demo` makes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", default="demo", help="what the server boots from")
    parser.add_argument("--flavor", default="demo", help="how big it is")
    parser.add_argument("--network", default="demo", help="a network that a router leads out of")
    parser.add_argument("--external", default="external", help="where floating IPs come from")
    parser.add_argument("--login", default="root", help="the image's user who has the key")
    return parser.parse_args()


def connect() -> Any:
    """Return libcloud's driver for the cloud of clouds.yaml."""
    cloud = OpenStackConfig().get_one()
    auth = cloud.config["auth"]
    if cloud.config.get("cacert"):
        libcloud.security.CA_CERTS_PATH = cloud.config["cacert"]
    return get_driver(Provider.OPENSTACK)(
        auth["username"],
        auth["password"],
        api_version="2.2",
        # libcloud puts the version of the API behind it by itself.
        ex_force_auth_url=auth["auth_url"].removesuffix("/").removesuffix("/v3"),
        ex_force_auth_version="3.x_password",
        ex_tenant_name=auth["project_name"],
        ex_domain_name=auth.get("user_domain_name", "Default"),
        ex_force_service_region=cloud.config["region_name"],
    )


def tell(step: str, what: str) -> None:
    """Print what there is now."""
    print(f"{step}: {what}", flush=True)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Ask until the answer is yes. Raises TimeoutError."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {TIMEOUT_S} s for {what}")
        time.sleep(2)


def say(login: str, key: Path) -> str:
    """Log in as `login` (user@address) and return what the user data have written.

    A server that is booting does not answer at once. Raises TimeoutError.
    """
    options = ["BatchMode=yes", "ConnectTimeout=5", "IdentitiesOnly=yes", "LogLevel=ERROR"]
    # Another server may have had the address, with another key of its own.
    options += ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    argv = ["ssh", *(f"-o{option}" for option in options), "-i", str(key), login]
    said = ""

    def answered() -> bool:
        nonlocal said
        command = [*argv, "cat /mnt/workshop"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        said = done.stdout.strip()
        return done.returncode == 0 and bool(said)

    wait_until(answered, f"{login} to answer")
    return said


def named(things: list[Any], name: str) -> Any:
    """Return the thing of that name. Raises LookupError."""
    for thing in things:
        if thing.name == name:
            return thing
    raise LookupError(f"{name}: not among {', '.join(thing.name for thing in things)}")


class Tour:
    """What is made, each with what removes it, noted in `trash`."""

    def __init__(self, driver: Any, arguments: argparse.Namespace, trash: ExitStack) -> None:
        self.driver = driver
        self.arguments = arguments
        self.trash = trash

    def make_key(self, folder: Path) -> Path:
        """Have the cloud make a key pair; it keeps the public half, and shows the other once."""
        made = self.driver.create_key_pair(NAME)
        self.trash.callback(self.driver.delete_key_pair, made)
        key = folder / "key"
        key.touch(mode=0o600)
        key.write_text(made.private_key, encoding="utf-8")
        tell("key pair", made.fingerprint)
        return key

    def open_doors(self) -> Any:
        """Make a security group that lets SSH and pings in, and return it."""
        group = self.make_group(NAME)
        add_rule = self.driver.ex_create_security_group_rule
        add_rule(group, "tcp", 22, 22, cidr="0.0.0.0/0")
        add_rule(group, "icmp", None, None, cidr="0.0.0.0/0")
        tell("security group", group.name)
        return group

    def make_group(self, name: str) -> Any:
        """Make a security group that lets nothing in, and return it."""
        group = self.driver.ex_create_security_group(name, "of a workshop")
        self.trash.callback(self.driver.ex_delete_security_group, group)
        return group

    def boot(self, name: str, image: Any, group: Any, user_data: str | None = None) -> Any:
        """Boot a server from `image`, and return it when it is there."""
        node = self.driver.create_node(
            name=name,
            image=image,
            size=named(self.driver.list_sizes(), self.arguments.flavor),
            networks=[named(self.driver.ex_list_networks(), self.arguments.network)],
            ex_security_groups=[group],
            ex_keyname=NAME,
            ex_userdata=user_data,
        )
        self.trash.callback(self.remove_node, node)
        wait = {"wait_period": 2, "timeout": TIMEOUT_S, "ssh_interface": "private_ips"}
        ((node, _addresses),) = self.driver.wait_until_running([node], **wait)
        tell("server", f"{node.name} is {node.state}")
        return node

    def remove_node(self, node: Any) -> None:
        """Delete a server and wait until it is gone: it uses the security group so long."""
        self.driver.destroy_node(node)
        wait_until(
            lambda: node.id not in {one.id for one in self.driver.list_nodes()},
            f"{node.name} to be gone",
        )

    def make_address(self, node: Any) -> Any:
        """Get a floating IP for `node`, and return it."""
        made = self.driver.ex_create_floating_ip(self.arguments.external)
        if made is None:
            raise LookupError(f"{self.arguments.external}: no network that floating IPs come from")
        self.trash.callback(self.driver.ex_delete_floating_ip, made)
        self.move_address(made, node)
        return made

    def move_address(self, address: Any, node: Any) -> None:
        """Let a floating IP lead to `node` from now on."""
        self.driver.ex_attach_floating_ip_to_node(node, address)
        tell("floating IP", f"{address.ip_address} leads to {node.name}")

    def snapshot(self, node: Any) -> Any:
        """Make an image of `node` as it is now, and return it."""
        image = self.driver.create_image(node, NAME)
        self.trash.callback(self.driver.delete_image, image)
        wait_until(
            lambda: self.driver.get_image(image.id).extra["status"].lower() == "active",
            "the snapshot",
        )
        tell("snapshot", f"{image.name} is active")
        return image

    def exceed_quota(self) -> None:
        """Make security groups until the project may have no more."""
        for number in count(1):
            try:
                self.make_group(f"{NAME}-{number}")
            except BaseHTTPError as error:
                tell("quota", f"{error.code}: {error.message}")
                return


def main() -> None:
    """Go on the tour."""
    arguments = read_arguments()
    driver = connect()
    with ExitStack() as trash:
        folder = Path(trash.enter_context(tempfile.TemporaryDirectory()))
        tour = Tour(driver, arguments, trash)
        key = tour.make_key(folder)
        group = tour.open_doors()
        image = named(driver.list_images(), arguments.image)
        first = tour.boot(f"{NAME}-first", image, group, USER_DATA)
        address = tour.make_address(first)
        login = f"{arguments.login}@{address.ip_address}"
        tell("logged in", f"{first.name} has the {say(login, key)}")
        snapshot = tour.snapshot(first)
        second = tour.boot(f"{NAME}-second", snapshot, group)
        tour.move_address(address, second)
        tell("logged in", f"{second.name} has the {say(login, key)}")
        tour.exceed_quota()
    tell("cleaned up", "nothing is left")


if __name__ == "__main__":
    main()
