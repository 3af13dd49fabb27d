# SPDX-License-Identifier: Apache-2.0
"""The options that an installed service knows: oslo.config silently ignores every other name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.spec.load import suggestion

OPTIONS = "/usr/share/debstack/options"

Catalogue = Mapping[str, Mapping[str, Mapping[str, bool]]]


def read_catalogue(root: Path, name: str) -> Catalogue | None:
    """Return section to option to its marks, None without one. Raises ConfigurationError."""
    path = root / OPTIONS.lstrip("/") / f"{name}.json"
    try:
        read: dict[str, Catalogue] = json.loads(path.read_text(encoding="utf-8"))
        return read["sections"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error}",
            hint=f"reinstall the package that dpkg -S {path} names",
        ) from error


def unknown(
    catalogue: Catalogue, sections_like: Mapping[str, str], keys: Iterable[tuple[str, str]]
) -> list[str]:
    """Return a sentence for each (section, key) unknown to the service, with suggestions."""
    problems = []
    for section, key in keys:
        options = catalogue.get(sections_like.get(section, section))
        if options is None:
            close = suggestion(section, list(catalogue)).partition(" (known")[0]
            problems.append(f"[{section}] {key}: unknown section{close}")
        elif key.replace("-", "_") not in options:
            close = suggestion(key, list(options)).partition(" (known")[0]
            problems.append(f"[{section}] {key}: unknown option{close}")
    return problems
