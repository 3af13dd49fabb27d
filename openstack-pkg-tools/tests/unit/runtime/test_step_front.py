# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from unit.runtime.making import (
    RUNNING,
    STOPPED,
    all_manifests,
    applied,
    context,
    inputs,
    manifests_of,
)

from debstack.base.errors import AnswerError, ConfigurationError, DebstackError
from debstack.runtime import haproxy, series, systemd
from debstack.runtime.context import Context
from debstack.runtime.files import write
from debstack.runtime.haproxy import Front
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import front, tls
from debstack.runtime.steps.front import FrontStep
from debstack.runtime.systemd import UnitState
from debstack.runtime.tls import places
from debstack.spec.component import manifest_json


@dataclass
class World:
    """HAProxy and systemd, as far as the step asks them."""

    state: UnitState = STOPPED
    #: Port to what is shown there: nothing where TLS is not spoken.
    shown: dict[int, bytes | None] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    found = World()

    def served(address: str, port: int) -> bytes | None:
        if port not in found.shown:
            raise ConnectionRefusedError("refused")
        return found.shown[port]

    def state(unit: str) -> UnitState:
        if unit == front.UNIT:
            return found.state
        return RUNNING if unit in found.own else STOPPED

    def bring_up(step: FrontStep, verb: str, expected: dict[str, bytes]) -> None:
        found.done.append(verb)
        if verb != "reload":
            found.state = replace(RUNNING, since=datetime.now(tz=UTC))
        found.shown = {f.port: expected[f.pem] for f in step._fronts}

    monkeypatch.setattr(front, "served", served)
    monkeypatch.setattr(systemd, "unit_state", state)
    monkeypatch.setattr(systemd, "stop", lambda unit: found.done.append(f"stop {unit}"))
    monkeypatch.setattr(FrontStep, "_bring_up", bring_up)
    monkeypatch.setattr(tls.TrustStep, "_update", lambda *_: None)
    program = tmp_path / front.PROGRAM.lstrip("/")
    program.parent.mkdir(parents=True)
    program.touch()
    return found


def ready(root: Path, answers: dict[str, str] | None = None) -> Context:
    made = context(root, answers)
    for step in (tls.AuthorityStep(made), tls.CertificateStep(made)):
        applied(step)
    return made


def test_every_service_has_its_place_behind_tls(tmp_path: Path, world: World) -> None:
    made = ready(tmp_path)
    (step,) = front.build(made)
    summaries = applied(step)
    assert summaries[-1] == "start haproxy.service"
    assert world.done == ["start"]
    text = made.path(haproxy.CONFIGURATION).read_text()
    assert "bind 10.0.0.4:5000 transparent ssl crt /etc/debstack/tls/haproxy.pem" in text
    assert "server here 127.0.0.1:9292" in text
    pem = made.path(haproxy.PEM)
    assert pem.stat().st_mode & 0o777 == 0o600
    assert made.path(places.KEY).read_text() in pem.read_text()
    assert step.changes() == []


def test_a_new_certificate_is_loaded_without_an_interruption(tmp_path: Path, world: World) -> None:
    made = ready(tmp_path)
    (step,) = front.build(made)
    applied(step)
    made.path(places.CERTIFICATE).unlink()
    applied(tls.CertificateStep(made))
    assert applied(step) == [f"write {haproxy.PEM}", "reload haproxy.service"]
    # Written, and killed before it was loaded.
    world.shown[5000] = b"the former one"
    assert applied(step) == ["reload haproxy.service"]


@pytest.mark.parametrize("tls_mode", ["local-ca", "off"])
def test_killed_between_the_files_and_the_restart_it_restarts(
    tmp_path: Path, world: World, tls_mode: str
) -> None:
    made = ready(tmp_path)
    (step,) = front.build(made)
    applied(step)
    (step,) = front.build(context(tmp_path, {"openstack/tls": tls_mode}))
    world.state = RUNNING  # that is, with what it read a minute ago
    assert isinstance(step, front.FrontStep)
    for _, wanted in step._files(step._pairs()):
        write(wanted)
    world.shown = {}
    assert applied(step) == ["restart haproxy.service"]
    assert step.changes() == []


def test_what_stands_in_the_place_of_tls_is_stopped(tmp_path: Path, world: World) -> None:
    world.shown = {5000: None}
    world.own = {"keystone.service"}
    (step,) = front.build(ready(tmp_path))
    assert "stop keystone, which is in the place of TLS" in applied(step)
    assert world.done == ["stop keystone.service", "start"]


def test_without_tls_it_lets_go_of_all_ports(tmp_path: Path, world: World) -> None:
    off = context(tmp_path, {"openstack/tls": "off"})
    assert front.build(off) == []
    (step,) = front.build(ready(tmp_path))
    applied(step)
    (step,) = front.build(off)
    assert applied(step)[-1] == "restart haproxy.service"
    assert "bind" not in off.path(haproxy.CONFIGURATION).read_text()
    assert step.changes() == []


def test_what_the_administrator_masked_stays_so(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.state = replace(STOPPED, masked=True)
    (step,) = front.build(ready(tmp_path))
    applied(step)
    assert world.done == []
    assert "haproxy.service is masked" in caplog.text


def test_without_haproxy_it_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AnswerError, match="openstack/tls: local-ca needs HAProxy"):
        front.build(context(tmp_path))


def test_without_a_certificate_nothing_is_begun(tmp_path: Path, world: World) -> None:
    (step,) = front.build(context(tmp_path))
    with pytest.raises(ConfigurationError, match="not there, or empty"):
        step.changes()


def test_consoles_are_served_if_they_run(tmp_path: Path) -> None:
    installed = (*manifests_of("debstack"), *manifests_of("nova"))
    answers = {"openstack/identity-url": "https://k.example:5000/v3"}
    for console, port in (("novnc", 6080), ("serial", 6083)):
        site = resolve(inputs(installed, {**answers, "nova/console": console}))
        found = front.fronts_of(Context(site=site, manifests=installed, root=tmp_path))
        assert [f.port for f in found if f.upgrades] == [port]


def test_an_ipv6_address_stands_in_brackets() -> None:
    text = haproxy.configuration([Front(name="a", port=1, upgrades=True)], "fd00::4", "127.0.0.1")
    assert "bind [fd00::4]:1 transparent" in text
    assert "alpn http/1.1 " in text


def public_face(root: Path, answers: dict[str, str] | None = None) -> Context:
    """Return a machine that passes on to three others; of the series it has the list alone."""
    folder = root / series.SERIES.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    of_role = (*manifests_of("keystone"), *manifests_of("nova"))
    others = tuple(m for source in ("heat", "horizon", "swift") for m in manifests_of(source))
    for manifest in (*of_role, *others):
        (folder / f"{manifest.binary}.json").write_text(manifest_json(manifest))
    roles = {"schema": 1, "role": {"controller": [m.binary for m in of_role]}}
    (folder / "roles.json").write_text(json.dumps(roles))
    installed = manifests_of("debstack")
    controllers = {"openstack/controllers": "10.0.0.4,[fd00::4],c.example"}
    site = resolve(inputs(installed, {**controllers, **(answers or {})}))
    return Context(site=site, manifests=installed, root=root)


def backend_of(text: str, name: str) -> str:
    return text.partition(f"\nbackend debstack:{name} ")[2].partition("\nfrontend ")[0]


def test_the_public_face_passes_on_what_the_catalogue_names_and_consoles(tmp_path: Path) -> None:
    made = public_face(tmp_path)
    assert made.site.controllers == ("10.0.0.4", "fd00::4", "c.example")
    assert made.site.tls.serves
    found = front.fronts_of(made)
    # Metadata are for other machines of the cloud, and so are Swift's servers of objects.
    assert [f.port for f in found] == [5000, 6080, 6083, 8000, 8004, 8080, 8090, 8774]
    text = haproxy.configuration(found, "10.0.0.9", "127.0.0.1")
    assert "http-check send meth GET uri /healthcheck hdr Host 10.0.0.4" in text
    assert "http-check send meth GET uri / hdr" in backend_of(text, "nova-api")
    # Nova logs it.
    assert "check inter 10s fastinter 1s downinter 2s fall 2" in backend_of(text, "nova-api")
    wanted = (
        "server controller-2 [fd00::4]:5000 ssl verify required"
        " ca-file /etc/ssl/certs/ca-certificates.crt"
        " verifyhost controller.debstack.internal crt /etc/debstack/tls/haproxy.pem check inter 2s"
    )
    assert wanted in text
    assert "server here" not in text
    # Of what a cloud may do without, nobody is told that it does.
    quiet = {f.name for f in found if "no log" in backend_of(text, f.name)}
    assert {f.name for f in found} - quiet == {"keystone", "nova-api"}


def test_a_certificate_of_the_public_face_has_to_name_what_users_come_by(tmp_path: Path) -> None:
    made = public_face(tmp_path, {"openstack/public-host": "cloud.example"})
    assert made.site.tls.public_names == ("cloud.example",)
    assert {"cloud.example", "10.0.0.4"} <= set(made.site.tls.names)


def test_the_public_face_believes_nobody_and_the_controllers_believe_it(tmp_path: Path) -> None:
    public = haproxy.configuration(front.fronts_of(public_face(tmp_path)), "10.0.0.9", "127.0.0.1")
    alone = haproxy.configuration(front.fronts_of(context(tmp_path)), "10.0.0.4", "127.0.0.1")
    joined = {"openstack/join": "true"}
    found = front.fronts_of(context(tmp_path, joined))
    inner = haproxy.configuration(found, "10.0.0.4", "127.0.0.1")
    for text in (public, alone):
        assert "verify optional" not in text
        assert "http-request set-header X-Forwarded-For %[src]\n" in text
    assert f"ca-file {places.TRUSTED} verify optional crt-ignore-err all" in inner
    for verb in ("del-header X-Forwarded-For", "set-header X-Forwarded-For %[src]"):
        assert f"http-request {verb} unless shown verified told\n" in inner
        assert f"http-request {verb}\n" not in inner.replace(backend_sign(inner), "")


def backend_sign(text: str) -> str:
    """Return the part for the authority, whom nobody asks for somebody else."""
    return text[text.index("frontend debstack:debstack-sign") :].partition("\nbackend ")[0]


@pytest.mark.parametrize(
    ("host", "binds"),
    [
        ("203.0.113.7", ["10.0.0.4:5000", "203.0.113.7:5000"]),
        ("2001:db8::7", ["10.0.0.4:5000", "[2001:db8::7]:5000"]),
        ("cloud.example", ["10.0.0.4:5000"]),
        ("10.0.0.4", ["10.0.0.4:5000"]),
        ("", ["10.0.0.4:5000"]),
    ],
)
def test_the_public_face_serves_at_the_address_that_was_chosen(
    tmp_path: Path, host: str, binds: list[str]
) -> None:
    found = front.fronts_of(public_face(tmp_path, {"openstack/public-host": host}))
    text = haproxy.configuration(found[:1], "10.0.0.4", "127.0.0.1")
    assert [line.split()[1] for line in text.splitlines() if "\tbind " in line] == binds


def test_the_public_face_serves_the_address_that_it_shares_whoever_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front, "can_bind", lambda _: False)
    answers = {"openstack/public-host": "cloud.example", "openstack/virtual-address": "10.0.0.100"}
    made = public_face(tmp_path, answers)
    installed = (*made.manifests, *manifests_of("horizon"))
    told = {**answers, "openstack/controllers": "10.0.0.9"}
    site = resolve(inputs(installed, {**told, "openstack/identity-url": "https://k:5000/v3"}))
    found = front.fronts_of(Context(site=site, manifests=installed, root=tmp_path))
    assert {f.port for f in found} >= {5000, 8090}
    # The dashboard is on this machine.
    assert {f.port for f in found if not f.machines} == {8090}
    assert {f.addresses for f in found} == {("10.0.0.100",)}


def test_users_see_what_was_provided_and_machines_what_the_authority_signed(
    tmp_path: Path, world: World
) -> None:
    folder = tmp_path / "users"
    folder.mkdir()
    users = ready(folder)
    for name, path in (("crt", places.CERTIFICATE), ("key", places.KEY)):
        (tmp_path / name).write_bytes(users.path(path).read_bytes())
    answers = {"openstack/tls-certificate": "/crt", "openstack/tls-key": "/key"}
    made = public_face(tmp_path, answers)
    applied(tls.AuthorityStep(made))
    applied(tls.CertificateStep(made))
    (step,) = front.build(made)
    assert applied(step)[-1] == "start haproxy.service"
    text = made.path(haproxy.CONFIGURATION).read_text()
    assert "bind 10.0.0.4:5000 transparent ssl crt /etc/debstack/tls/public.pem" in text
    assert "verifyhost controller.debstack.internal crt /etc/debstack/tls/haproxy.pem" in text
    assert (tmp_path / "key").read_text() in made.path(haproxy.PUBLIC_PEM).read_text()
    assert made.path(places.KEY).read_text() in made.path(haproxy.PEM).read_text()
    assert step.changes() == []
    (step,) = front.build(public_face(tmp_path))
    assert f"remove {haproxy.PUBLIC_PEM}" in applied(step)
    assert not made.path(haproxy.PUBLIC_PEM).exists()
    assert "public.pem" not in made.path(haproxy.CONFIGURATION).read_text()


@pytest.mark.parametrize("here", [True, False])
def test_an_address_that_was_chosen_is_served_where_it_is_this_machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: bool
) -> None:
    monkeypatch.setattr(front, "can_bind", lambda _: here)
    answers = {"openstack/public-host": "203.0.113.7", "openstack/join": "true"}
    installed = (*all_manifests(), *manifests_of("nova"))
    site = resolve(inputs(installed, {**answers, "nova/console": "novnc"}))
    found = front.fronts_of(Context(site=site, manifests=installed, root=tmp_path))
    ports = {5000, 6080, 8774, 9292} if here else set()
    # Neither metadata nor the authority: machines ask for these.
    assert {f.port for f in found if f.addresses == ("203.0.113.7",)} == ports
    assert {8775, 5002} <= {f.port for f in found if not f.addresses}


@pytest.mark.parametrize(
    ("host", "mode", "told"),
    [
        ("*", "local-ca", "expected names or addresses of machines"),
        ("10.0.0.4", "provided", 'expected names that .* found the address "10.0.0.4"'),
        ("[fd00::4]", "provided", "expected names that provided certificates have"),
    ],
)
def test_a_machine_to_pass_on_to_is_named_so_that_it_can_be_verified(
    host: str, mode: str, told: str
) -> None:
    answers = {"openstack/controllers": host, "openstack/tls": mode}
    with pytest.raises(DebstackError, match=f"openstack/controllers: {told}"):
        resolve(inputs(manifests_of("debstack"), answers))
