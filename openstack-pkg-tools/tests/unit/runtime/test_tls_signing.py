# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import applied, context

from debstack.base.errors import AnswerError, AuthorityUnavailable, DebstackError
from debstack.base.secret import Secret
from debstack.runtime.steps import tls as steps
from debstack.runtime.tls import asking, issuing, places, reading, request, service, signing
from debstack.runtime.tls.issuing import Pair
from debstack.runtime.tls.request import Refused

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
NAMES = ("compute-1", "10.0.0.5")
HOUR = timedelta(hours=1)


@pytest.fixture
def controller(tmp_path: Path) -> Path:
    """Return the root of a machine with an authority, whose names are 10.0.0.4 and others."""
    made = context(tmp_path, {"openstack/public-host": "cloud.example"})
    for step in (steps.AuthorityStep(made), steps.CertificateStep(made)):
        applied(step)
    return tmp_path


def authority(root: Path) -> str:
    return (root / places.AUTHORITY.lstrip("/")).read_text()


def asked(
    root: Path,
    secret: str = "",
    *,
    node: str = "compute-1",
    names: tuple[str, ...] = NAMES,
    key: Secret | None = None,
    former: Pair | None = None,
    now: datetime = NOW,
) -> Pair:
    key = key or issuing.new_key()
    text = request.made(key, node, names, secret=Secret(secret), former=former)
    return Pair(key=key, certificate=signing.sign(root, text.encode(), now))


def invited(root: Path, node: str = "", names: tuple[str, ...] = ()) -> str:
    return signing.invite(root, NOW, node=node, names=names, valid=HOUR)


def test_who_is_invited_gets_a_certificate_for_its_names(controller: Path) -> None:
    made = asked(controller, invited(controller))
    leaf = reading.chain_of(made.certificate)[0]
    assert reading.names_of(leaf) == set(NAMES)
    assert reading.usable(made, authority(controller), NOW)
    assert reading.why_new(made.key, made.certificate, authority(controller), NAMES, NOW) == ""


def test_an_invitation_for_one_machine_is_good_once_and_for_it_alone(controller: Path) -> None:
    secret = invited(controller, "compute-1")
    with pytest.raises(Refused, match="for the machine compute-1, not for compute-2"):
        asked(controller, secret, node="compute-2", names=("compute-2",))
    asked(controller, secret)
    with pytest.raises(Refused, match="unknown, used up, or has ended"):
        asked(controller, secret)
    # Made anew: another invitation of its own lets it replace what it had.
    asked(controller, invited(controller, "compute-1"))


def test_an_invitation_for_all_ends(controller: Path) -> None:
    secret = invited(controller)
    asked(controller, secret)
    asked(controller, secret, node="compute-2", names=("compute-2",))
    with pytest.raises(Refused, match="has ended"):
        asked(controller, secret, node="c3", names=("c3",), now=NOW + 2 * HOUR)
    folder = controller / signing.INVITATIONS.lstrip("/")
    signing.invite(controller, NOW + 2 * HOUR, valid=HOUR)
    assert len(list(folder.iterdir())) == 1
    assert secret not in "".join(p.read_text() + p.name for p in folder.iterdir())


def test_no_machine_gets_the_name_of_another_one(controller: Path) -> None:
    secret = invited(controller)
    asked(controller, secret)
    with pytest.raises(Refused, match=r"10\.0\.0\.4 is a name of the cloud's first machine"):
        asked(controller, secret, node="evil", names=("evil", "10.0.0.4"))
    with pytest.raises(Refused, match=r"10.0.0.5 is a name of the machine compute-1.*forget"):
        asked(controller, secret, node="evil", names=("evil", "10.0.0.5"))
    with pytest.raises(Refused, match="compute-1 has a certificate already"):
        asked(controller, secret)
    with pytest.raises(Refused, match="expected the name of a machine"):
        asked(controller, secret, node="../../x")
    # What it had has ended.
    asked(controller, invited(controller, "evil"), node="evil", names=("e",))
    later = NOW + issuing.LIFETIME + HOUR
    again = signing.invite(controller, later, valid=HOUR)
    asked(controller, again, node="other", names=("10.0.0.5",), now=later)


def test_the_public_face_may_have_the_public_name(controller: Path) -> None:
    asked(
        controller,
        invited(controller, names=("cloud.example",)),
        node="proxy",
        names=("proxy", "cloud.example"),
    )


def test_several_machines_are_the_public_face(controller: Path) -> None:
    face = "cloud.example"
    secret = invited(controller, names=(face,))
    made = [
        asked(controller, secret, node=node, names=(node, face)) for node in ("proxy-1", "proxy-2")
    ]
    later = NOW + issuing.LIFETIME * 0.7
    for node, former in zip(("proxy-1", "proxy-2"), made, strict=True):
        again = asked(controller, node=node, names=(node, face), former=former, now=later)
        assert reading.names_of(reading.chain_of(again.certificate)[0]) == {node, face}
    # Another one's own name is nobody else's, whoever is invited to be the public face.
    for node, names in (("proxy-3", ("proxy-1", face)), ("compute", ("compute", "proxy-2"))):
        with pytest.raises(Refused, match="is a name of the machine proxy-"):
            asked(controller, secret, node=node, names=names)
    with pytest.raises(Refused, match=rf"{face} is a name of the cloud's first machine"):
        asked(controller, invited(controller), node="compute", names=("compute", face))


def test_the_public_face_gets_a_name_that_was_chosen_later(controller: Path) -> None:
    former = asked(controller, invited(controller, names=()), node="proxy", names=("proxy",))
    names = ("proxy", "cloud.example")

    def again(secret: str) -> Pair:
        return asked(controller, secret, node="proxy", names=names, former=former)

    for secret in ("", "ended", invited(controller), invited(controller, "p2", names[1:])):
        with pytest.raises(Refused, match=r"cloud\.example is a name of the cloud's first machine"):
            again(secret)
    secret = invited(controller, "proxy", names[1:])
    made = again(secret)
    assert reading.names_of(reading.chain_of(made.certificate)[0]) == set(names)
    assert not signing._path(controller, Secret(secret)).exists(), "good once"
    later = NOW + 2 * HOUR
    asked(controller, "ended", node="proxy", names=names, former=made, now=later)


def test_a_certificate_is_renewed_by_its_key_alone(controller: Path) -> None:
    first = asked(controller, invited(controller, names=("cloud.example",)), names=(*NAMES,))
    later = NOW + issuing.LIFETIME * 0.7
    second = asked(controller, former=first, names=("10.0.0.6",), now=later)
    assert reading.names_of(reading.chain_of(second.certificate)[0]) == {"10.0.0.6"}
    with pytest.raises(Refused, match="not the last one of compute-1"):
        asked(controller, former=first, now=later)
    with pytest.raises(Refused, match="not by this authority, or has ended"):
        asked(controller, former=second, now=later + 2 * issuing.LIFETIME)
    with pytest.raises(Refused, match="is a name of the cloud's first machine"):
        asked(controller, former=second, names=("10.0.0.4",), now=later)
    stolen = Pair(key=issuing.new_key(), certificate=second.certificate)
    with pytest.raises(Refused, match="not signed with the key of your certificate"):
        asked(controller, former=stolen, now=later)


def _without(name: str) -> Callable[[dict[str, str]], object]:
    return lambda body: body.pop(name)


@pytest.mark.parametrize(
    "spoil",
    [
        _without("request"),
        lambda body: body.update(request="-----BEGIN"),
        lambda body: body.update(request=7),
        lambda body: body.update(certificate="x"),
        lambda body: body.update(secret=["x"]),
    ],
)
def test_what_is_no_request_is_refused(
    controller: Path, spoil: Callable[[dict[str, str]], object]
) -> None:
    secret = Secret(invited(controller))
    body = json.loads(request.made(issuing.new_key(), "n", ("n",), secret=secret, former=None))
    spoil(body)
    with pytest.raises(Refused):
        signing.sign(controller, json.dumps(body).encode(), NOW)
    with pytest.raises(Refused, match="not a request"):
        signing.sign(controller, b"[]", NOW)


def exchanged(root: Path, text: bytes) -> str:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        thread = threading.Thread(target=service.serve, args=(theirs, root))
        thread.start()
        ours.sendall(text)
        thread.join()
        return ours.recv(65536).decode()


def test_the_service_answers_one_connection(controller: Path) -> None:
    body = request.made(
        issuing.new_key(),
        "compute-1",
        NAMES,
        secret=Secret(
            signing.invite(controller, datetime.now(UTC), valid=HOUR),
        ),
        former=None,
    )
    head = f"POST {request.PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    answer = exchanged(controller, (head + body).encode())
    assert answer.startswith("HTTP/1.0 200")
    assert "-----BEGIN CERTIFICATE-----" in answer
    again = exchanged(controller, (head + body).encode())
    assert again.startswith("HTTP/1.0 200"), "the same key may ask again"
    assert exchanged(controller, b"POST /x HTTP/1.1\r\n\r\n").startswith("HTTP/1.0 404")
    refused = exchanged(controller, f"POST {request.PATH} HTTP/1.1\r\n\r\n".encode())
    assert refused.startswith("HTTP/1.0 400")


def joined(root: Path, controller: Path, secret: str = "") -> steps.JoinedCertificateStep:
    answers = {
        "openstack/authority": reading.in_one_line(authority(controller)),
        "openstack/identity-url": "https://10.0.0.4:5000/v3",
        "openstack/management-address": "10.0.0.5",
    }
    made = context(root, answers, {"openstack/join-secret": secret} if secret else None)
    (step,) = [s for s in steps.build(made) if s.id == "tls:certificate"]
    assert isinstance(step, steps.JoinedCertificateStep)
    return step


def test_a_machine_asks_once_and_renews_with_what_it_has(
    controller: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("compute")
    sent: list[dict[str, str]] = []

    def post(host: str, trusted: str, text: str) -> tuple[int, str]:
        assert (host, trusted) == ("10.0.0.4", authority(controller))
        sent.append(json.loads(text))
        try:
            return 200, signing.sign(controller, text.encode(), datetime.now(UTC))
        except Refused as error:
            return 403, str(error)

    monkeypatch.setattr(asking, "_post", post)
    with pytest.raises(AnswerError, match="openstack/join-secret: needed to get a certificate"):
        applied(joined(root, controller))
    with pytest.raises(DebstackError, match="refused: the join secret is unknown"):
        applied(joined(root, controller, "guessed"))
    secret = signing.invite(controller, datetime.now(UTC), valid=HOUR)
    step = joined(root, controller, secret)
    assert applied(step) == ["ask for a certificate for node (there is none)"]
    assert step.changes() == []
    step._renew = True
    applied(step)
    assert "secret" in sent[-2]
    assert "proof" in sent[-1]


def test_an_authority_that_is_away_may_come_back(
    controller: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path_factory.mktemp("compute")
    step = joined(root, controller, "secret")

    def away(*_: str) -> tuple[int, str]:
        raise ConnectionRefusedError("refused")

    for post in (away, lambda *_: (503, "")):
        monkeypatch.setattr(asking, "_post", post)
        with pytest.raises(AuthorityUnavailable, match=r"10\.0\.0\.4 port 5002"):
            applied(step)
    assert not (root / places.KEY.lstrip("/")).exists()
