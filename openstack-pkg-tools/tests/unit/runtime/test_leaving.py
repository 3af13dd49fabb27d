# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
from unit.runtime.making import FACTS, install

from debstack.base.errors import DebstackError
from debstack.runtime import purge
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
        host, port = self.server.server_address[:2]
        url = f"http://{host}:{port}/v2.1"
        endpoint = {"interface": "internal", "region": "RegionOne", "url": url, "id": "e"}
        endpoint["region_id"] = "RegionOne"
        entry = {"type": "compute", "name": "nova", "id": "s", "endpoints": [endpoint]}
        token = {"catalog": [entry], "expires_at": "2099-01-01T00:00:00Z", "methods": ["password"]}
        token |= {"user": {"id": "u", "name": "nova"}, "issued_at": "2020-01-01T00:00:00Z"}
        self._answer(201, {"token": token}, X_Subject_Token="t")

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


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> Path:
    """Return the root of a compute node."""
    install(tmp_path, "debstack", "nova")
    for manifest in (tmp_path / "usr/share/debstack/components").iterdir():
        if manifest.stem not in ("debstack", "nova-common", "nova-compute"):
            manifest.unlink()
    etc = tmp_path / "etc/debstack"
    etc.mkdir(parents=True)
    (etc / "site.preseed").write_text(f"debstack openstack/identity-url string {url}\n")
    (etc / "secrets.preseed").write_text("nova-common nova/service-password password a'b\n")
    monkeypatch.setattr(leaving, "require_root", lambda: None)
    monkeypatch.setattr(purge, "gather", lambda _root: FACTS)
    return tmp_path


def test_a_machine_deletes_its_own_record_and_no_other(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert leaving.leave("nova-compute", root=root) == 0
    assert _Cloud.seen == ["nova:a'b", "/v2.1/os-services/1 compute 2.53"]
    assert "the cloud knows nova-compute of node no more" in capsys.readouterr().err


def test_what_is_refused_is_told_and_keeps_nobody(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _Cloud.refuse = 409
    assert leaving.leave("nova-compute", root=root) == 0
    told = capsys.readouterr().err
    assert "warning: nova-compute: left what the cloud keeps of this machine:" in told
    assert "hosting instances" in told
    assert "debstack forget node" in told


def test_a_cloud_that_is_away_keeps_nobody(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = root / "etc/debstack/site.preseed"
    site.write_text("debstack openstack/identity-url string http://127.0.0.1:1\n")
    assert leaving.leave("nova-compute", root=root) == 0
    assert "debstack forget node" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "missing"), [("site.preseed", "Keystone"), ("secrets.preseed", "password")]
)
def test_what_is_missing_to_ask_with_is_told(
    root: Path, capsys: pytest.CaptureFixture[str], file: str, missing: str
) -> None:
    (root / "etc/debstack" / file).unlink()
    assert leaving.leave("nova-compute", root=root) == 0
    assert f"no {missing} is known to ask for it with" in capsys.readouterr().err
    assert _Cloud.seen == []


def test_a_package_without_records_leaves_nothing(root: Path) -> None:
    assert leaving.leave("nova-common", root=root) == 0
    assert _Cloud.seen == []


def test_a_package_that_is_not_there_is_refused(root: Path) -> None:
    with pytest.raises(DebstackError, match="nova-computes: no package of that name"):
        leaving.leave("nova-computes", root=root)


def test_each_service_that_can_be_declared_is_known() -> None:
    assert set(KEEPERS) == set(RECORD_SERVICES)
