# SPDX-License-Identifier: Apache-2.0
"""Checks what debstack has written for services that read oslo.config's files.

Reads each generated file by the catalogue of the options that the installed package knows. Prints
JSON: how many options were checked, and those that the service does not know or gives up.
"""

from __future__ import annotations

import configparser
import json
from pathlib import Path
from typing import Any

CATALOGUES = Path("/usr/share/debstack/options")
COMPONENTS = Path("/usr/share/debstack/components")


def configurations() -> dict[str, dict[str, Any]]:
    """Return what is declared of each directory of configuration files, by its name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(COMPONENTS.glob("*.json")):
        found |= json.loads(path.read_text(encoding="utf-8"))["package"].get("config", {})
    return found


def main() -> None:
    checked, wrong = 0, []
    for name, declared in configurations().items():
        catalogue = CATALOGUES / f"{name}.json"
        path = Path(declared["directory"]) / "50-debstack.conf"
        if not path.exists() or not catalogue.exists():
            if declared.get("namespaces"):
                wrong.append(f"{name}: {path} or {catalogue} is missing")
            continue
        known = json.loads(catalogue.read_text(encoding="utf-8"))["sections"]
        parser = configparser.RawConfigParser(strict=False, default_section="")
        parser.read(path, encoding="utf-8")
        for section in parser.sections():
            options = known.get(declared.get("sections-like", {}).get(section, section), {})
            for option in parser.options(section):
                checked += 1
                about = options.get(option)
                if about is None or about["deprecated"]:
                    wrong.append(f"{path}: [{section}] {option}: {about or 'unknown'}")
    print(json.dumps({"checked": checked, "wrong": wrong}))


main()
