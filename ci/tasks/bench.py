# SPDX-License-Identifier: Apache-2.0
"""Measuring: a table on the terminal, and build/bench/*.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from benchmark import all_in_one, compute_node, image, object_storage, ours, whole_cloud
from benchmark.failure import attempted
from benchmark.figure import Figure, beside, table, write
from benchmark.peer import measure_peer
from benchmark.peer_all_in_one import measure_peer_all_in_one
from cloudtest.stages import ALL_IN_ONE, METAPACKAGE
from debstack.base.errors import DebstackError
from pipeline.tree import BUILD
from tasks.program import expected_failures
from testbed import archive, ending


def _identity_and_image(repository: Path, peer: bool) -> Iterator[list[Figure]]:
    archive.supply([METAPACKAGE], repository=repository)
    figures = [*ours.measure_apply(repository), *ours.measure_install(repository)]
    yield figures
    if peer:
        yield beside(figures, attempted("Debian's packages", measure_peer))


def _all_in_one(repository: Path, peer: bool) -> Iterator[list[Figure]]:
    archive.supply([ALL_IN_ONE], repository=repository)
    figures = all_in_one.measure_all_in_one(repository)
    yield figures
    if peer:
        yield beside(figures, attempted("Debian's packages", measure_peer_all_in_one))


def _compute_node(repository: Path, _peer: bool) -> Iterator[list[Figure]]:
    archive.supply([compute_node.CONTROLLER], repository=repository)
    archive.supply([compute_node.COMPUTE], repository=repository)
    yield compute_node.measure_compute_nodes(repository)


def _whole_cloud(repository: Path, _peer: bool) -> Iterator[list[Figure]]:
    archive.supply([ALL_IN_ONE, *whole_cloud.ADDED], repository=repository)
    yield whole_cloud.measure_whole_cloud(repository)


def _object_storage(repository: Path, peer: bool) -> Iterator[list[Figure]]:
    yield object_storage.measure_object_storage(repository, peer)


def _image(_repository: Path, peer: bool) -> Iterator[list[Figure]]:
    yield image.measure_image(peer)


#: Each gives its figures as they become complete: what there is of ours is told whatever becomes
#: of the peer.
_PARTS = {
    "identity-and-image": _identity_and_image,
    "all-in-one": _all_in_one,
    "compute-node": _compute_node,
    "whole-cloud": _whole_cloud,
    "object-storage": _object_storage,
    "image": _image,
}


@task(
    help={
        "peer": "measure peers too: Debian's own packages, other builders… (default: yes)",
        "part": f"measure this part alone: {', '.join(_PARTS)}",
    }
)
@expected_failures
def bench(_: Context, peer: bool = True, part: str = "") -> None:
    """Measure apply and the installation, beside Debian's own packages."""
    if part and part not in _PARTS:
        raise DebstackError(
            f'--part: expected one of {", ".join(_PARTS)}, found "{part}"',
            hint="without it, all are measured",
        )
    repository = (BUILD / "repo").resolve()
    failed: list[str] = []
    with ending.in_order():
        for name in [part] if part else list(_PARTS):
            figures: list[Figure] = []
            for figures in _PARTS[name](repository, peer):
                write(figures, BUILD / "bench" / f"{name}.json")
                print(table(figures), flush=True)
            failed += [figure.log for figure in figures if figure.value is None]
    if failed:
        raise DebstackError(
            f"bench: a peer failed in {len(failed)} of the measurements",
            hint=f"see {', '.join(failed)}",
        )
