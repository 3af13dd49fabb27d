# SPDX-License-Identifier: Apache-2.0
"""The option catalogue: what the service that is being built knows to be configured with."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from debstack.base.errors import SpecError
from debstack.base.run import run
from debstack.spec.load import suggestion
from debstack.spec.vocabulary import Config, Dialect, Sections

#: Section to option to {"deprecated": bool}; with "replacement" where upstream names one.
Catalogue = dict[str, dict[str, dict[str, bool | str]]]

_PACKAGES = "usr/lib/python3*/dist-packages"
_SECTION = re.compile(r"#? ?\[(?P<name>[^\]#]+)\]\s*")
_OPTION = re.compile(r"#? ?(?:set )?(?P<name>[A-Za-z_][\w.-]*)\s*=.*")
#: What Paste Deploy itself reads in a section.
_PASTE = ("use", "pipeline")
_KNOWN: dict[str, bool | str] = {"deprecated": False}


def search_path(debian: Path) -> list[Path]:
    """Return the module directories of everything that was built, sorted, installed trees first."""
    trees = sorted(debian.glob(f"*/{_PACKAGES}"), key=lambda path: ("tmp" in path.parts, path))
    return [path.resolve() for path in trees]


def generator_argv(namespaces: Iterable[str], output: Path) -> list[str]:
    """Return the command that writes the options of `namespaces` to `output` as JSON."""
    argv = [sys.executable, "-m", "oslo_config.generator", "--format", "json"]
    argv += ["--output-file", str(output)]
    for namespace in namespaces:
        argv += ["--namespace", namespace]
    return argv


def _ini_name(name: str) -> str:
    return name.replace("-", "_")


def from_generator(generated: Mapping[str, Any], plugin_options: Mapping[str, str]) -> Catalogue:
    """Return the catalogue in oslo-config-generator's JSON.

    Sections that load a keystoneauth1 plugin (they have auth_type) also get `plugin_options`:
    name to replacement, which is empty for an option that is not deprecated.
    """
    catalogue: Catalogue = {}
    for section, described in generated["options"].items():
        options = catalogue.setdefault(section, {})
        for option in described["opts"]:  # those of drivers included
            options[_ini_name(option["dest"])] = {"deprecated": option["deprecated_for_removal"]}
        if "auth_type" in options:
            for name, replacement in plugin_options.items():
                entry: dict[str, bool | str] = {"deprecated": bool(replacement)}
                if replacement:
                    entry["replacement"] = f"{section}.{replacement}"
                options.setdefault(name, entry)
    for section, renamed in generated["deprecated_options"].items():
        for option in renamed:
            replacement = f"{option['replacement_group']}.{_ini_name(option['replacement_name'])}"
            catalogue.setdefault(section, {}).setdefault(
                _ini_name(option["name"]), {"deprecated": True, "replacement": replacement}
            )
    return catalogue


def from_samples(texts: Iterable[str]) -> Catalogue:
    """Return the catalogue in sample files: what stands there as `name = value`, or commented out.

    DEFAULT, which holds for all sections, takes what any of them does.
    """
    catalogue: Catalogue = {}
    everywhere = catalogue.setdefault("DEFAULT", {})
    for text in texts:
        section = "DEFAULT"
        for line in text.splitlines():
            if found := _SECTION.fullmatch(line):
                section = found["name"].strip()
                catalogue.setdefault(section, {}).update(dict.fromkeys(_PASTE, _KNOWN))
            elif found := _OPTION.fullmatch(line):
                for options in (catalogue[section], everywhere):
                    options[_ini_name(found["name"])] = _KNOWN
    return catalogue


def read(config: Config, paths: Iterable[Path], source: Path = Path()) -> Catalogue:
    """Return the options that `config` may set, of its namespaces and its samples.

    The modules are below `paths`, the samples below `source`. Raises CommandError where modules
    cannot be loaded (a Build-Depends is missing, as a rule), SpecError where a sample is missing.
    """
    found = _of_namespaces(config, paths) if config.namespaces else {}
    try:
        texts = [(source / name).read_text(encoding="utf-8") for name in config.samples]
    except OSError as error:
        raise SpecError([f"{error.filename}: a sample that cannot be read: {error}"]) from error
    sampled = from_samples(texts) if texts else {}
    if config.dialect is Dialect.PASTE:
        for options in found.values():
            options.update(dict.fromkeys(_PASTE, _KNOWN))
    return {**found, **sampled}


def _of_namespaces(config: Config, paths: Iterable[Path]) -> Catalogue:
    """Return the catalogue of `config`'s namespaces, asked of the modules below `paths`."""
    toolkit = Path(__file__).parents[2]
    environment = {
        "PYTHONPATH": ":".join(map(str, [*paths, toolkit])),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    hint = "the Build-Depends must hold what the service's modules import"
    with tempfile.TemporaryDirectory() as directory:
        output = Path(directory, "options.json")
        run(generator_argv(config.namespaces, output), env=environment, hint=hint)
        generated = json.loads(output.read_text(encoding="utf-8"))
    names: dict[str, str] = {}
    if any(_has_auth_type(described) for described in generated["options"].values()):
        probe = [sys.executable, "-m", "debstack.dh.plugin_options"]
        names = json.loads(run(probe, env=environment, hint=hint).stdout)
    return from_generator(generated, names)


def _has_auth_type(described: Mapping[str, Any]) -> bool:
    return any(option["dest"] == "auth_type" for option in described["opts"])


def _section_problems(
    where: str, sections: Sections, config: Config, catalogue: Catalogue
) -> list[str]:
    problems = []
    for section, options in sections.items():
        catalogued = config.sections_like.get(section, section)
        if catalogued not in catalogue:
            near = suggestion(catalogued, list(catalogue))
            problems.append(f"{where}.{section}: the service has no such section{near}")
            continue
        known = catalogue[catalogued]
        for option in options:
            entry = known.get(_ini_name(option))
            if entry is None:
                current = [name for name, about in known.items() if not about["deprecated"]]
                near = suggestion(option, current) if len(current) <= 40 else _near(option, current)
                problems.append(f"{where}.{section}.{option}: the service has no such option{near}")
            elif entry["deprecated"]:
                instead = entry.get("replacement")
                advice = f"; use {instead}" if instead else " and will go away"
                problems.append(f"{where}.{section}.{option}: the option is deprecated{advice}")
    return problems


def _near(option: str, known: list[str]) -> str:
    near = suggestion(option, known)
    return near if near.startswith(" (did you mean") else ""


def problems(where: str, config: Config, catalogue: Catalogue) -> list[str]:
    """Return every key that `config` sets and the service does not know, or not for long.

    `where` is the key path of `config`. oslo.config itself ignores unknown names silently.
    """
    found = _section_problems(f"{where}.set", config.set, config, catalogue)
    for n, conditional in enumerate(config.when):
        at = f"{where}.when[{n}].set"
        found += _section_problems(at, conditional.set, config, catalogue)
    return found


def to_json(catalogue: Catalogue) -> str:
    """Return the text that is installed: sorted, stable."""
    return json.dumps({"sections": catalogue}, indent=1, sort_keys=True) + "\n"
