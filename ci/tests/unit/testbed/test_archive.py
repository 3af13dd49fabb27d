# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from types import SimpleNamespace

import pytest

from testbed import archive
from testbed.places import TestbedError
from testbed.record import Bind


@pytest.fixture
def repository(scratch: Path) -> Path:
    folder = scratch / "repo"
    dist = folder / "dists" / "trixie-x"
    dist.mkdir(parents=True)
    (dist / "InRelease").write_text("signed")
    (dist / "Release").write_text("one")
    (folder / "a-keyring.asc").write_text("key")
    return folder


def test_a_node_knows_the_repository_by_its_key(repository: Path) -> None:
    assert archive.sources_text(repository) == (
        "Types: deb\nURIs: file:/srv/debstack-repo\nSuites: trixie-x\nComponents: main\n"
        "Signed-By: /srv/debstack-repo/a-keyring.asc\n"
    )


def test_a_folder_without_repository_is_refused(scratch: Path) -> None:
    with pytest.raises(TestbedError, match="expected a signed apt repository"):
        archive.sources_text(scratch)


def test_the_state_of_a_repository_changes_with_what_it_offers(repository: Path) -> None:
    before = archive.repository_state(repository)
    assert archive.repository_state(repository) == before
    (repository / "dists" / "trixie-x" / "Release").write_text("two")
    assert archive.repository_state(repository) != before


@pytest.fixture
def apt(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """apt-get commands that are run; each puts a.deb where .debs are kept, like a download."""
    commands: list[list[str]] = []

    def run(command: list[str], *, network: bool) -> tuple[int, str]:
        commands.append(list(command))
        (archive.debs_folder() / "a.deb").touch()
        printed = "Reading…\n'http://m/pool/a.deb' a.deb 12 SHA256:0\n"
        return 0, printed + "'file:/srv/debstack-repo/b.deb' b.deb 12 SHA256:0\n"

    class Overlay:
        def __init__(self, *_: object) -> None:
            self.upper = scratch / f"upper-{len(commands)}"
            self.upper.mkdir()

        def __enter__(self) -> SimpleNamespace:
            return SimpleNamespace(run=run, upper=self.upper)

        def __exit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(archive, "overlay", Overlay)
    monkeypatch.setattr(archive, "ensure_base", lambda: scratch / "base")
    monkeypatch.setattr(archive, "ensure_lists", lambda base, refresh: scratch / "lists")
    return commands


def test_a_warm_run_asks_nobody(apt: list[list[str]], repository: Path, scratch: Path) -> None:
    first = archive.supply(["a"], repository=repository)
    assert len(apt) == 2  # our lists, then the download
    assert archive.supply(["a"], repository=repository) == first
    assert len(apt) == 2
    assert first.layers[1:] == (scratch / "lists", scratch / "base")
    assert first.binds == (Bind(source=repository, target="/srv/debstack-repo"),)


@pytest.mark.parametrize("change", ["package", "repository", "lost file"])
def test_what_has_changed_is_fetched_again(
    change: str, apt: list[list[str]], repository: Path
) -> None:
    archive.supply(["a"], repository=repository)
    known = len(apt)
    packages = ["a"]
    if change == "package":
        packages.append("c")
    elif change == "repository":
        (repository / "dists" / "trixie-x" / "Release").write_text("two")
    else:
        (archive.debs_folder() / "a.deb").unlink()
    archive.supply(packages, repository=repository)
    assert len(apt) > known


def test_packages_of_our_own_repository_are_not_looked_for_in_the_cache(
    apt: list[list[str]], repository: Path
) -> None:
    archive.supply(["a"], repository=repository)
    assert not (archive.debs_folder() / "b.deb").exists()
    archive.supply(["a"], repository=repository)
    assert len(apt) == 2
