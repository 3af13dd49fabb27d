# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from debian.debian_support import Version

from debstack.base.errors import DebstackError
from pipeline import build
from pipeline.build import Built, Plan, build_all, build_key
from pipeline.deb import Deb, reachable
from pipeline.mirror import Mirror
from pipeline.root import Base, Root, mmdebstrap_argv
from pipeline.series import Series
from pipeline.source import SourcePackage

SERIES = Series(schema=1, series="2026.1", codename="Gazpacho", suite="trixie")
BASE = Base(path=Path("/base"), identity="one")
PLAN = Plan(series=SERIES, base=BASE)


CONTENTS = {
    "usr/lib/python3/dist-packages/debstack/dh/openstack.py": "1",
    "usr/lib/python3/dist-packages/debstack/runtime/apply.py": "1",
    "DEBIAN/md5sums": "1",
}


def deb(name: str, *depends: str, provides: str = "", version: str = "1") -> Deb:
    return Deb(
        path=Path(f"{name}.deb"),
        name=name,
        version=version,
        depends=frozenset(depends),
        provides=frozenset(provides.split()),
    )


def source(folder: Path, *needs: str) -> SourcePackage:
    (folder / "debian").mkdir(parents=True, exist_ok=True)
    (folder / "debian" / "rules").write_text(f"# {folder.name}\n")
    return SourcePackage(
        name=folder.name,
        folder=folder,
        version=Version("1.0"),
        distribution="trixie",
        timestamp=0,
        native=True,
        binaries=(f"python3-{folder.name}",),
        build_depends=tuple(({"name": f"python3-{need}"},) for need in needs),
    )


def test_own_packages_of_a_build_root_follow_dependencies() -> None:
    own = [deb("a", "b", "libc6"), deb("b", provides="virtual"), deb("c"), deb("d", "virtual")]
    by_name = {package.name: package for package in own}
    assert [d.name for d in reachable(["a", "debhelper"], by_name)] == ["a", "b"]
    assert [d.name for d in reachable(["d"], by_name)] == ["b", "d"]


@pytest.fixture(autouse=True)
def all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def files(folder: Path) -> list[Path]:
        return sorted(path for path in folder.rglob("*") if path.is_file())

    monkeypatch.setattr("pipeline.source.tree_files", files)
    monkeypatch.setattr("pipeline.deb.contents", lambda path: CONTENTS)


def test_key_changes_with_all_that_a_build_depends_on(tmp_path: Path) -> None:
    package = source(tmp_path / "package")
    keys = [
        build_key(package, PLAN, []),
        build_key(package, Plan(series=SERIES, base=BASE, tests=True), []),
        build_key(package, Plan(series=SERIES, base=Base(path=Path("/"), identity="2")), []),
        build_key(package, PLAN, [deb("dh-openstack")]),
        build_key(package, PLAN, [deb("dh-openstack", version="2")]),
    ]
    (tmp_path / "package/debian/rules").chmod(0o755)
    keys.append(build_key(package, PLAN, []))
    (tmp_path / "package/debian/rules").write_text("# changed\n")
    keys.append(build_key(package, PLAN, []))
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("file", "rebuild"), list(zip(CONTENTS, (True, False, False), strict=True))
)
def test_what_only_runs_on_a_target_rebuilds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, rebuild: bool
) -> None:
    package = source(tmp_path / "package")
    before = build_key(package, PLAN, [deb("python3-debstack")])
    monkeypatch.setitem(CONTENTS, file, "2")
    assert (build_key(package, PLAN, [deb("python3-debstack")]) != before) == rebuild


def test_key_does_not_change_with_times(tmp_path: Path) -> None:
    package = source(tmp_path / "package")
    before = build_key(package, PLAN, [])
    (tmp_path / "package/debian/rules").touch()
    assert build_key(package, PLAN, []) == before


class Builds:
    """Stands in for building: notes the order and what each build root was given."""

    def __init__(self, broken: str = "", depends: Mapping[str, str] | None = None) -> None:
        self.order: list[str] = []
        self.given: dict[str, list[str]] = {}
        self.broken = broken
        self.depends = depends or {}

    def __call__(self, package: SourcePackage, plan: Plan, own: Sequence[Deb]) -> Built:
        self.order.append(package.name)
        self.given[package.name] = [d.name for d in own]
        if package.name == self.broken:
            raise DebstackError(f"{package.name}: the build failed")
        return Built(source=package, folder=Path(package.name), cached=False, seconds=0)


def run_all(
    monkeypatch: pytest.MonkeyPatch, builds: Builds, sources: Sequence[SourcePackage], *names: str
) -> dict[str, Built]:
    def debs(built: Built) -> list[Deb]:
        return [deb(name, *builds.depends.get(name, "").split()) for name in built.source.binaries]

    monkeypatch.setattr(build, "build_source", builds)
    monkeypatch.setattr(build, "find_sources", lambda: {s.name: s for s in sources})
    monkeypatch.setattr(Built, "debs", debs)
    return build_all(PLAN, names, jobs=2)


def test_dependencies_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = Builds()
    sources = [source(tmp_path / "c", "b"), source(tmp_path / "b", "a"), source(tmp_path / "a")]
    run_all(monkeypatch, builds, sources)
    assert builds.order == ["a", "b", "c"]
    assert builds.given == {"a": [], "b": ["python3-a"], "c": ["python3-b"]}


def test_only_what_is_asked_for_and_what_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds()
    sources = [source(tmp_path / "c", "a"), source(tmp_path / "b"), source(tmp_path / "a")]
    assert set(run_all(monkeypatch, builds, sources, "c")) == {"a", "c"}


def test_a_failure_stops_dependents_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = Builds(broken="a")
    sources = [source(tmp_path / "a"), source(tmp_path / "b", "a"), source(tmp_path / "c")]
    with pytest.raises(DebstackError, match="a: the build failed"):
        run_all(monkeypatch, builds, sources)
    assert sorted(builds.order) == ["a", "c"]


def test_what_the_needed_packages_depend_on_is_built_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds(depends={"python3-a": "python3-y", "python3-y": "python3-z libc6"})
    lone = [source(tmp_path / name) for name in ("c", "d", "y", "z")]
    sources = [source(tmp_path / "b", "a"), source(tmp_path / "a"), *lone]
    assert set(run_all(monkeypatch, builds, sources, "b")) == {"a", "b", "y", "z"}
    assert builds.order == ["a", "y", "z", "b"]
    assert builds.given["b"] == ["python3-a", "python3-y", "python3-z"]


def test_what_fails_stops_what_would_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = Builds(broken="y", depends={"python3-a": "python3-y"})
    sources = [source(tmp_path / "b", "a"), source(tmp_path / "a"), source(tmp_path / "y")]
    with pytest.raises(DebstackError, match="y: the build failed"):
        run_all(monkeypatch, builds, sources)
    assert sorted(builds.order) == ["a", "y"]


def test_what_installs_each_other_is_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depends = {"python3-a": "python3-c", "python3-p": "python3-y", "python3-q": "python3-x"}
    builds = Builds(depends=depends)
    sources = [source(tmp_path / "b", "a"), source(tmp_path / "c", "b"), source(tmp_path / "a")]
    sources += [source(tmp_path / "x", "p"), source(tmp_path / "y", "q")]
    sources += [source(tmp_path / "p"), source(tmp_path / "q")]
    assert len(run_all(monkeypatch, builds, sources)) == len(sources)
    assert builds.given["b"] == ["python3-a"]
    assert builds.order.index("x") < builds.order.index("y")
    assert builds.given["y"] == ["python3-q", "python3-x"]


def test_circle_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [source(tmp_path / "a", "b"), source(tmp_path / "b", "a")]
    with pytest.raises(DebstackError, match=r"circle: [ab] -> [ab] -> [ab]"):
        run_all(monkeypatch, Builds(), sources)


def test_command_in_a_root_dies_with_us_and_has_no_network(tmp_path: Path) -> None:
    root = Root(lower=(Path("/layer"), Path("/base")), folder=tmp_path, binds={Path("/x"): "/in"})
    argv = root.argv(["true"], user="builder")
    assert argv[:4] == ["setpriv", "--pdeathsig", "KILL", "unshare"]
    assert "--net" in argv
    layers = [str(tmp_path / name) for name in ("upper", "work", "root")]
    assert argv[-6:] == ["/layer:/base", *layers, "--", "true"]
    assert "--net" not in root.argv(["true"], network=True)


def test_base_is_made_from_the_mirror_of_the_host() -> None:
    mirror = Mirror(uri="http://mirror.test/debian", settings=('Acquire::Retries "5";',))
    argv = mmdebstrap_argv(mirror, "trixie", Path("/base"))
    assert argv[-3:] == ["trixie", "/base", "deb http://mirror.test/debian trixie main"]
    assert '--aptopt=Acquire::Retries "5";' in argv
