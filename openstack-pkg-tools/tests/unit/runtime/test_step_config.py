# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import getpass
import json
from pathlib import Path

import pytest
from unit.runtime.making import context

from debstack.base.errors import ConfigurationError
from debstack.runtime.steps.config import ConfigStep, build


def step(root: Path, name: str) -> ConfigStep:
    made = context(root)
    # The system users of the services do not exist where unit tests run.
    manifest = next(m for m in made.manifests if name in m.package.config)
    return ConfigStep(made, dataclasses.replace(manifest, user=getpass.getuser()), name)


def test_the_drop_in_is_written_once_and_tells_how_to_change_it(tmp_path: Path) -> None:
    glance = step(tmp_path, "glance")
    (change,) = glance.changes()
    assert change.summary == "write /etc/glance/glance.conf.d/50-debstack.conf"
    change.perform()
    assert glance.changes() == []
    path = tmp_path / "etc/glance/glance.conf.d/50-debstack.conf"
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o640
    assert text.startswith("# Made by debstack for OpenStack Image (Glance)")
    assert "/etc/glance/glance.conf.d/90-local.conf" in text
    assert "[glance_store]\ndefault_backend = images\n" in text
    assert "filesystem_store_datadir = /var/lib/glance/images\n" in text


def test_an_option_that_the_service_does_not_know_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "usr/share/debstack/options"
    folder.mkdir(parents=True)
    (folder / "keystone.json").write_text(
        json.dumps({"sections": {"DEFAULT": {"transport_ulr": {"deprecated": False}}}})
    )
    with pytest.raises(ConfigurationError) as caught:
        step(tmp_path, "keystone").changes()
    assert 'transport_url: unknown option (did you mean "transport_ulr"?)' in caught.value.message
    assert "[database] connection: unknown section" in caught.value.message


def test_there_is_a_step_for_each_configuration(tmp_path: Path) -> None:
    assert sorted(made.id for made in build(context(tmp_path))) == [
        "config:glance",
        "config:glance-swift",
        "config:keystone",
    ]
