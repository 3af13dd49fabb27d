# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from pipeline.index import (
    Indexes,
    IndexFile,
    indexes_from,
    normalised,
    parse_page,
    parse_pip_config,
    project_files,
    without_credentials,
)

CONFIG = """\
:env:.extra-index-url='https://more.test/simple'
global.extra-index-url='file:///srv/one/simple file:///srv/two/simple'
global.index-url='https://user:p%40ss@index.test/simple'
install.index-url='https://install.test/simple'
freeze.timeout='10'
"""


def test_pip_configuration_environment_wins() -> None:
    found = parse_pip_config(CONFIG)
    assert found == {
        "extra-index-url": "https://more.test/simple",
        "index-url": "https://install.test/simple",
    }


def test_several_extra_indexes_and_the_built_in_default() -> None:
    config = {"extra-index-url": "file:///srv/one/simple\nfile:///srv/two/simple/"}
    assert indexes_from(config, "https://default.test/simple").urls == (
        "https://default.test/simple/",
        "file:///srv/one/simple/",
        "file:///srv/two/simple/",
    )


def test_no_index_leaves_find_links(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    config = {"no-index": "true", "find-links": f"{tmp_path} {missing} https://x.test/wheels"}
    found = indexes_from(config, "https://default.test/simple")
    assert (found.urls, found.folders) == ((), (tmp_path,))


def test_html_page() -> None:
    page = b"""<a href="../../files/a/os_traits-3.6.0.tar.gz#sha256=abc" data-x="1">x</a>
    <a href="https://files.test/os%5Ftraits-3.5.0.tar.gz">y</a><a>no link</a>"""
    assert parse_page("text/html", page, "https://index.test/simple/os-traits/") == [
        IndexFile(
            name="os_traits-3.6.0.tar.gz",
            url="https://index.test/files/a/os_traits-3.6.0.tar.gz",
            sha256="abc",
        ),
        IndexFile(name="os_traits-3.5.0.tar.gz", url="https://files.test/os%5Ftraits-3.5.0.tar.gz"),
    ]


def test_json_page() -> None:
    files = [{"filename": "a-1.tar.gz", "url": "a-1.tar.gz", "hashes": {"sha256": "ff"}}]
    page = json.dumps({"meta": {"api-version": "1.1"}, "files": files}).encode()
    found = parse_page("application/vnd.pypi.simple.v1+json", page, "https://index.test/simple/a/")
    assert found == [
        IndexFile(name="a-1.tar.gz", url="https://index.test/simple/a/a-1.tar.gz", sha256="ff")
    ]


def test_local_indexes_may_be_missing_or_have_no_page(tmp_path: Path) -> None:
    folder = tmp_path / "simple" / "os-traits"
    folder.mkdir(parents=True)
    (folder / "os_traits-3.6.0.tar.gz").write_bytes(b"x")
    indexes = Indexes(urls=("file:///nowhere/simple/", f"{(tmp_path / 'simple').as_uri()}/"))
    assert [file.name for file in project_files("os_traits", indexes)] == ["os_traits-3.6.0.tar.gz"]


def test_found_nowhere_names_each_index() -> None:
    indexes = Indexes(urls=("file:///nowhere/simple/", "file:///neither/simple/"))
    with pytest.raises(DebstackError) as caught:
        project_files("absent", indexes)
    assert "/nowhere/simple/absent/: 0 files" in caught.value.message
    assert "/neither/simple/absent/: 0 files" in caught.value.message


@pytest.mark.parametrize("name", ["Oslo.Config", "oslo_config", "oslo--config"])
def test_names_as_indexes_spell_them(name: str) -> None:
    assert normalised(name) == "oslo-config"


def test_credentials_are_not_shown() -> None:
    url = "https://user:p%40ss@index.test:8443/simple/"
    assert without_credentials(url) == "https://index.test:8443/simple/"
