# SPDX-License-Identifier: Apache-2.0
"""Nodes with our packages, from the repository that `make build` makes.

A stage is a node in a state that many tests begin from, kept for as long as the repository does
not change. A node from a stage has its name and address: a test can have one such node, made
first, and bare nodes beside it.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudtest import browser, groundwork
from cloudtest.acting import INSIDE, act, apt, preseed
from cloudtest.answers import ADMIN_HOST, AWKWARD_PASSWORDS, INTERNAL_HOST, PUBLIC_HOST, answers
from cloudtest.spread import SpreadCloud, make_spread_cloud
from cloudtest.stages import METAPACKAGE, STAGE_NODE, NodeMaker, ensure_stage
from pipeline.repo import build_repository
from testbed import archive
from testbed.bed import Testbed
from testbed.node import Node


@pytest.fixture(scope="session")
def repository() -> Path:
    """The repository with all our packages, built from the tree where it is not yet."""
    return build_repository().resolve()


@pytest.fixture(scope="session")
def beds(repository: Path) -> Iterator[Testbed]:
    """The testbed of this run, for all nodes of it; use make_node."""
    archive.supply([METAPACKAGE], repository=repository)
    with Testbed(f"system-{os.getpid()}") as made:
        yield made


@contextmanager
def _making(beds: Testbed, repository: Path) -> Iterator[NodeMaker]:
    names: list[str] = []

    def make(
        name: str = STAGE_NODE,
        *,
        stage: str | None = None,
        packages: Sequence[str] = (METAPACKAGE,),
        networks: Sequence[str] = ("default",),
    ) -> Node:
        from_stage = None
        if stage in groundwork.KINDS:
            from_stage = groundwork.ensure_groundwork(stage, repository, packages[0])
        elif stage == "browser":
            from_stage = browser.ensure_browser()
        elif stage:
            from_stage = ensure_stage(stage, repository)
        node = beds.create(
            name,
            from_stage=from_stage,
            packages=packages,
            repository=repository,
            networks=networks,
        )
        names.append(name)
        return node

    try:
        yield make
    finally:
        for name in names:
            beds.destroy(name)


@pytest.fixture
def make_node(
    beds: Testbed, repository: Path, request: pytest.FixtureRequest
) -> Iterator[NodeMaker]:
    """Return what makes switched-off nodes, which go with the test."""
    with _making(beds, repository) as make:
        yield make
        if request.node.stash.get(_FAILED, False):
            for node in beds.nodes():
                print(f"the journal of node {node.name}, its end:")
                print(node.journal("--lines=150"))


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember that a test failed, for fixtures to tell more."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="module")
def make_module_node(beds: Testbed, repository: Path) -> Iterator[NodeMaker]:
    """Return what makes switched-off nodes, which go with the last test of the module."""
    with _making(beds, repository) as make:
        yield make


@pytest.fixture
def controller(make_node: NodeMaker) -> Node:
    """A booted node where `apt-get install openstack-base` ran: a whole cloud."""
    return make_node(stage="controller").boot()


@pytest.fixture
def keystone_alone(make_node: NodeMaker) -> Node:
    """A booted node where `apt-get install keystone` ran without a database server: on SQLite."""
    return make_node(stage="keystone-alone").boot()


@pytest.fixture
def deferred(make_node: NodeMaker) -> Node:
    """A switched-off node with openstack-base installed without an init: nothing applied.

    debstack-apply.service does it at the first boot, unless the test masks that.
    """
    return make_node(stage="deferred")


@pytest.fixture(scope="session")
def spread(repository: Path) -> Iterator[SpreadCloud]:
    """A cloud on three booted nodes; a test leaves it as it was."""
    with Testbed(f"spread-{os.getpid()}") as bed:

        def make(name: str, kind: str) -> Node:
            ground = groundwork.ensure_groundwork(kind, repository, METAPACKAGE)
            return bed.create(name, from_stage=ground, repository=repository)

        yield make_spread_cloud(make)


@pytest.fixture(scope="session")
def preseeded(repository: Path) -> Iterator[Node]:
    """A booted node where openstack-base was installed with cloudtest.answers preseeded.

    During the installation the unit `watch` in it notes all command lines. It rests then; when it
    is stopped, they are in /root/arguments. The node is a testbed of its own.
    """
    with Testbed(f"preseeded-{os.getpid()}") as bed:
        node = bed.create(
            STAGE_NODE,
            from_stage=groundwork.ensure_groundwork("debian", repository, METAPACKAGE),
            packages=[METAPACKAGE],
            repository=repository,
        ).boot()
        names = f"{PUBLIC_HOST} {INTERNAL_HOST} {ADMIN_HOST}"
        act(node, "sh", "-c", f'echo "{node.address6} {names}" >>/etc/hosts')
        preseed(node, answers(node.address6), AWKWARD_PASSWORDS)
        node.copy_in(INSIDE / "watch_arguments.py", "/root/watch.py")
        watch = ["systemd-run", "--unit=watch", "--nice=-5", "python3", "/root/watch.py"]
        act(node, *watch, "/root/arguments")
        apt(node, "install", METAPACKAGE)
        act(node, "systemctl", "kill", "--signal=STOP", "watch")
        yield node
