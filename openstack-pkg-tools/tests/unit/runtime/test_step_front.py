# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from unit.runtime.making import RUNNING, STOPPED, applied, context, inputs, manifests_of

from debstack.base.errors import AnswerError, ConfigurationError, DebstackError
from debstack.runtime import series, systemd
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import front, tls
from debstack.runtime.steps.front import Front, FrontStep
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

    def bring_up(step: FrontStep, verb: str, expected: bytes | None) -> None:
        found.done.append(verb)
        found.state = RUNNING
        found.shown = {f.port: expected for f in step._fronts}

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
    text = made.path(front.CONFIGURATION).read_text()
    assert "bind 10.0.0.4:5000 transparent ssl crt /etc/debstack/tls/haproxy.pem" in text
    assert "server here 127.0.0.1:9292" in text
    pem = made.path(front.PEM)
    assert pem.stat().st_mode & 0o777 == 0o600
    assert made.path(places.KEY).read_text() in pem.read_text()
    assert step.changes() == []


def test_a_new_certificate_is_loaded_without_an_interruption(tmp_path: Path, world: World) -> None:
    made = ready(tmp_path)
    (step,) = front.build(made)
    applied(step)
    made.path(places.CERTIFICATE).unlink()
    applied(tls.CertificateStep(made))
    assert applied(step) == [f"write {front.PEM}", "reload haproxy.service"]
    # Written, and killed before it was loaded.
    world.shown[5000] = b"the former one"
    assert applied(step) == ["reload haproxy.service"]


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
    assert "bind" not in off.path(front.CONFIGURATION).read_text()
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
    text = front.configuration([Front(name="a", port=1, upgrades=True)], "fd00::4", "127.0.0.1")
    assert "bind [fd00::4]:1 transparent" in text
    assert "alpn http/1.1 " in text


def test_the_public_face_passes_on_what_the_catalogue_names(tmp_path: Path) -> None:
    folder = tmp_path / series.SERIES.lstrip("/")
    folder.mkdir(parents=True)
    packages = (*manifests_of("keystone"), *manifests_of("nova"))
    for manifest in packages:
        (folder / f"{manifest.binary}.json").write_text(manifest_json(manifest))
    roles = {"schema": 1, "role": {"controller": [m.binary for m in packages]}}
    (folder / "roles.json").write_text(json.dumps(roles))
    installed = manifests_of("debstack")
    answers = {"openstack/controllers": "10.0.0.4,[fd00::4],c.example", "nova/console": "novnc"}
    site = resolve(inputs(installed, answers))
    assert site.controllers == ("10.0.0.4", "fd00::4", "c.example")
    assert site.tls.serves
    found = front.fronts_of(Context(site=site, manifests=installed, root=tmp_path))
    # Metadata are for other machines of the cloud.
    assert [f.port for f in found] == [5000, 6080, 8774]
    text = front.configuration(found, "10.0.0.9", "127.0.0.1")
    assert "http-check send meth GET uri /healthcheck hdr Host 10.0.0.4" in text
    wanted = (
        "server controller-2 [fd00::4]:5000 ssl verify required"
        " ca-file /etc/ssl/certs/ca-certificates.crt"
        " verifyhost controller.debstack.internal check inter 2s"
    )
    assert wanted in text
    assert "server here" not in text


def test_a_machine_to_pass_on_to_is_named_exactly() -> None:
    answers = {"openstack/controllers": "*"}
    with pytest.raises(DebstackError, match="openstack/controllers: expected names"):
        resolve(inputs(manifests_of("debstack"), answers))
