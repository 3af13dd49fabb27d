# SPDX-License-Identifier: Apache-2.0
"""openstack-clients on a machine of its own, told by debstack export where the cloud is."""

from __future__ import annotations

import json
import secrets

import pytest
import yaml

from cloudtest import person
from cloudtest.acting import act, apt, debstack, openstack
from cloudtest.observing import identity, unsettled
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

CLIENTS = "openstack-clients"
#: Whose commands there are besides those of every openstack: a command of each.
PLUGINS = {
    "heat": "stack list",
    "gnocchi": "metric list",
    "aodh": "alarm list",
    "placement": "resource provider list",
}
#: Completes the words that are its arguments, the last of which is not finished.
_COMPLETE = """
. /usr/share/bash-completion/bash_completion
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
_comp_load openstack
_openstack
printf '%s\\n' "${COMPREPLY[@]}"
"""
_TRUST = "/usr/local/share/ca-certificates/debstack.crt"


@pytest.fixture(scope="module")
def controller(make_module_node: NodeMaker) -> Node:
    """A booted node where `apt-get install openstack-base` ran."""
    return make_module_node(stage="controller").boot()


@pytest.fixture(scope="module")
def account(controller: Node) -> dict[str, str]:
    """What somebody with a project logs in with."""
    password = secrets.token_hex(16)
    openstack(controller, "project", "create", "workshop")
    create = ["user", "create", "--project", "workshop", "--password", password, "someone"]
    openstack(controller, *create)
    openstack(controller, "role", "add", "--user", "someone", "--project", "workshop", "member")
    return {"username": "someone", "password": password, "project_name": "workshop"}


@pytest.fixture(scope="module")
def exported(controller: Node) -> str:
    """What the controller tells machines with clients."""
    return controller.run(["debstack", "export", "--role", "clients"]).stdout


@pytest.fixture(scope="module")
def machine(exported: str, account: dict[str, str], make_module_node: NodeMaker) -> Node:
    """A booted node with the clients alone, and somebody who uses them."""
    node = make_module_node("desk", stage="debian", packages=[CLIENTS]).boot()
    act(node, "debconf-set-selections", input=exported)
    apt(node, "install", CLIENTS)
    person.settle(node, account)
    return node


def test_what_is_exported_holds_no_secret_and_opens_nothing(
    controller: Node, exported: str
) -> None:
    lines = [line.split() for line in exported.splitlines() if not line.startswith("#")]
    assert {line[1] for line in lines} == {
        "openstack/authority",
        "openstack/identity-url",
        "openstack/tls",
    }
    assert all(line[2] != "password" for line in lines)
    join = controller.run(["debstack", "answers", "get", "openstack/join"]).stdout
    assert join.strip() == "false"
    refused = debstack(controller, "export", "--role", "clients", "--node", "desk", check=False)
    assert refused.code == 3


def test_nothing_else_is_done_there_and_a_second_apply_does_nothing(
    controller: Node, machine: Node
) -> None:
    assert unsettled(machine) == {}
    assert "nothing to do" in debstack(machine, "apply").stdout
    assert act(machine, "cat", _TRUST).stdout == act(controller, "cat", _TRUST).stdout
    shared = yaml.safe_load(act(machine, "cat", "/etc/openstack/clouds.yaml").stdout)
    assert set(shared["clouds"]) == {"debstack"}
    auth = shared["clouds"]["debstack"]["auth"]
    assert auth["auth_url"] == identity(controller).urls("identity")["public"]
    assert not auth.keys() & {"username", "password"}
    assert act(machine, "test", "-e", "/root/.config/openstack", check=False).code == 1


def test_a_person_gets_a_token_over_tls(machine: Node) -> None:
    issue = ["openstack", "--os-cloud", "debstack", "token", "issue", "--format", "json"]
    issued = json.loads(person.does(machine, *issue).stdout)
    assert issued["project_id"]
    assert person.does(machine, "openstack", "image", "list").stdout.strip() == ""
    # It is the authority that makes the difference.
    act(machine, "mv", _TRUST, f"{_TRUST}.away")
    act(machine, "update-ca-certificates", "--fresh")
    refused = person.does(machine, *issue, check=False)
    assert refused.code != 0
    assert "CERTIFICATE_VERIFY_FAILED" in refused.stdout, refused.stdout
    act(machine, "rm", f"{_TRUST}.away")
    debstack(machine, "apply")
    person.does(machine, *issue)


def test_the_clients_of_all_services_are_there(machine: Node) -> None:
    helps = [f"openstack help {command} >/dev/null" for command in PLUGINS.values()]
    script = " && ".join(["set -e", *helps, "swift --version", "openstack help object list"])
    person.does(machine, "sh", "-c", script)
    imports = "import libcloud, openstack; print(libcloud.__version__, openstack.__file__)"
    assert person.does(machine, "python3", "-c", imports).stdout


@pytest.mark.parametrize(
    ("words", "completed"),
    [("stack upd", "update"), ("resource prov", "provider"), ("server create --ima", "--image")],
)
def test_bash_completes_commands(machine: Node, words: str, completed: str) -> None:
    told = person.does(machine, "bash", "-c", _COMPLETE, "bash", "openstack", *words.split())
    assert completed in told.stdout.split()


def test_purge_leaves_neither_cloud_nor_trust(machine: Node) -> None:
    apt(machine, "purge", "--autoremove", CLIENTS, "debstack")
    for path in ("/etc/openstack", _TRUST, "/etc/debstack"):
        assert act(machine, "test", "-e", path, check=False).code == 1, path
