# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import dataclasses
import errno
import getpass
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from unit.runtime.making import FACTS, inputs, manifests_of

from debstack.base.errors import AnswerError, CephUnavailable, ConfigurationError, DebstackError
from debstack.base.run import Result
from debstack.runtime import export, freshness
from debstack.runtime.ceph import answered, asking, files
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.site import Site
from debstack.runtime.steps import ceph as step_module
from debstack.runtime.steps.ceph import CephStep, build
from debstack.runtime.steps.config import ConfigStep
from debstack.runtime.substitution import looked_up, sections_of
from debstack.spec.vocabulary import Manifest

KEY = base64.b64encode(b"\1\0" + b"\0" * 8 + b"\20\0" + b"k" * 16).decode()
GIVEN = {"openstack/ceph-monitors": "192.0.2.11,2001:db8::12,mon.example.org:3300"}
SECRETS = {"openstack/ceph-key": KEY}
ME = getpass.getuser()
SOURCES = ("debstack", "keystone", "glance", "cinder", "nova", "placement")


def installed() -> tuple[Manifest, ...]:
    """Return the manifests, with the user that these tests run as."""
    found = [m for source in SOURCES for m in manifests_of(source)]
    return tuple(dataclasses.replace(m, user=ME) if m.user else m for m in found)


def site(answers: dict[str, str], secrets: dict[str, str] = SECRETS) -> Site:
    traits = {"volume-group": lambda: "", "hypervisor": lambda: "qemu"}
    facts = dataclasses.replace(FACTS, traits=traits)
    return resolve(inputs(installed(), answers, facts=facts, secrets=secrets))


def context(root: Path, answers: dict[str, str], secrets: dict[str, str] | None = None) -> Context:
    made = site(answers, SECRETS if secrets is None else secrets)
    return Context(site=made, manifests=installed(), root=root)


def step(root: Path, source: str, answers: dict[str, str], **more: Any) -> CephStep:
    steps = {found.id: found for found in build(context(root, answers, **more))}
    found = steps[f"ceph:{source}"]
    assert isinstance(found, CephStep)
    return found


class Answering:
    """Stands for Ceph: counts who logs in, and tells its pools or why not."""

    def __init__(self, **answer: Any) -> None:
        self.answer = answer
        self.asked: list[list[str]] = []

    def __call__(self, argv: list[str], **more: Any) -> Result:
        assert KEY not in argv
        assert more["as_user"] == ME
        self.asked.append(argv[1:])
        return Result(code=0, stdout=json.dumps(self.answer), stderr="")


@pytest.fixture
def ceph(monkeypatch: pytest.MonkeyPatch) -> Answering:
    """A Ceph with the usual pools, and all packages."""
    made = Answering(pools=["backups", "images", "vms", "volumes"])
    monkeypatch.setattr(asking, "run", made)
    monkeypatch.setattr(step_module, "require", lambda _names, _what: None)
    return made


def test_files_are_written_and_a_second_time_only_the_login_is_tried(
    tmp_path: Path, ceph: Answering
) -> None:
    made = step(tmp_path, "cinder", GIVEN)
    changes = made.changes()
    assert [change.summary for change in changes] == [
        f"write /etc/ceph/{ME}.conf",
        f"write /etc/ceph/{ME}.client.openstack.keyring",
        "log in to Ceph as client.openstack, and look for the pools of this machine",
    ]
    assert ceph.asked == []
    for change in changes:
        change.perform()
    assert made.changes() == []
    expected = ["-m", "debstack.runtime.ceph.worker", "openstack", f"/etc/ceph/{ME}.conf", "10"]
    assert ceph.asked == [expected, expected]
    conf, keyring = (
        tmp_path / f"etc/ceph/{ME}{end}" for end in (".conf", ".client.openstack.keyring")
    )
    assert conf.read_text().endswith(
        "[global]\nmon_host = 192.0.2.11,[2001:db8::12],mon.example.org:3300\n\n"
        f"[client]\nkeyring = /etc/ceph/{ME}.client.openstack.keyring\n"
    )
    assert keyring.read_text().endswith(f"[client.openstack]\nkey = {KEY}\n")
    assert {path.stat().st_mode & 0o777 for path in (conf, keyring)} == {0o640}


def test_what_is_not_ours_is_left(
    tmp_path: Path, ceph: Answering, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / f"etc/ceph/{ME}.conf"
    own.parent.mkdir(parents=True)
    own.write_text("[global]\n")
    for change in step(tmp_path, "glance", GIVEN).changes():
        change.perform()
    assert own.read_text() == "[global]\n"
    assert "is not made by debstack: it is left as it is" in caplog.text
    assert ceph.asked


def test_without_monitors_files_of_ours_go(tmp_path: Path, ceph: Answering) -> None:
    for change in step(tmp_path, "glance", GIVEN).changes():
        change.perform()
    (tmp_path / "etc/ceph/ceph.conf").write_text("[global]\n")
    for change in step(tmp_path, "glance", {}).changes():
        change.perform()
    assert [path.name for path in (tmp_path / "etc/ceph").iterdir()] == ["ceph.conf"]


@pytest.mark.parametrize(
    ("source", "answers", "pools"),
    [
        ("glance", {}, {"images"}),
        ("glance", {"glance/store": "file"}, set()),
        ("glance", {"glance/store": "rbd", "glance/rbd-pool": "pictures"}, {"pictures"}),
        ("cinder", {}, {"volumes"}),
        ("cinder", {"cinder/backup-store": "ceph"}, {"volumes", "backups"}),
        ("cinder", {"cinder/backend": "lvm"}, set()),
        ("nova", {}, {"vms"}),
        ("nova", {"nova/store": "file"}, set()),
    ],
)
def test_pools_follow_from_answers(
    source: str, answers: dict[str, str], pools: set[str], tmp_path: Path, ceph: Answering
) -> None:
    made = step(tmp_path, source, {**GIVEN, **answers})
    ceph.answer = {"pools": sorted(pools)}
    for change in made.changes():
        change.perform()
    for pool in pools:
        ceph.answer = {"pools": sorted({*pools, "others"} - {pool})}
        with pytest.raises(ConfigurationError) as caught:
            made.changes()
        assert f"no pool {pool}, for {source}/" in caught.value.message
        assert "others" in caught.value.message
        assert f"ceph osd pool create {pool}" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("number", "kind", "said"),
    [
        (errno.ETIMEDOUT, CephUnavailable, "no monitor answers at 192.0.2.11"),
        (errno.EACCES, AnswerError, "openstack/ceph-key: Ceph at 192.0.2.11"),
        (errno.EIO, ConfigurationError, "Ceph at 192.0.2.11: broken"),
    ],
)
def test_why_ceph_cannot_be_used_is_told(
    number: int, kind: type[DebstackError], said: str, tmp_path: Path, ceph: Answering
) -> None:
    made = step(tmp_path, "glance", {"openstack/ceph-monitors": "192.0.2.11"})
    for change in made.changes()[:-1]:
        change.perform()
    ceph.answer = {"errno": number, "error": "broken"}
    with pytest.raises(kind) as caught:
        made.changes()
    assert said in caught.value.message
    assert "debstack apply" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("answers", "secrets", "said"),
    [
        (GIVEN, {}, "openstack/ceph-key: needed to log in to Ceph as client.openstack"),
        (GIVEN, {"openstack/ceph-key": "a key"}, "expected a key as Ceph prints it"),
        (GIVEN, {"openstack/ceph-key": "c2hvcnQ="}, "expected a key as Ceph prints it"),
        (
            {**GIVEN, "openstack/ceph-user": "client.cloud"},
            SECRETS,
            'openstack/ceph-user: expected the name without "client."',
        ),
        ({"glance/store": "rbd"}, {}, "openstack/ceph-monitors: needed for glance/store rbd"),
    ],
)
def test_an_answer_that_cannot_be_used_is_named(
    answers: dict[str, str],
    secrets: dict[str, str],
    said: str,
    tmp_path: Path,
    ceph: Answering,
) -> None:
    with pytest.raises(AnswerError) as caught:
        step(tmp_path, "glance", answers, secrets=secrets).changes()
    assert said in caught.value.message
    assert SECRETS["openstack/ceph-key"] not in caught.value.message
    assert ceph.asked == []


def rendered(answers: dict[str, str], name: str) -> dict[str, dict[str, list[str | int | bool]]]:
    made = site(answers)
    manifest = next(m for m in installed() if name in m.package.config)
    return sections_of(made, manifest, manifest.package.config[name])


def test_monitors_alone_make_ceph_the_one_store() -> None:
    glance, cinder = rendered(GIVEN, "glance"), rendered(GIVEN, "cinder")
    nova = rendered(GIVEN, "nova-compute")["libvirt"]
    assert glance["DEFAULT"]["enabled_backends"] == ["images:rbd"]
    assert glance["images"]["rbd_store_ceph_conf"] == ["/etc/ceph/glance.conf"]
    assert cinder["DEFAULT"]["enabled_backends"] == ["ceph"]
    assert nova["images_type"] == ["rbd"]
    users = (glance["images"]["rbd_store_user"], cinder["ceph"]["rbd_user"], nova["rbd_user"])
    assert users == (["openstack"],) * 3
    assert cinder["ceph"]["rbd_secret_uuid"] == nova["rbd_secret_uuid"]
    assert len(str(nova["rbd_secret_uuid"][0])) == 36


@pytest.mark.parametrize("monitors", [{}, GIVEN])
def test_an_answer_of_a_service_counts_over_monitors(monitors: dict[str, str]) -> None:
    answers = {"glance/store": "file", "cinder/backend": "file", "nova/store": "file"}
    assert rendered(monitors | answers, "glance")["DEFAULT"]["enabled_backends"] == ["images:file"]
    assert rendered(monitors | answers, "cinder")["DEFAULT"]["enabled_backends"] == ["file"]
    assert rendered(monitors | answers, "nova-compute")["libvirt"]["images_type"] == ["qcow2"]


def test_without_monitors_nothing_tells_of_ceph() -> None:
    for name in ("glance", "cinder", "nova-compute"):
        assert "/etc/ceph" not in str(rendered({}, name))
    manifest = next(m for m in installed() if m.binary == "nova-compute")
    assert looked_up(site({}), manifest, "ceph-secret") is None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The packages that configurations ask for, as they come."""
    found: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        "debstack.runtime.steps.config.require", lambda names, _what: found.append(tuple(names))
    )
    return found


def test_backups_on_an_nfs_server_need_to_be_told_where(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    answers = {"cinder/backup-store": "nfs", "cinder/backup-nfs-host": "nfs.example.org"}
    manifest = next(m for m in installed() if m.binary == "cinder-common")
    with pytest.raises(AnswerError, match="cinder/backup-nfs-path: needed for cinder/backup-store"):
        ConfigStep(context(tmp_path, answers), manifest, "cinder").changes()
    answers["cinder/backup-nfs-path"] = "/srv/backups"
    assert ConfigStep(context(tmp_path, answers), manifest, "cinder").changes()
    assert asked[-1] == ("nfs-common",)
    assert rendered(answers, "cinder")["DEFAULT"]["backup_share"] == [
        "nfs.example.org:/srv/backups"
    ]


def test_a_new_key_has_the_services_restarted(tmp_path: Path, ceph: Answering) -> None:
    made = context(tmp_path, GIVEN)
    for change in step(tmp_path, "glance", GIVEN).changes():
        change.perform()
    manifest = next(m for m in made.manifests if m.binary == "glance-api")
    read = [path.name for path in freshness.configuration(made, manifest, "glance-api")]
    assert f"{ME}.client.openstack.keyring" in read


def handed(binaries: set[str], role: str, given: dict[str, str]) -> export.Handed:
    packages = tuple(m for m in installed() if m.binary in binaries)
    everything = inputs(installed(), given, secrets=SECRETS)
    made = resolve(everything)
    return export.handed_on(made, packages, role, given=given, held=everything.secrets)


def test_a_compute_node_is_told_of_ceph_and_a_proxy_is_not() -> None:
    compute = {"debstack", "nova-common", "nova-compute"}
    found = handed(compute, "compute", {**GIVEN, "openstack/ceph-user": "cloud"})
    assert found.answers["openstack/ceph-monitors"] == GIVEN["openstack/ceph-monitors"]
    assert found.answers["openstack/ceph-user"] == "cloud"
    assert found.secrets["openstack/ceph-key"] == KEY
    assert not any(name.startswith(("cinder/", "glance/")) for name in found.answers)
    proxy = handed({"debstack"}, "proxy", GIVEN)
    assert "openstack/ceph-monitors" not in proxy.answers
    assert "openstack/ceph-key" not in proxy.secrets
    without = handed(compute, "compute", {})
    assert not [name for name in (*without.answers, *without.secrets) if "ceph" in name]


def test_an_exported_file_names_the_packages_of_debian_that_go_with_ceph() -> None:
    packages = tuple(m for m in installed() if m.binary == "nova-compute")
    assert export.besides_of_debian(site(GIVEN), packages) >= {"ceph-common", "qemu-block-extra"}
    assert export.besides_of_debian(site({}), packages) == frozenset()


def test_the_login_ends_in_time_and_as_the_service_would(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def fake(argv: list[str], **more: Any) -> Result:
        seen.update(more, argv=argv)
        return Result(code=0, stdout='{"pools": []}', stderr="")

    monkeypatch.setattr(asking, "run", fake)
    made = answered.ceph_of(site(GIVEN))
    assert made is not None
    assert asking.pools(made, "glance") == ()
    assert seen["argv"][0] == sys.executable
    assert seen["as_user"] == "glance"
    assert 0 < seen["timeout_s"] <= 60
    assert KEY in seen["secrets"]


def test_the_key_is_in_no_repr() -> None:
    made = answered.ceph_of(site(GIVEN))
    assert KEY not in repr(made)
    assert made is not None
    assert KEY not in repr(files.wanted(Path("/"), ME, made))


def test_volumes_in_lvm_are_offered_by_nvme_where_the_answer_says_so(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    answers = {"cinder/target": "nvme"}
    manifest = next(m for m in installed() if m.binary == "cinder-common")
    assert ConfigStep(context(tmp_path, answers), manifest, "cinder").changes()
    assert asked[-1] == ("nvme-cli", "python3-nvmet")
    assert rendered({}, "cinder")["lvm"]["target_helper"] == ["lioadm"]
    lvm = rendered(answers, "cinder")["lvm"]
    assert (lvm["target_helper"], lvm["target_protocol"]) == (["nvmet"], ["nvmet_tcp"])
    # What Cinder's driver makes of it.
    name = f"nqn.{lvm['target_prefix'][0]}-6f2b4e0c-0d5c-4f0e-9a43-5b8f3f7d1a20"
    assert re.fullmatch(r"nqn\.[0-9]{4}-[0-9]{2}\.[a-z.]+:[a-z0-9-]+", name)
