# SPDX-License-Identifier: Apache-2.0
"""Measuring: a table on the terminal, and build/bench/*.json."""

from __future__ import annotations

from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from benchmark import all_in_one, image, ours, peer
from benchmark.figure import Figure, table, write
from cloudtest.stages import ALL_IN_ONE, METAPACKAGE
from debstack.base.errors import DebstackError
from pipeline.tree import BUILD
from tasks.program import expected_failures
from testbed import archive


def _against_peer(with_peer: bool) -> list[Figure]:
    mine = ours.measure_install(BUILD / "repo")
    theirs = peer.measure_peer() if with_peer else {}
    return [
        Figure(name=name, value=value, unit="s", peer=theirs.get(name))
        for name, value in mine.items()
    ]


def _identity_and_image(repository: Path, peer: bool) -> list[Figure]:
    archive.supply([METAPACKAGE], repository=repository)
    return [*ours.measure_apply(repository), *_against_peer(peer)]


def _all_in_one(repository: Path, peer: bool) -> list[Figure]:
    archive.supply([ALL_IN_ONE], repository=repository)
    return all_in_one.measure_all_in_one(repository, peer)


def _image(_repository: Path, peer: bool) -> list[Figure]:
    return image.measure_image(peer)


_PARTS = {
    "identity-and-image": _identity_and_image,
    "all-in-one": _all_in_one,
    "image": _image,
}


@task(
    help={
        "peer": "measure Debian's own packages too (default: yes)",
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
    for name in [part] if part else list(_PARTS):
        figures = _PARTS[name](repository, peer)
        write(figures, BUILD / "bench" / f"{name}.json")
        print(table(figures), flush=True)
