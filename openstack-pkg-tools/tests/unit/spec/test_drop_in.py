# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.spec.drop_in import path_of
from debstack.spec.vocabulary import Config, Dialect


@pytest.mark.parametrize(
    ("dialect", "suffix"),
    [(Dialect.OSLO, "conf"), (Dialect.CONFIGPARSER, "conf"), (Dialect.PYTHON, "py")],
)
def test_the_reader_tells_by_the_name(dialect: Dialect, suffix: str) -> None:
    config = Config(directory="/etc/a/a.d", dialect=dialect)
    assert path_of(config) == f"/etc/a/a.d/50-debstack.{suffix}"
