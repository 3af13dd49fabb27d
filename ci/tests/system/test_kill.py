# SPDX-License-Identifier: Apache-2.0
"""apt, dpkg and debstack are killed at one moment after the other; dpkg then finishes the work."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from cloudtest.acting import act, dpkg_configure, inside, status
from cloudtest.killing import Moment, kill
from cloudtest.observing import image_comes_back
from cloudtest.stages import METAPACKAGE, STAGE_NODE, NodeMaker, ensure_stage
from testbed.bed import Testbed
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_BROKER_USERS = "rabbitmqctl -q list_users --no-table-headers | cut -f1 | grep -vx guest"
_DELETE_USER = "rabbitmqctl -q delete_user"
#: Who keeps MariaDB from it is told.
_DROP = (
    "timeout 60 mariadb -e 'DROP DATABASE IF EXISTS {}'"
    " || {{ mariadb -e 'SHOW FULL PROCESSLIST; SHOW ENGINE INNODB STATUS'; exit 1; }}"
)
#: A resumption before it may have started Keystone, which holds what it reads.
_DROP_KEYSTONE = f"systemctl stop keystone; {_DROP.format('keystone')}"
#: Without it, Glance's own command makes the schema.
_FORGET = "rm -f /usr/share/debstack/schemas/glance-glance.json"

#: Files are written then, and HAProxy does not know of them: a reload would not tell it.
_LET_GO = (
    "rm -f /etc/systemd/system/haproxy.service.d/50-debstack.conf; systemctl daemon-reload;"
    " systemctl restart haproxy"
)
_FORGET_LOAD = "mariadb glance -e 'DROP TABLE IF EXISTS debstack_load'"


#: In the order in which they come. The line of a step comes where it is in order too.
MOMENTS: tuple[Moment, ...] = (
    Moment("process", r"debstack apply --dpkg"),
    Moment("line", r"files:site: "),
    Moment("line", r"config:keystone: "),
    Moment("line", r"keys:fernet: "),
    Moment("process", r"rabbitmqctl", "0.7", undo=f"{_BROKER_USERS} | xargs -rn1 {_DELETE_USER}"),
    Moment("line", r"messaging:rabbitmq: "),
    Moment("line", r"database:keystone/keystone: "),
    Moment("line", r"database:glance/glance: "),
    Moment("process", r"glance-manage db_sync", "0.5", undo=f"{_DROP.format('glance')}; {_FORGET}"),
    Moment("line", r"database:keystone/keystone: ", "0.2", undo=_DROP_KEYSTONE),
    Moment("line", r"schema:keystone/keystone: "),
    Moment("process", r"keystone-manage bootstrap", "1.5", undo=_DROP_KEYSTONE),
    Moment("process", r"systemctl .*keystone", "0.2", undo="systemctl stop keystone"),
    Moment("line", r"schema:glance/glance: "),
    Moment("process", r"haproxy -c", undo=_LET_GO),
    Moment("line", r"bootstrap:keystone: "),
    Moment("line", r"unit:keystone: "),
    Moment("line", r"unit:keystone: ", "0.3"),
    Moment("line", r"identity:catalogue: "),
    Moment("process", r"systemctl .*glance-api", "0.2", undo="systemctl stop glance-api"),
    Moment("line", r"unit:glance-api: "),
    Moment("process", r"glance-manage db load_metadefs", "1.1", undo=_FORGET_LOAD),
    Moment("line", r"clouds:root: "),
)
_BEGIN: tuple[str, ...] = ("apt-get", "install", "-y", "--reinstall", "glance-api")
_RESUME: tuple[str, ...] = ("dpkg", "--configure", "-a")
#: Those of every run, in one chain; each of all is tried alone, on a machine of its own, in the
#: long tests.
_CHAIN = MOMENTS[::2]


@pytest.fixture(scope="module")
def undisturbed(repository: Path) -> Any:
    """What an installation that nothing disturbed has led to."""
    with Testbed(f"undisturbed-{os.getpid()}") as bed:
        stage = ensure_stage("controller", repository)
        node = bed.create(STAGE_NODE, from_stage=stage, repository=repository).boot()
        state = inside(node, "cloud_state")
    return state


@pytest.fixture
def unapplied(deferred: Node) -> Node:
    """A booted node with everything installed and nothing applied."""
    deferred.enter_chroot(["rm", "/var/lib/debstack/pending"])
    return deferred.boot()


def ends_as(undisturbed: Any, node: Node) -> None:
    """Check that `dpkg --configure -a` leads to the state of an undisturbed installation."""
    dpkg_configure(node)
    assert node.run(["dpkg", "--audit"]).stdout == ""
    assert differences(undisturbed, inside(node, "cloud_state")) == ""
    assert status(node)["in-order"]
    image_comes_back(node)


def differences(before: Any, after: Any) -> str:
    """Return how two results of cloud_state differ, as the lines of a diff without context."""
    old, new = (json.dumps(s, indent=1, sort_keys=True).splitlines() for s in (before, after))
    return "\n".join(difflib.unified_diff(old, new, n=0, lineterm=""))


def test_killed_again_and_again_it_ends_as_if_undisturbed(
    unapplied: Node, undisturbed: Any
) -> None:
    first, *others = _CHAIN
    kill(unapplied, first, *_BEGIN)
    for moment in others:
        if moment.undo:
            act(unapplied, "sh", "-c", moment.undo)
        kill(unapplied, moment, *_RESUME)
    ends_as(undisturbed, unapplied)


@pytest.mark.long
@pytest.mark.parametrize("moment", MOMENTS, ids=lambda m: " ".join(m[:3]))
def test_killed_once_at_a_first_install_it_ends_as_if_undisturbed(
    unapplied: Node, undisturbed: Any, moment: Moment
) -> None:
    if moment.undo:
        act(unapplied, "sh", "-c", moment.undo)
    kill(unapplied, moment, *_BEGIN)
    ends_as(undisturbed, unapplied)


@pytest.mark.long
@pytest.mark.parametrize("package", ["debstack", "glance-common", "keystone", "mariadb-server"])
def test_killed_while_packages_are_configured_it_ends_as_if_undisturbed(
    make_node: NodeMaker, undisturbed: Any, package: str
) -> None:
    node = make_node(stage="debian").boot()
    moment = Moment("line", rf"^Setting up {package} ", "0.1")
    kill(node, moment, "apt-get", "install", "-y", METAPACKAGE)
    ends_as(undisturbed, node)
