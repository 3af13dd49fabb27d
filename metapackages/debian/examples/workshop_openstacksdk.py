# SPDX-License-Identifier: Apache-2.0
"""The tour of a workshop with openstacksdk: what a project can have, made, used, and removed again.

The cloud is the one that $OS_CLOUD names in clouds.yaml. All that is made is called NAME, and goes
again, also where something fails on the way. Run it with --help for what it takes.
"""

from __future__ import annotations

import argparse
import base64
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openstack
from openstack.exceptions import ForbiddenException

NAME = "workshop-openstacksdk"
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


def tell(step: str, what: str) -> None:
    """Print what there is now."""
    print(f"{step}: {what}", flush=True)


def say(login: str, key: Path) -> str:
    """Log in as `login` (user@address) and return what the user data have written.

    A server that is booting does not answer at once. Raises TimeoutError.
    """
    options = ["BatchMode=yes", "ConnectTimeout=5", "IdentitiesOnly=yes", "LogLevel=ERROR"]
    # Another server may have had the address, with another key of its own.
    options += ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null"]
    argv = ["ssh", *(f"-o{option}" for option in options), "-i", str(key), login]
    deadline = time.monotonic() + TIMEOUT_S
    while time.monotonic() < deadline:
        done = subprocess.run(
            [*argv, "cat /mnt/workshop"], capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode == 0 and done.stdout:
            return done.stdout.strip()
        time.sleep(2)
    raise TimeoutError(f"{login} does not answer: {done.stderr.strip()}")


class Tour:
    """What is made, each with what removes it, noted in `trash`."""

    def __init__(self, cloud: Any, arguments: argparse.Namespace, trash: ExitStack) -> None:
        self.cloud = cloud
        self.arguments = arguments
        self.trash = trash

    def make_key(self, folder: Path) -> Path:
        """Make a key pair, and give the cloud the public half; the private one stays here."""
        key = folder / "key"
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", NAME, "-f", str(key)], check=True
        )
        public = key.with_suffix(".pub").read_text(encoding="utf-8")
        made = self.cloud.compute.create_keypair(name=NAME, public_key=public)
        self.trash.callback(self.cloud.compute.delete_keypair, made)
        tell("key pair", made.fingerprint)
        return key

    def open_doors(self) -> None:
        """Make a security group that lets SSH and pings in."""
        network = self.cloud.network
        group = network.create_security_group(name=NAME, description="SSH and pings")
        self.trash.callback(network.delete_security_group, group)
        rule = {"security_group_id": group.id, "direction": "ingress", "ether_type": "IPv4"}
        network.create_security_group_rule(
            **rule, protocol="tcp", port_range_min=22, port_range_max=22
        )
        network.create_security_group_rule(**rule, protocol="icmp")
        tell("security group", group.name)

    def order(self, name: str, image: Any, **more: Any) -> Any:
        """Order a server that boots from `image`; return it as it is then, in the making."""
        find = self.cloud.compute.find_flavor, self.cloud.network.find_network
        names = self.arguments.flavor, self.arguments.network
        flavor, network = (f(n, ignore_missing=False) for f, n in zip(find, names, strict=True))
        return self.cloud.compute.create_server(
            name=name,
            image_id=image.id,
            flavor_id=flavor.id,
            networks=[{"uuid": network.id}],
            security_groups=[{"name": NAME}],
            key_name=NAME,
            **more,
        )

    def boot(self, name: str, image: Any, user_data: str = "") -> Any:
        """Boot a server from `image`, and return it when it is there."""
        more = {}
        if user_data:
            more["user_data"] = base64.b64encode(user_data.encode()).decode()
        server = self.order(name, image, **more)
        self.trash.callback(self.remove_server, server)
        server = self.cloud.compute.wait_for_server(server, wait=TIMEOUT_S)
        tell("server", f"{server.name} is {server.status}")
        return server

    def remove_server(self, server: Any) -> None:
        """Delete a server and wait until it is gone: it uses the security group so long.

        wait_for_delete() would be content with the status "deleted", and Nova lists the server with
        that for another moment. Raises TimeoutError.
        """
        self.cloud.compute.delete_server(server)
        deadline = time.monotonic() + TIMEOUT_S
        while self.cloud.compute.find_server(server.id):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{server.name} is still there")
            time.sleep(1)

    def make_address(self, server: Any) -> Any:
        """Get a floating IP for `server`, and return it."""
        name = self.arguments.external
        external = self.cloud.network.find_network(name, ignore_missing=False)
        (port,) = self.cloud.network.ports(device_id=server.id)
        made = self.cloud.network.create_ip(floating_network_id=external.id, port_id=port.id)
        self.trash.callback(self.cloud.network.delete_ip, made)
        tell("floating IP", f"{made.floating_ip_address} leads to {server.name}")
        return made

    def move_address(self, address: Any, server: Any) -> None:
        """Let a floating IP lead to `server` from now on."""
        (port,) = self.cloud.network.ports(device_id=server.id)
        self.cloud.network.update_ip(address, port_id=port.id)
        tell("floating IP", f"{address.floating_ip_address} leads to {server.name}")

    def snapshot(self, server: Any) -> Any:
        """Make an image of `server` as it is now, and return it."""
        image = self.cloud.compute.create_server_image(server, NAME, wait=True, timeout=TIMEOUT_S)
        self.trash.callback(self.cloud.image.delete_image, image)
        tell("snapshot", f"{image.name} is {image.status}")
        return image

    def exceed_quota(self, image: Any) -> None:
        """Order more servers than the project may have, which is refused as a whole."""
        limits = self.cloud.compute.get_limits().absolute
        free = limits.instances - limits.instances_used
        try:
            self.order(f"{NAME}-too-many", image, min_count=free + 1)
        except ForbiddenException as error:
            tell("quota", f"{error.status_code}: {error.details}")
        else:
            raise RuntimeError(f"{free + 1} servers were ordered, where {free} were left")


def main() -> None:
    """Go on the tour."""
    arguments = read_arguments()
    with openstack.connect() as cloud, ExitStack() as trash:
        folder = Path(trash.enter_context(tempfile.TemporaryDirectory()))
        tour = Tour(cloud, arguments, trash)
        key = tour.make_key(folder)
        tour.open_doors()
        image = cloud.image.find_image(arguments.image, ignore_missing=False)
        first = tour.boot(f"{NAME}-first", image, USER_DATA)
        address = tour.make_address(first)
        login = f"{arguments.login}@{address.floating_ip_address}"
        tell("logged in", f"{first.name} has the {say(login, key)}")
        snapshot = tour.snapshot(first)
        second = tour.boot(f"{NAME}-second", snapshot)
        tour.move_address(address, second)
        tell("logged in", f"{second.name} has the {say(login, key)}")
        tour.exceed_quota(image)
    tell("cleaned up", "nothing is left")


if __name__ == "__main__":
    main()
