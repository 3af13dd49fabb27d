# SPDX-License-Identifier: Apache-2.0
"""How apply calls the one file that it writes into a drop-in directory."""

from __future__ import annotations

from debstack.spec.vocabulary import Config, Dialect

NAME = "50-debstack"


def suffix(config: Config) -> str:
    """Return how the names of the files end that the reader of `config` reads."""
    return ".py" if config.dialect is Dialect.PYTHON else ".conf"


def path_of(config: Config) -> str:
    """Return the path of the file that apply writes for `config`."""
    return f"{config.directory}/{NAME}{suffix(config)}"
