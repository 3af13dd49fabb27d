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
from cloudtest.observing import image_comes_back
from cloudtest.stages import METAPACKAGE, STAGE_NODE, NodeMaker, ensure_stage
from testbed.bed import Testbed
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

Moment = tuple[str, str, str]
#: Kind and pattern of what is waited for, and seconds after it: see inside/kill_at.py. In the order
#: in which they come, so that what one resumption does leaves the next moment to come. A line comes
#: for a step that is in order too.
BEGINNING: tuple[Moment, ...] = (
    ("process", r"debstack apply --dpkg", "0.0"),
    ("line", r"files:site: ", "0.0"),
    ("line", r"config:keystone: ", "0.0"),
    ("line", r"keys:fernet: ", "0.0"),
)
#: The broker's and the database's steps run side by side: these come while the database is down.
BROKER: tuple[Moment, ...] = (
    ("process", r"rabbitmqctl", "0.7"),
    ("line", r"messaging:rabbitmq: ", "0.0"),
)
SCHEMAS: tuple[Moment, ...] = (
    ("line", r"database:keystone/keystone: ", "0.0"),
    ("line", r"database:glance/glance: ", "0.0"),
    ("process", r"glance-manage db_sync", "0.5"),
    ("process", r"keystone-manage db_sync", "1.5"),
    ("line", r"schema:keystone/keystone: ", "0.0"),
    ("process", r"keystone-manage bootstrap", "1.5"),
)
#: Keystone is started beside its bootstrap, whichever is quicker: it is stopped before these.
REST: tuple[Moment, ...] = (
    ("process", r"systemctl .*keystone", "0.2"),
    ("line", r"schema:glance/glance: ", "0.0"),
    ("line", r"bootstrap:keystone: ", "0.0"),
    ("line", r"unit:keystone: ", "0.0"),
    ("line", r"unit:keystone: ", "0.3"),
    ("line", r"identity:catalogue: ", "0.0"),
    ("process", r"systemctl .*glance-api", "0.2"),
    ("line", r"unit:glance-api: ", "0.0"),
    ("line", r"clouds:root: ", "0.0"),
)
_BEGIN: tuple[str, ...] = ("apt-get", "install", "-y", "--reinstall", "glance-api")
_RESUME: tuple[str, ...] = ("dpkg", "--configure", "-a")


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


def kill(node: Node, moment: Moment, *command: str) -> None:
    """Run `command` in `node` and kill all of it at that moment, which has to come."""
    found = inside(node, "kill_at", *moment, *command, timeout_s=400)
    assert found["killed"], f"{moment} never came: code {found['code']}\n{found['output']}"


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


# Not in the quick suite until its moments are shown to come on machines of any speed.
@pytest.mark.long
def test_killed_again_and_again_it_ends_as_if_undisturbed(
    unapplied: Node, undisturbed: Any
) -> None:
    first, *others = BEGINNING
    kill(unapplied, first, *_BEGIN)
    for moment in others:
        kill(unapplied, moment, *_RESUME)
    act(unapplied, "systemctl", "stop", "mariadb")
    for moment in BROKER:
        kill(unapplied, moment, *_RESUME)
    act(unapplied, "systemctl", "start", "mariadb")
    for moment in SCHEMAS:
        kill(unapplied, moment, *_RESUME)
    act(unapplied, "systemctl", "stop", "keystone")
    for moment in REST:
        kill(unapplied, moment, *_RESUME)
    ends_as(undisturbed, unapplied)


@pytest.mark.long
@pytest.mark.parametrize("moment", BEGINNING + BROKER + SCHEMAS + REST, ids=" ".join)
def test_killed_once_at_a_first_install_it_ends_as_if_undisturbed(
    unapplied: Node, undisturbed: Any, moment: Moment
) -> None:
    kill(unapplied, moment, *_BEGIN)
    ends_as(undisturbed, unapplied)


@pytest.mark.long
@pytest.mark.parametrize("package", ["debstack", "glance-common", "keystone", "mariadb-server"])
def test_killed_while_packages_are_configured_it_ends_as_if_undisturbed(
    make_node: NodeMaker, undisturbed: Any, package: str
) -> None:
    node = make_node(stage="debian").boot()
    moment = ("line", rf"^Setting up {package} ", "0.1")
    kill(node, moment, "apt-get", "install", "-y", METAPACKAGE)
    ends_as(undisturbed, node)
