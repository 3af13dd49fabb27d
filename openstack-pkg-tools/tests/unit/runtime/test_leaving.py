# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from unit.runtime.making import FACTS, install

from debstack.base.run import run
from debstack.runtime import keep, purge
from debstack.runtime.nodes import leaving
from debstack.runtime.nodes.leaving import KEEPERS
from debstack.spec.vocabulary import RECORD_SERVICES


class _Cloud(BaseHTTPRequestHandler):
    """Keystone and Nova, as far as a machine that leaves talks to them."""

    refuse: ClassVar[int] = 0
    seen: ClassVar[list[str]] = []

    def _answer(self, status: int, body: object = None, **headers: str) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(text)),
            "Content-Type": "application/json",
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        password = asked["auth"]["identity"]["password"]["user"]
        self.seen.append(f"{password['name']}:{password['password']}")
        url = f"http://{self.headers['Host']}/v2.1"
        endpoint = {"interface": "internal", "region": "RegionOne", "url": url}
        public = {**endpoint, "interface": "public", "url": "http://192.0.2.1"}
        entry = {"type": "compute", "name": "nova", "endpoints": [public, endpoint]}
        self._answer(201, {"token": {"catalog": [entry]}}, X_Subject_Token="t")

    def do_GET(self) -> None:
        if self.path.startswith("/v2.1/os-services"):
            both = [
                {"id": "1", "host": FACTS.hostname, "binary": "nova-compute"},
                {"id": "2", "host": "another", "binary": "nova-compute"},
            ]
            self._answer(200, {"services": both})
            return
        self._answer(404, {})

    def do_DELETE(self) -> None:
        self.seen.append(f"{self.path} {self.headers['OpenStack-API-Version']}")
        if self.refuse:
            self._answer(self.refuse, {"conflictingRequest": {"message": "hosting instances"}})
        else:
            self._answer(204)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def url() -> Iterator[str]:
    """Return where the double of Keystone listens."""
    _Cloud.seen, _Cloud.refuse = [], 0
    with HTTPServer(("127.0.0.1", 0), _Cloud) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def note(root: Path, url: str) -> Path:
    """Return what debstack keep notes on a compute node of the cloud at `url`."""
    install(root, "debstack", "nova")
    for manifest in (root / "usr/share/debstack/components").iterdir():
        if manifest.stem not in ("debstack", "nova-common", "nova-compute"):
            manifest.unlink()
    etc = root / "etc/debstack"
    etc.mkdir(parents=True)
    (etc / "site.preseed").write_text(f"debstack openstack/identity-url string {url}\n")
    (etc / "secrets.preseed").write_text("nova-common nova/service-password password a'b\n")
    keep.keep("nova-compute", root=root)
    return root / "var/lib/debstack/removed/nova-compute.records"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> Path:
    """Return the note of a compute node that has been removed, with all else."""
    monkeypatch.setattr(keep, "require_root", lambda: None)
    monkeypatch.setattr(purge, "gather", lambda _root: FACTS)
    return note(tmp_path, url)


def test_a_machine_deletes_its_own_record_and_no_other(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600
    assert leaving.leave(kept) == 0
    assert _Cloud.seen == ["nova:a'b", "/v2.1/os-services/1 compute 2.53"]
    assert "the cloud knows nova-compute of node no more" in capsys.readouterr().err


def test_what_is_refused_is_told_and_keeps_nobody(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _Cloud.refuse = 409
    assert leaving.leave(kept) == 0
    told = capsys.readouterr().err
    assert "warning: left the record of nova-compute of node in the cloud: hosting" in told
    assert "debstack forget node" in told


@pytest.mark.parametrize("local", [True, False])
def test_a_cloud_that_is_away_keeps_nobody_and_is_not_missed_where_it_was_this_machines(
    kept: Path, capsys: pytest.CaptureFixture[str], local: bool
) -> None:
    (record,) = leaving.read(kept.read_text())
    gone = replace(record, identity_url="http://127.0.0.1:1/v3", local=local)
    kept.write_text(leaving.render([gone]))
    assert leaving.leave(kept) == 0
    assert ("debstack forget node" in capsys.readouterr().err) is not local


def test_another_region_is_left_alone(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (record,) = leaving.read(kept.read_text())
    kept.write_text(leaving.render([replace(record, region="Elsewhere")]))
    assert leaving.leave(kept) == 0
    assert "no service of type compute in region Elsewhere" in capsys.readouterr().err
    assert len(_Cloud.seen) == 1


def test_a_password_that_nobody_knows_is_told(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = kept.parents[4]
    (root / "etc/debstack/secrets.preseed").unlink()
    keep.keep("nova-compute", root=root)
    assert leaving.leave(kept) == 0
    assert "the password of nova is not known here" in capsys.readouterr().err
    assert _Cloud.seen == []


def test_a_keystone_that_was_here_and_is_gone_is_not_missed(kept: Path) -> None:
    root = kept.parents[4]
    (root / "etc/debstack/site.preseed").unlink()
    kept.unlink()
    keep.keep("nova-compute", root=root)
    assert not kept.exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"service": "compute"}]'])
def test_a_note_that_cannot_be_read_keeps_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    path = tmp_path / "x.records"
    path.write_text(text)
    assert leaving.leave(path) == 0
    assert f"{path}: cannot be read" in capsys.readouterr().err


def test_it_needs_nothing_but_python() -> None:
    """All else may be removed by then."""
    code = (
        "import sys, debstack.runtime.nodes.leaving as m; print(m.__file__, *sys.path, sep='\\n')"
    )
    source = Path(leaving.__file__).parents[3]
    argv = ["python3", "-S", "-P", "-c", code]
    assert run(argv, env={"PYTHONPATH": str(source)}).stdout.startswith(str(source))


def test_each_service_that_can_be_declared_is_known() -> None:
    assert set(KEEPERS) == set(RECORD_SERVICES)
