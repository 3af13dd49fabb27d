# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import install

from debstack.runtime import answers
from debstack.runtime.assemble import steps_of
from debstack.runtime.machine import read_machine

TOLD = "debstack openstack/identity-url string https://cloud.example.org:5000/v3\n"


@pytest.mark.parametrize(
    ("told", "steps"),
    [
        ("", ["files:site"]),
        (TOLD, ["files:site", "tls:trust", "answers:authorities", "clouds:shared"]),
    ],
)
def test_a_machine_that_serves_nothing_is_a_client_where_it_is_told_of_a_cloud(
    tmp_path: Path, told: str, steps: list[str]
) -> None:
    install(tmp_path, "debstack")
    for name, text in {answers.SITE_FILE: told, "/usr/bin/openstack": ""}.items():
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert [step.id for step in steps_of(read_machine(tmp_path))] == steps
