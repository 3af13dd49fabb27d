# SPDX-License-Identifier: Apache-2.0
"""The Python package index that pip is configured with: which files a project has, and fetching.

Nothing here names an index: the address comes from pip's configuration or from pip itself.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

from debstack.base.errors import DebstackError
from debstack.base.run import run

_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_TIMEOUT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexFile:
    """A file that an index offers."""

    name: str
    url: str
    #: As the index states it; empty where it does not.
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Where to look, in order: URLs of simple indexes, then folders that hold files."""

    urls: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    #: File with the certificate authorities to trust, if not the system's.
    ca: str = ""


def parse_pip_config(listing: str) -> dict[str, str]:
    """Return option to value from `pip config list`; the environment wins over files."""
    found: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        match = re.match(r"(global|install|download|:env:)\.([a-z-]+)=(.*)$", line)
        if not match:
            continue
        section, option, value = match.groups()
        rank = {"global": 0, "install": 1, "download": 2, ":env:": 3}[section]
        if option not in found or rank >= found[option][0]:
            found[option] = (rank, str(ast.literal_eval(value)))
    return {option: value for option, (_, value) in found.items()}


def indexes_from(config: Mapping[str, str], built_in: str) -> Indexes:
    """Return the Indexes of a pip configuration; `built_in` is pip's own default."""
    primary = config.get("index-url", built_in)
    urls = [] if config.get("no-index", "").lower() in {"1", "true", "yes"} else [primary]
    urls += config.get("extra-index-url", "").split() if urls else []
    folders = []
    for place in config.get("find-links", "").split():
        path = Path(unquote(urlsplit(place).path))
        if place.startswith(("/", "file:")) and path.is_dir():
            folders.append(path)
    return Indexes(
        urls=tuple(url.rstrip("/") + "/" for url in urls),
        folders=tuple(folders),
        ca=config.get("cert", ""),
    )


def pip_indexes() -> Indexes:
    """Return the Indexes that pip of this interpreter would use here."""
    environment = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "XDG_", "HOME"))}
    listing = run([sys.executable, "-m", "pip", "config", "list"], env=environment).stdout
    ask = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"
    built_in = run([sys.executable, "-c", ask], env=environment).stdout.strip()
    return indexes_from(parse_pip_config(listing), built_in)


def without_credentials(url: str) -> str:
    """Return `url` without user and password, fit for a message."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _request(url: str, accept: str) -> urllib.request.Request:
    request = urllib.request.Request(without_credentials(url), headers={"Accept": accept})  # noqa: S310
    account = urlsplit(url).netloc.rpartition("@")[0]
    if account:
        token = base64.b64encode(unquote(account).encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
    return request


def fetch(url: str, *, ca: str = "", accept: str = "*/*") -> tuple[str, bytes]:
    """Return (content type, content) of `url`. Raises OSError where it cannot be had."""
    context = ssl.create_default_context(cafile=ca or None)
    with urllib.request.urlopen(  # noqa: S310 - file: indexes are legitimate
        _request(url, accept), timeout=_TIMEOUT_S, context=context
    ) as answer:
        content: bytes = answer.read()
        return answer.headers.get_content_type(), content


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


def parse_page(content_type: str, content: bytes, url: str) -> list[IndexFile]:
    """Return the files on a project's page (PEP 691 JSON or PEP 503 HTML) that came from `url`."""
    text = content.decode("utf-8", errors="replace")
    if content_type == _JSON:
        return [
            IndexFile(
                name=file["filename"],
                url=urljoin(url, file["url"]),
                sha256=file.get("hashes", {}).get("sha256", ""),
            )
            for file in json.loads(text)["files"]
        ]
    parser = _Links()
    parser.feed(text)
    found = []
    for link in parser.links:
        address, fragment = urldefrag(urljoin(url, link))
        sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""
        name = unquote(urlsplit(address).path.rpartition("/")[2])
        found.append(IndexFile(name=name, url=address, sha256=sha256))
    return found


def normalised(project: str) -> str:
    """Return a project's name as indexes spell it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", project).lower()


def _local_page(url: str) -> list[IndexFile]:
    folder = Path(unquote(urlsplit(url).path))
    page = folder / "index.html"
    if page.is_file():
        return parse_page("text/html", page.read_bytes(), url)
    return [
        IndexFile(name=path.name, url=path.as_uri())
        for path in (sorted(folder.iterdir()) if folder.is_dir() else [])
    ]


def project_files(project: str, indexes: Indexes) -> list[IndexFile]:
    """Return all files that the indexes have of `project`, the first index's first.

    An index that lacks the project, or that cannot be reached, is passed over as pip does; where
    none has a file of it, DebstackError tells what each of them answered.
    """
    found: list[IndexFile] = []
    answers: list[str] = []
    for index in indexes.urls:
        url = f"{index}{normalised(project)}/"
        try:
            if url.startswith("file:"):
                files = _local_page(url)
            else:
                files = parse_page(*fetch(url, ca=indexes.ca, accept=_ACCEPT), url)
        except (OSError, ValueError, KeyError) as error:
            answers.append(f"    {without_credentials(url)}: {error}")
            continue
        found += files
        answers.append(f"    {without_credentials(url)}: {len(files)} files")
    for folder in indexes.folders:
        found += [IndexFile(name=path.name, url=path.as_uri()) for path in sorted(folder.iterdir())]
    if not found:
        raise DebstackError(
            "\n".join([f"{project}: found on no package index", *answers]),
            hint="check the network, and pip's configuration: pip config list",
        )
    return found
