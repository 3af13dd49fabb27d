# SPDX-License-Identifier: Apache-2.0
"""The preseed files of the tree: current, legal, complete, and for nobody's own hosts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from debconf_check import accepts_selections
from debian.deb822 import Deb822

from debstack.base.errors import CommandError
from debstack.dh.series import closure, relation_names
from debstack.runtime.preseed import Preseed
from debstack.runtime.preseeds.check import check
from debstack.runtime.preseeds.conversion.convert import PACKAGES
from debstack.runtime.preseeds.known import Known, together
from debstack.spec.component import resolve
from debstack.spec.series_questions import asked_by, collect
from pipeline.source import find_sources
from pipeline.tree import ROOT
from refpages.preseeds import FOLDER, pages
from refpages.questions import components
from refpages.roles import roles

FILES = sorted(FOLDER.glob("*.preseed"))
#: A line of an answer that is commented out has no blank behind its #, other comments have one.
_COMMENTED = re.compile(r"^#(?=\S)", re.M)
#: What an installation without a question has to say, each with what must be in its value.
_INSTALLER = {
    "d-i apt-setup/local0/key": "",
    "d-i apt-setup/local0/repository": " trixie-",
    "d-i mirror/http/hostname": "",
    "d-i netcfg/choose_interface": "auto",
    "d-i partman-auto/method": "lvm",
    "d-i partman/confirm": "true",
    "d-i passwd/root-password-crypted": "!",
    "d-i pkgsel/include": "openstack-",
    "d-i preseed/late_command": "authorized_keys",
    "tasksel tasksel/first": "standard",
}


@pytest.fixture(scope="module")
def known() -> Known:
    """All questions of the tree's packages."""
    return together((), collect(components()))


@pytest.fixture(scope="module")
def asking() -> dict[str, set[str]]:
    """Each question to the packages that ask it: some have the same password."""
    found: dict[str, set[str]] = {}
    for component in components():
        for binary in component.package:
            for name in asked_by(component, {binary}):
                found.setdefault(name, set()).add(binary)
    return found


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def uncommented(path: Path) -> str:
    """Return the file with every answer in it given."""
    return _COMMENTED.sub("", text_of(path))


def named(path: Path, known: Known) -> set[str]:
    """Return the questions of ours that the file has a line for."""
    return Preseed.parse(uncommented(path)).entries().keys() & known.questions.keys()


def role_of(path: Path) -> str:
    return path.stem.removeprefix("installer-")


def test_they_are_what_the_declarations_say() -> None:
    found = {path: text_of(path) for path in FILES}
    assert found == pages(), "run: ci/invoke preseeds"


def test_every_metapackage_with_services_has_both_files_and_a_text() -> None:
    control = (ROOT / "metapackages/debian/control").read_text(encoding="utf-8")
    paragraphs = list(Deb822.iter_paragraphs(control))[1:]
    depending = [p["Package"] for p in paragraphs if p.get("Section") != "admin"]
    names = {role.name for role in roles()}
    assert names <= {name.removeprefix("openstack-") for name in depending}
    assert {"all-in-one", "controller"} <= names
    assert {path.name for path in FILES} == {
        f"{kind}{name}.preseed" for name in names for kind in ("", "installer-")
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("read", [text_of, uncommented])
def test_debconf_takes_them(path: Path, read: Callable[[Path], str], tmp_path: Path) -> None:
    accepts_selections(read(path), tmp_path)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_question_exists_and_takes_the_value(
    path: Path, known: Known, asking: dict[str, set[str]]
) -> None:
    preseed = Preseed.parse(uncommented(path))
    assert check(preseed, known) == []
    for name, entry in preseed.entries().items():
        if name in known.questions:
            assert entry.owner in asking[name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_of_ours_is_answered_unasked(path: Path, known: Known) -> None:
    assert not Preseed.parse(text_of(path)).entries().keys() & known.questions.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_question_of_the_role_is_explained(path: Path, known: Known) -> None:
    role = {role.name: role for role in roles()}[role_of(path)]
    expected: set[str] = set()
    for component in components():
        for binary in component.package.keys() & (role.packages | {"debstack"}):
            manifest = resolve(component, binary)
            expected |= {f"{manifest.question_prefix}/{key}" for key in manifest.package.question}
    assert len(expected) > 20
    found = named(path, known)
    assert expected <= found
    # What purging asks is no question of the manifests.
    assert all(name.endswith("/purge-data") for name in found - expected)
    blocks = text_of(path).split("\n\n")
    for name in found:
        words = " ".join(known.questions[name].question.text.split())
        block = next(block for block in blocks if f" {name} " in block.splitlines()[-1] + " ")
        said = " ".join(line.removeprefix("#").strip() for line in block.splitlines())
        assert words in " ".join(said.split())


@pytest.mark.parametrize(
    "path", [path for path in FILES if "installer" in path.name], ids=lambda path: path.name
)
def test_the_installer_is_told_all_it_asks(path: Path) -> None:
    entries = Preseed.parse(text_of(path)).entries().values()
    told = {f"{entry.owner} {entry.name}": entry.value for entry in entries}
    for question, part in _INSTALLER.items():
        assert part in told[question], question
    assert told["d-i pkgsel/include"] == f"openstack-{role_of(path)}"
    room = told["d-i partman-auto-lvm/guided_size"]
    role = {role.name: role for role in roles()}[role_of(path)]
    assert (room != "max") is ("cinder-volume" in role.packages)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_they_name_hosts_of_nobody(path: Path) -> None:
    text = text_of(path)
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"https?://[^\s]+", text)}
    hosts |= set(re.findall(r"(?:hostname|_host) string (\S+)$", text, re.M))
    strange = {host for host in hosts if not host.endswith("example.org")}
    assert strange <= {"server", role_of(path)}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a, b (= ${binary:Version}) | c,\n d [amd64], ${misc:Depends},", ["a", "b|c", "d"]),
        ("", []),
    ],
)
def test_names_of_relations(text: str, names: list[str]) -> None:
    assert relation_names(text) == names


def test_what_is_named_instead_of_debians_metapackages_can_be_installed() -> None:
    ours = {binary for source in find_sources().values() for binary in source.binaries}
    named = {word for words in PACKAGES.values() for word in words.split()}
    assert named <= ours | {"ovn-host"}


def test_what_an_installation_brings() -> None:
    dependencies = {"role": ["a"], "a": ["b", "role"], "b": ["debian"], "other": ["x"]}
    assert closure("role", dependencies) == {"role", "a", "b", "debian"}
    # Of alternatives the first, unless another one comes anyway.
    alternatives = {"role": ["a"], "a": ["b|c"], "other": ["a", "c"]}
    assert closure("role", alternatives) == {"role", "a", "b"}
    assert closure("other", alternatives) == {"other", "a", "c"}


def test_what_debconf_does_not_take_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="parse error on line 1"):
        accepts_selections("debstack openstack/region\n", tmp_path)
