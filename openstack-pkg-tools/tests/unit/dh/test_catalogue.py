# SPDX-License-Identifier: Apache-2.0
"""The option catalogue, and the keys that a built service does not know."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debstack.base.errors import SpecError
from debstack.dh import catalogue
from debstack.spec.vocabulary import Conditional, Config, Dialect


def _option(dest: str, *, deprecated: bool = False) -> dict[str, Any]:
    return {"dest": dest, "name": dest.replace("_", "-"), "deprecated_for_removal": deprecated}


GENERATED: dict[str, Any] = {
    "options": {
        "DEFAULT": {"opts": [_option("debug"), _option("old_way", deprecated=True)]},
        "keystone_authtoken": {"opts": [_option("auth_type"), _option("region_name")]},
        "glance_store": {"opts": [_option("filesystem_store_datadir")]},
    },
    "deprecated_options": {
        "DEFAULT": [
            {"name": "logdir", "replacement_group": "DEFAULT", "replacement_name": "log-dir"},
        ],
        "gone": [{"name": "x", "replacement_group": "DEFAULT", "replacement_name": "debug"}],
    },
}
KNOWN = catalogue.from_generator(GENERATED, {"password": "", "user_name": "username"})


def _problems(**sections: dict[str, str]) -> list[str]:
    config = Config(directory="/etc/x", set={name: {**s} for name, s in sections.items()})
    return catalogue.problems("x.config.y", config, KNOWN)


def test_what_the_service_knows_is_fine() -> None:
    assert _problems(DEFAULT={"debug": "x"}, keystone_authtoken={"password": "x"}) == []


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    assert _problems(DEFAULT={"debugg": "x"}) == [
        'x.config.y.set.DEFAULT.debugg: the service has no such option (did you mean "debug"?)'
    ]


def test_an_unknown_section_is_refused() -> None:
    assert _problems(glance_stor={"a": "x"}) == [
        'x.config.y.set.glance_stor: the service has no such section (did you mean "glance_store"?)'
    ]


def test_options_of_plugins_are_known_only_where_one_is_loaded() -> None:
    assert "password" in KNOWN["keystone_authtoken"]
    assert "password" not in KNOWN["DEFAULT"]


def test_deprecated_names_are_refused_with_their_replacement() -> None:
    assert _problems(DEFAULT={"logdir": "x"}) == [
        "x.config.y.set.DEFAULT.logdir: the option is deprecated; use DEFAULT.log_dir"
    ]
    assert _problems(gone={"x": "x"})[0].endswith("deprecated; use DEFAULT.debug")
    told = _problems(keystone_authtoken={"user_name": "x"})
    assert told[0].endswith("deprecated; use keystone_authtoken.username")


def test_options_that_will_be_removed_are_refused() -> None:
    assert "DEFAULT.old_way: the option is deprecated" in _problems(DEFAULT={"old_way": "x"})[0]


def test_a_section_of_our_own_takes_the_options_of_another() -> None:
    config = Config(
        directory="/etc/x",
        set={"images": {"filesystem_store_datadir": "/x", "filesystem_store_datdir": "/x"}},
        sections_like={"images": "glance_store"},
    )
    (told,) = catalogue.problems("x", config, KNOWN)
    assert told.startswith("x.set.images.filesystem_store_datdir: the service has no such option")


def test_conditional_keys_are_checked_too() -> None:
    when = Conditional(question="x/y", equals="z", set={"DEFAULT": {"nothing": "x"}})
    config = Config(directory="/etc/x", when=(when,))
    assert catalogue.problems("x", config, KNOWN)[0].startswith("x.when[0].set.DEFAULT.nothing: ")


def test_the_installed_text_is_the_contract() -> None:
    sections = json.loads(catalogue.to_json(KNOWN))["sections"]
    assert sections["DEFAULT"]["debug"] == {"deprecated": False}
    assert sections["DEFAULT"]["logdir"] == {"deprecated": True, "replacement": "DEFAULT.log_dir"}


def test_trees_that_were_installed_come_before_debian_tmp(tmp_path: Path) -> None:
    for tree in ("tmp/usr/lib/python3.13", "python3-x/usr/lib/python3"):
        (tmp_path / tree / "dist-packages").mkdir(parents=True)
    found = [path.relative_to(tmp_path).parts[0] for path in catalogue.search_path(tmp_path)]
    assert found == ["python3-x", "tmp"]


SAMPLE = """\
[DEFAULT]
# bind_ip = 0.0.0.0
bind_port = 8080
# A sentence about bind_ip, which = nothing.
[app:proxy-server]
use = egg:swift#proxy
#
# set log_name = proxy
# [filter:authtoken]
# auth_url = http://keystonehost:5000
"""


def test_options_are_read_from_a_sample_file() -> None:
    found = catalogue.from_samples([SAMPLE])
    assert {"use", "pipeline", "log_name"} == found["app:proxy-server"].keys()
    assert {"use", "pipeline", "auth_url"} == found["filter:authtoken"].keys()
    # It holds for all sections.
    assert {"bind_ip", "bind_port", "log_name", "auth_url"} <= found["DEFAULT"].keys()
    assert "which" not in found["DEFAULT"]


def test_a_sample_says_what_a_file_for_paste_may_set(tmp_path: Path) -> None:
    (tmp_path / "x.conf-sample").write_text(SAMPLE)
    config = Config(
        directory="/etc/x",
        dialect=Dialect.PASTE,
        samples=("x.conf-sample",),
        set={"DEFAULT": {"log_nam": "x"}, "filter:authtoken": {"use": "egg:x#y"}},
    )
    known = catalogue.read(config, [], tmp_path)
    assert catalogue.problems("x.config.y", config, known) == [
        'x.config.y.set.DEFAULT.log_nam: the service has no such option (did you mean "log_name"?)'
    ]


def test_a_sample_that_is_not_there_is_told() -> None:
    config = Config(directory="/etc/x", dialect=Dialect.PASTE, samples=("no.conf-sample",))
    with pytest.raises(SpecError, match=r"no\.conf-sample: a sample that cannot be read"):
        catalogue.read(config, [], Path("/nowhere"))
