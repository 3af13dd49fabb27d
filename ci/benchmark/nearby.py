# SPDX-License-Identifier: Apache-2.0
"""A mirror on this machine: has from the machine's mirror what it was once asked for.

What is measured over it is how builders work, and not how far the machine's mirror is away.
"""

from __future__ import annotations

import http.server
import posixpath
import shutil
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import run
from pipeline.mirror import Mirror, host_mirror

#: apt's own way to fetch a file: with its proxies, and for every kind of URI that it knows.
_FETCH = "/usr/lib/apt/apt-helper"
_ARCHIVE, _SECURITY = "debian", "debian-security"


@dataclass(frozen=True, slots=True)
class Nearby:
    """Where the mirror is reached on this machine."""

    port: int

    @property
    def archive(self) -> str:
        """The URI of Debian's archive."""
        return f"http://127.0.0.1:{self.port}/{_ARCHIVE}"

    @property
    def security(self) -> str:
        """The URI of Debian's security updates."""
        return f"http://127.0.0.1:{self.port}/{_SECURITY}"

    def sources(self, suite: str) -> list[str]:
        """Return the lines of sources.list that our own builder uses for a release."""
        pockets = (("-updates", self.archive), ("-security", self.security))
        return Mirror(uri=self.archive, pockets=pockets).sources(suite)


def places(mirror: Mirror) -> dict[str, str]:
    """Return the first folder of a path here to the URI that it stands for."""
    security = dict(mirror.pockets).get("-security")
    return {_ARCHIVE: mirror.uri} | ({_SECURITY: security} if security else {})


class Store:
    """The files that were asked for, in a folder as they lie on the mirror."""

    def __init__(self, folder: Path, sources: Mapping[str, str]) -> None:
        self._folder = folder
        self._sources = sources
        self._lock = threading.Lock()
        #: What the mirror does not have.
        self._absent: set[str] = set()

    def ensure(self, path: str) -> Path | None:
        """Return the file that the path of a URI stands for, None where the mirror has none."""
        clean = posixpath.normpath(urllib.parse.unquote(path).lstrip("/"))
        first, _, rest = clean.partition("/")
        if first not in self._sources or not rest:
            return None
        file = self._folder / clean
        with self._lock:
            if not file.is_file() and clean not in self._absent:
                self._fetch(f"{self._sources[first]}/{urllib.parse.quote(rest)}", file, clean)
        return file if file.is_file() else None

    def _fetch(self, uri: str, file: Path, name: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_name(f".{file.name}.part")
        try:
            run([_FETCH, "download-file", uri, part])
        except CommandError:
            self._absent.add(name)
            return
        part.rename(file)


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def translate_path(self, path: str) -> str:
        """Return the file to send; one that is not there is answered by 404."""
        found = self.store.ensure(urllib.parse.urlsplit(path).path)
        return str(found or "/nonexistent")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what was asked for is in the builders' logs."""


@contextmanager
def nearby(folder: Path) -> Iterator[Nearby]:
    """Serve a mirror on the loopback whose files are kept in `folder` as long as the context."""
    handler = type("Handler", (_Handler,), {"store": Store(folder, places(host_mirror()))})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Nearby(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        shutil.rmtree(folder, ignore_errors=True)
