# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import applied, context

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.runtime.site import SYSTEM_AUTHORITIES
from debstack.runtime.steps import tls as steps
from debstack.runtime.tls import issuing, places, reading

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAMES = ("cloud.example", "10.0.0.4", "fd00::4")
AUTHORITY = issuing.new_authority("node", NOW - timedelta(days=365))


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let update-ca-certificates put together the list below the root of the test."""
    done: list[str] = []

    def update(step: steps.TrustStep, *_: str) -> None:
        trusted = step._path
        bundle = step._context.path(SYSTEM_AUTHORITIES)
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_text(trusted.read_text() if trusted.exists() else "")
        done.append("update")

    monkeypatch.setattr(steps.TrustStep, "_update", update)
    return done


def pair(names: tuple[str, ...] = NAMES, now: datetime = NOW) -> issuing.Pair:
    return issued(AUTHORITY, names, now)


def issued(authority: issuing.Pair, names: tuple[str, ...], now: datetime) -> issuing.Pair:
    key = issuing.new_key()
    public = issuing.private_of(key).public_key()
    certificate = issuing.signed(authority, public, "node", names, now)
    return issuing.Pair(key=key, certificate=certificate)


def test_a_certificate_is_for_its_names_and_no_authority() -> None:
    leaf = reading.chain_of(pair().certificate)[0]
    assert reading.names_of(leaf) == set(NAMES)
    assert leaf.not_valid_after_utc - NOW == issuing.LIFETIME
    assert leaf.issuer == reading.chain_of(AUTHORITY.certificate)[0].subject


def test_openssl_verifies_what_is_issued(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    authority = issuing.new_authority("n", now)
    (tmp_path / "ca").write_text(authority.certificate)
    (tmp_path / "crt").write_text(issued(authority, NAMES, now).certificate)
    for name in NAMES:
        assert reading.verification_problem(tmp_path / "crt", tmp_path / "ca", name) == ""
    told = reading.verification_problem(tmp_path / "crt", tmp_path / "ca", "other.example")
    assert "ostname mismatch" in told
    (tmp_path / "other").write_text(AUTHORITY.certificate)
    assert reading.verification_problem(tmp_path / "crt", tmp_path / "other", NAMES[0])


def test_a_certificate_fits_into_one_line_and_back() -> None:
    line = reading.in_one_line(AUTHORITY.certificate)
    assert "\n" not in line
    assert reading.from_one_line(line) == AUTHORITY.certificate


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (NOW, False),
        (NOW + issuing.LIFETIME * 0.6, False),
        (NOW + issuing.LIFETIME * 0.7, True),
        (NOW - timedelta(days=1), True),
    ],
)
def test_a_certificate_is_renewed_in_the_last_third_of_its_life(now: datetime, due: bool) -> None:
    assert reading.due(reading.chain_of(pair().certificate)[0], now) is due


def test_why_there_has_to_be_a_new_one() -> None:
    made, other = pair(), pair(now=NOW)
    authority = AUTHORITY.certificate

    def why(key: object = made.key, crt: object = made.certificate, names: object = NAMES) -> str:
        return reading.why_new(key, crt, authority, names, NOW)  # type: ignore[arg-type]

    assert why() == ""
    assert why(key=None) == "there is none"
    assert why(key=other.key) == "it is for another key"
    assert why(crt="-----BEGIN") == "it cannot be read"
    assert why(names=(*NAMES, "new.example")) == "it is not for new.example"
    stranger = issuing.new_authority("else", NOW).certificate
    told = reading.why_new(made.key, made.certificate, stranger, NAMES, NOW)
    assert told == "it is by another authority"


def test_the_first_machine_makes_authority_and_certificate_once(
    tmp_path: Path, quiet: list[str]
) -> None:
    made = context(tmp_path)
    by_id = {step.id: step for step in steps.build(made)}
    assert set(by_id) == {"tls:authority", "tls:trust", "tls:certificate", "tls:signing"}
    assert applied(by_id["tls:authority"]) == ["make an authority for certificates"]
    assert len(applied(by_id["tls:trust"])) == 2
    (told,) = applied(by_id["tls:certificate"])
    assert told.startswith("make a certificate for 10.0.0.4")
    assert quiet == ["update"]
    for name in ("tls:authority", "tls:trust", "tls:certificate"):
        assert by_id[name].changes() == []
    for secret in (places.KEY, places.AUTHORITY_KEY):
        assert made.path(secret).stat().st_mode & 0o777 == 0o600
    found = ssl.create_default_context(cafile=str(made.path(places.TRUSTED)))
    assert found.cert_store_stats()["x509_ca"] == 1


def test_an_authority_is_never_replaced_by_itself(tmp_path: Path) -> None:
    made = context(tmp_path)
    step = steps.AuthorityStep(made)
    applied(step)
    made.path(places.AUTHORITY_KEY).write_text(str(issuing.new_key()))
    with pytest.raises(ConfigurationError, match="is not the key of"):
        step.changes()


def test_a_machine_that_joins_trusts_whom_it_is_told_to(tmp_path: Path) -> None:
    given = {"openstack/authority": reading.in_one_line(AUTHORITY.certificate)}
    made = context(tmp_path, given)
    assert "tls:authority" not in {step.id for step in steps.build(made)}
    applied(steps.TrustStep(made))
    assert made.path(places.TRUSTED).read_text() == AUTHORITY.certificate
    off = context(tmp_path, {"openstack/tls": "off", **given})
    assert [step.id for step in steps.build(off)] == ["tls:trust"]
    assert steps.TrustStep(off).changes() == []
    alone = context(tmp_path, {"openstack/tls": "off"})
    applied(steps.TrustStep(alone))
    assert not made.path(places.TRUSTED).exists()
    assert steps.TrustStep(alone).changes() == []


def test_a_cloud_that_cannot_be_reached_is_told_of_once(tmp_path: Path) -> None:
    """RabbitMQ on the same machine waits for the certificate: there it cannot be the other way."""
    told = {"openstack/authority": reading.in_one_line(AUTHORITY.certificate)}
    for host, waits in (("mq1", True), ("", False)):
        made = context(tmp_path, {**told, "openstack/messaging-host": host})
        (step,) = (s for s in steps.build(made) if s.id == "tls:certificate")
        assert ("messaging:rabbitmq" in step.needs) is waits


def provided(
    tmp_path: Path, key: str, certificate: str, *, shows: bool = False
) -> steps.ProvidedStep:
    (tmp_path / "key.pem").write_text(key)
    (tmp_path / "crt.pem").write_text(certificate)
    (tmp_path / "ca.pem").write_text(AUTHORITY.certificate)
    answers = {
        "openstack/tls": "provided",
        "openstack/public-host": "cloud.example",
        "openstack/tls-certificate": "/crt.pem",
        "openstack/tls-key": "/key.pem",
        "openstack/identity-ca": "/ca.pem",
    }
    made = context(tmp_path, answers)
    tls = dataclasses.replace(made.site.tls, shows=shows)
    made = dataclasses.replace(made, site=dataclasses.replace(made.site, tls=tls))
    (step,) = [s for s in steps.build(made) if s.id == "tls:certificate"]
    assert isinstance(step, steps.ProvidedStep)
    return step


def test_a_provided_certificate_is_used_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = pair(now=datetime.now(UTC))
    assert provided(tmp_path, made.key, made.certificate).changes() == []
    soon = pair(now=datetime.now(UTC) - issuing.LIFETIME + timedelta(days=3, hours=1))
    provided(tmp_path, soon.key, soon.certificate).changes()
    assert "ends in 3 days" in caplog.text


def test_what_only_users_see_has_to_name_the_public_host_alone(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    answers = {
        "openstack/controllers": "10.0.0.9",
        "openstack/public-host": "cloud.example",
        "openstack/internal-host": "inside.example",
        "openstack/tls-certificate": "/crt.pem",
        "openstack/tls-key": "/key.pem",
        "openstack/identity-ca": "/ca.pem",
    }
    made = pair(("cloud.example",), now)
    provided(tmp_path, made.key, made.certificate)
    own, users = steps.certificate_steps(context(tmp_path, answers))[1:]
    assert (own.id, users.id) == ("tls:certificate", "tls:public-certificate")
    assert isinstance(own, steps.CertificateStep)
    assert users.changes() == []
    # Anywhere else the answers wait for openstack/tls to be provided.
    del answers["openstack/controllers"]
    assert [s.id for s in steps.certificate_steps(context(tmp_path, answers))] == [
        "tls:authority",
        "tls:certificate",
    ]
    incomplete = {"openstack/controllers": "10.0.0.9", "openstack/tls-key": "/key.pem"}
    *_, users = steps.certificate_steps(context(tmp_path, incomplete))
    with pytest.raises(AnswerError, match="tls-certificate: needed where the other one is given"):
        users.changes()


def test_a_provided_certificate_is_looked_at_first(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    made, other = pair(now=now), pair(now=now)
    elsewhere = pair(names=("10.0.0.4",), now=now)
    old = pair(now=now - issuing.LIFETIME - timedelta(days=1))
    stray = issued(issuing.new_authority("unknown", now), NAMES, now)
    for key, certificate, told in (
        (made.key, "nonsense", "openstack/tls-certificate: /crt.pem: expected certificates as PEM"),
        ("nonsense", made.certificate, "openstack/tls-key: /key.pem: expected a private key"),
        (other.key, made.certificate, "openstack/tls-key: /key.pem: is not the key of /crt.pem"),
        (elsewhere.key, elsewhere.certificate, "cannot be used for cloud.example: .*mismatch"),
        (old.key, old.certificate, "has expired"),
        (stray.key, stray.certificate, "issuer certificate; behind it belong those .*/ca.pem"),
        ("", made.certificate, "openstack/tls-key: /key.pem: does not exist, or is empty"),
    ):
        with pytest.raises(AnswerError, match=told):
            provided(tmp_path, key, certificate).changes()
    nothing = context(tmp_path, {"openstack/tls": "provided"})
    with pytest.raises(AnswerError, match="openstack/tls-certificate: needed where"):
        steps.ProvidedStep(nothing).changes()


def test_a_provided_certificate_that_is_for_servers_alone_is_shown_to_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    made = pair(now=now)
    assert provided(tmp_path, made.key, made.certificate, shows=True).changes() == []
    monkeypatch.setattr(issuing, "PURPOSES", issuing.PURPOSES[:1])
    server = pair(now=now)
    assert provided(tmp_path, server.key, server.certificate).changes() == []
    with pytest.raises(AnswerError, match="cannot be shown to servers of other machines: "):
        provided(tmp_path, server.key, server.certificate, shows=True).changes()
