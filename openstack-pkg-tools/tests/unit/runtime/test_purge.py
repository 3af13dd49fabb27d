# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from unit.runtime.making import install, manifests_of

from debstack.base.errors import DebstackError, IdentityUnavailable
from debstack.runtime import manifests, purge
from debstack.runtime.cells import places
from debstack.runtime.keystone.registered import Registered
from debstack.runtime.keystone.removing import Leaving, plan_removal
from debstack.runtime.keystone.snapshot import FoundEndpoint, FoundService, FoundUser, Snapshot
from debstack.runtime.step import Change
from debstack.spec.component import manifest_json


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keystone is installed, Glance removed; databases are SQLite files."""
    install(tmp_path, "debstack", "keystone")
    kept = tmp_path / manifests.REMOVED.lstrip("/")
    kept.mkdir(parents=True)
    for manifest in manifests_of("glance"):
        (kept / f"{manifest.binary}.json").write_text(manifest_json(manifest))
    etc = tmp_path / "etc/debstack"
    etc.mkdir(parents=True)
    (etc / "site.preseed").write_text("debstack openstack/database select sqlite\n")
    (etc / "secrets.preseed").write_text(
        "glance-common glance/database-password password hidden\n"
        "keystone keystone/database-password password kept\n"
    )
    for source in ("glance", "keystone"):
        folder = tmp_path / "var/lib" / source
        folder.mkdir(parents=True)
        (folder / f"{source}.sqlite").touch()
    monkeypatch.setattr(purge, "require_root", lambda: None)
    monkeypatch.setattr(purge, "identity_removals", lambda _work: [])
    return tmp_path


def parts(monkeypatch: pytest.MonkeyPatch, **instead: object) -> None:
    replaced = [(n, instead.get(part.__name__, part)) for n, part in purge.PARTS]
    monkeypatch.setattr(purge, "PARTS", tuple(replaced))


def nothing(_work: purge.Purge) -> list[Change]:
    return []


def test_what_is_the_packages_alone_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts(monkeypatch, identity_removals=nothing)
    assert purge.purge("glance-common", data=True, root=root) == 0
    assert not (root / "var/lib/glance/glance.sqlite").exists()
    assert (root / "var/lib/keystone/keystone.sqlite").exists()
    secrets = (root / "etc/debstack/secrets.preseed").read_text()
    assert "hidden" not in secrets
    assert "kept" in secrets


def test_without_data_nothing_goes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert purge.purge("glance-common", data=False, root=root) == 0
    assert (root / "var/lib/glance/glance.sqlite").exists()
    assert "--data deletes it" in capsys.readouterr().err


def test_what_cannot_be_reached_is_named_and_no_failure(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(_work: purge.Purge) -> list[Change]:
        raise IdentityUnavailable("Keystone: cannot be reached", hint="start it, then run: x")

    parts(monkeypatch, identity_removals=away)
    assert purge.purge("glance-common", data=True, root=root) == 0
    told = capsys.readouterr().err
    assert "warning: glance-common: left Keystone user glance: Keystone: cannot" in told
    assert "hint: start it; then remove by hand what was left" in told
    assert not (root / "var/lib/glance/glance.sqlite").exists()


def test_a_database_that_others_made_stays_theirs(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    parts(monkeypatch, identity_removals=nothing, messaging_removals=nothing)
    (root / "etc/debstack/site.preseed").write_text(
        "debstack openstack/database select mariadb\n"
        "debstack openstack/database-host string db1.example.org\n"
    )
    assert purge.purge("glance-common", data=True, root=root) == 0
    told = capsys.readouterr().err
    assert "glance/database-password" in told
    assert "warning" not in told


def test_an_installed_package_is_not_purged(root: Path) -> None:
    with pytest.raises(DebstackError, match="keystone: is installed"):
        purge.purge("keystone", data=True, root=root)


def test_an_unknown_package_left_nothing(root: Path) -> None:
    assert purge.purge("nova-api", data=True, root=root) == 0


def test_keys_go_with_their_package(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts(monkeypatch, identity_removals=nothing, messaging_removals=nothing)
    (manifest,) = manifests_of("keystone")
    components = root / manifests.COMPONENTS.lstrip("/") / "keystone.json"
    components.rename(root / manifests.REMOVED.lstrip("/") / "keystone.json")
    keys = root / "etc/keystone/fernet-keys"
    keys.mkdir(parents=True)
    (keys / "0").touch()
    assert purge.purge("keystone", data=True, root=root) == 0
    assert not keys.exists()
    assert manifest.package.key_repository


def found(*regions: str) -> Snapshot:
    return Snapshot(
        users={"Default/glance": FoundUser(id="u1")},
        services=(FoundService(id="s1", type="image", name="glance"),),
        endpoints=tuple(
            FoundEndpoint(id=f"e-{r}", service="s1", region=r, interface="public", url="http://x")
            for r in regions
        ),
    )


def test_what_is_noted_of_cells_goes_with_what_maps_them(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("_settings", "_registered", "_accounts", "_databases")
    kept = [part for part in purge.PARTS if part[0].__name__ not in here]
    monkeypatch.setattr(purge, "PARTS", tuple(kept))
    for manifest in manifests_of("nova"):
        path = root / manifests.REMOVED.lstrip("/") / f"{manifest.binary}.json"
        path.write_text(manifest_json(manifest))
    noted = (places.path_of(root, "two"), places.came_path(root, "two"))
    for path in noted:
        path.parent.mkdir(parents=True)
        path.write_text("")
    assert purge.purge("nova-conductor", data=True, root=root) == 0
    assert all(path.exists() for path in noted)
    assert purge.purge("nova-database", data=True, root=root) == 0
    assert not any(path.exists() for path in noted)


def test_a_catalogue_entry_goes_with_its_last_endpoint() -> None:
    common, api = manifests_of("glance")
    (endpoint, service) = plan_removal(found("One"), api, Leaving(types=["image"]), "One")
    assert (endpoint.path, service.path) == (("endpoints", "e-One"), ("services", "s1"))
    (only,) = plan_removal(found("One", "Two"), api, Leaving(types=["image"]), "One")
    assert only.path == ("endpoints", "e-One")
    (user,) = plan_removal(found(), common, Leaving(users=["glance"]), "One")
    assert user.path == ("users", "u1")


def test_an_endpoint_in_a_former_region_goes_if_it_is_noted_as_ours() -> None:
    _, api = manifests_of("glance")
    ours = Registered(region="Two", type="image", name="glance", interface="public", url="http://x")
    there = found("One", "Two", "Three")
    leaving = Leaving(types=["image"])
    gone = plan_removal(there, api, leaving, "One", [ours])
    assert [removal.path[1] for removal in gone] == ["e-One", "e-Two"]
    moved = dataclasses.replace(ours, url="http://other")
    (only,) = plan_removal(there, api, leaving, "One", [moved])
    assert only.path[1] == "e-One"


def test_a_domain_is_disabled_before_it_goes() -> None:
    common = manifests_of("heat")[0]
    there = Snapshot(
        domains={"Default": "default", "heat": "d1"},
        roles={"admin": "r1", "heat_stack_user": "r2"},
        users={"heat/heat_domain_admin": FoundUser(id="u2")},
    )
    leaving = Leaving(
        users=["heat", "heat_domain_admin"],
        domains=["heat"],
        roles=["heat_stack_user", "heat_stack_owner"],
    )
    assert [(r.method, r.path) for r in plan_removal(there, common, leaving, "One")] == [
        ("DELETE", ("users", "u2")),
        ("PATCH", ("domains", "d1")),
        ("DELETE", ("domains", "d1")),
        ("DELETE", ("roles", "r2")),
    ]
    assert plan_removal(Snapshot(), common, leaving, "One") == []


def test_what_is_left_in_keystone_is_named(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    common = manifests_of("heat")[0]
    kept = root / manifests.REMOVED.lstrip("/") / f"{common.binary}.json"
    kept.write_text(manifest_json(common))

    def away(_work: purge.Purge) -> list[Change]:
        raise IdentityUnavailable("Keystone: cannot be reached")

    parts(monkeypatch, identity_removals=away, messaging_removals=nothing)
    assert purge.purge("heat-common", data=True, root=root) == 0
    told = capsys.readouterr().err
    assert "left Keystone domain heat, Keystone role heat_stack_user, " in told


def test_an_entry_of_somebody_elses_name_is_left() -> None:
    _, api = manifests_of("glance")
    other = Snapshot(services=(FoundService(id="s1", type="image", name="theirs"),))
    assert plan_removal(other, api, Leaving(types=["image"]), "One") == []
