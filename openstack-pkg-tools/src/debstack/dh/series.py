# SPDX-License-Identifier: Apache-2.0
"""What the packages of a whole series declare, for machines that have only some of them.

`python3 -m debstack.dh.series FOLDER METAPACKAGES OUTPUT` reads debian/openstack.toml and
debian/control of all source packages below FOLDER, and the debian/control of the metapackages. It
writes into the folder OUTPUT a manifest for each binary package, and roles.json.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from debian.deb822 import Deb822

from debstack.base.errors import SpecError
from debstack.base.main import OK, USAGE, run_main
from debstack.spec.component import manifest_json, read_component, resolve
from debstack.spec.vocabulary import ROLES, SCHEMA

#: Name of a metapackage without its role.
PREFIX = "openstack-"
ROLES_FILE = "roles.json"
_TOOLKIT = "debstack"


def relation_names(relations: str) -> list[str]:
    """Return the names of each relation, alternatives as a|b; substitution variables left out.

    python-debian complains of relations whose version is a variable.
    """
    groups = [[name.split() for name in item.split("|")] for item in relations.split(",")]
    return [
        "|".join(words[0] for words in group if words)
        for group in groups
        if group[0] and not group[0][0].startswith("${")
    ]


def binary_paragraphs(control: Path) -> list[Deb822]:
    """Return the paragraphs of the binary packages in the file `control`."""
    return list(Deb822.iter_paragraphs(control.read_text(encoding="utf-8")))[1:]


def relations(controls: Iterable[Path], field: str) -> dict[str, list[str]]:
    """Return each binary package of `controls` to what it names in `field`, such as Depends."""
    return {
        paragraph["Package"]: relation_names(paragraph.get(field, ""))
        for control in controls
        for paragraph in binary_paragraphs(control)
    }


def closure(start: str, depends: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Return the names of all packages that installing `start` brings, itself included.

    Of alternatives that is the first one, where none of them comes anyway.
    """
    due, open_, seen = [start], list[str](), set[str]()
    while due or open_:
        if not due:
            alternatives = open_.pop(0).split("|")
            due += [] if seen & {*alternatives} else alternatives[:1]
            continue
        name = due.pop()
        if name not in seen:
            seen.add(name)
            for relation in depends.get(name, ()):
                (open_ if "|" in relation else due).append(relation)
    return frozenset(seen)


def manifests_of(folder: Path) -> dict[str, str]:
    """Return binary package to the text of its manifest, of all declarations below `folder`."""
    return {
        binary: manifest_json(resolve(component, binary))
        for path in sorted(folder.rglob("openstack.toml"))
        for component in [read_component(path)]
        for binary in component.package
    }


def roles_of(
    controls: Iterable[Path], metapackages: Path, declared: Iterable[str]
) -> dict[str, list[str]]:
    """Return each role that there is a metapackage for to those of `declared` that it brings."""
    depends = relations([metapackages, *controls], "Depends")
    known = {*declared}
    return {
        role: sorted((closure(f"{PREFIX}{role}", depends) | {_TOOLKIT}) & known)
        for role in ROLES
        if f"{PREFIX}{role}" in depends
    }


def suggested_of(
    controls: Iterable[Path], metapackages: Path, declared: Iterable[str]
) -> dict[str, dict[str, list[str]]]:
    """Return each role to the packages of `declared` that its metapackage suggests.

    Each of these has those of `declared` that it brings, itself included.
    """
    suggests = relations([metapackages], "Suggests")
    depends = relations([metapackages, *controls], "Depends")
    known = {*declared}
    return {
        role: {name: sorted(closure(name, depends) & known) for name in sorted({*names} & known)}
        for role in ROLES
        if (names := suggests.get(f"{PREFIX}{role}"))
    }


def write_series(folder: Path, metapackages: Path, output: Path) -> None:
    """Write the manifests and the roles into the folder `output`. Raises SpecError."""
    manifests = manifests_of(folder)
    if not manifests:
        raise SpecError([f"{folder}: there is no openstack.toml below it"])
    output.mkdir(parents=True, exist_ok=True)
    for binary, text in manifests.items():
        (output / f"{binary}.json").write_text(text, encoding="utf-8")
    controls = sorted(path for path in folder.rglob("control") if path != metapackages)
    roles = {
        "schema": SCHEMA,
        "role": roles_of(controls, metapackages, manifests),
        "suggested": suggested_of(controls, metapackages, manifests),
    }
    text = json.dumps(roles, indent=1, sort_keys=True) + "\n"
    (output / ROLES_FILE).write_text(text, encoding="utf-8")


def main() -> int:
    """Write what the three arguments name; return the exit code."""
    if len(sys.argv) != 4:
        print("usage: python3 -m debstack.dh.series FOLDER METAPACKAGES OUTPUT", file=sys.stderr)
        return USAGE
    folder, metapackages, output = map(Path, sys.argv[1:])

    def write() -> int:
        write_series(folder, metapackages, output)
        return OK

    return run_main("series", write)


if __name__ == "__main__":
    sys.exit(main())
