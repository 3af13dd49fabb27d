# SPDX-License-Identifier: Apache-2.0
"""Units: what starts, as whom, and what openstack.toml can change about it."""

from __future__ import annotations

import configparser
from collections.abc import Mapping

from unit.spec.declaring import component

from debstack.render import tree
from debstack.render.environment import unit_word
from debstack.render.unit import HARDENING, overridden

UNIT = "package/tiny-api/unit/tiny-api"


def _lines(changes: Mapping[str, object], name: str = "tiny-api.service") -> list[str]:
    return tree.units(component(changes), "tiny-api")[name].splitlines()


def test_a_wsgi_unit_runs_uwsgi_and_waits_for_its_configuration() -> None:
    lines = _lines({})
    assert "ExecStart=/usr/bin/uwsgi --ini /usr/share/debstack/uwsgi/tiny-api.ini" in lines
    assert "Type=notify" in lines
    assert "ConditionPathExists=/etc/tiny/tiny-api-uwsgi.d/50-debstack.ini" in lines
    assert lines[-1] == "WantedBy=multi-user.target"


def test_a_daemon_runs_its_command_and_waits_for_the_configuration() -> None:
    daemon = {"kind": "daemon", "description": "Worker", "command": ["/usr/bin/tiny", "a b", "50%"]}
    lines = _lines({"package/tiny-api/unit/worker": daemon}, "worker.service")
    assert 'ExecStart=/usr/bin/tiny "a b" "50%%"' in lines
    assert "ConditionPathExists=/etc/tiny/tiny.conf.d/50-debstack.conf" in lines


def test_directives_of_the_declaration_replace_those_of_the_same_name() -> None:
    changes = {"MemoryDenyWriteExecute": False, "SystemCallFilter": ["@a", "~@b"], "TasksMax": 9}
    lines = _lines({f"{UNIT}/service": changes})
    assert "MemoryDenyWriteExecute=no" in lines
    assert [line for line in lines if line.startswith("SystemCallFilter")] == [
        "SystemCallFilter=@a",
        "SystemCallFilter=~@b",
    ]
    assert "TasksMax=9" in lines


def test_without_changes_the_hardening_is_whole() -> None:
    assert overridden(HARDENING, {}) == HARDENING
    lines = _lines({})
    assert all(f"{key}={value}" in lines for key, value in HARDENING)


def test_what_it_may_write_is_named() -> None:
    lines = _lines({f"{UNIT}/state-directories": ["x"], f"{UNIT}/writable-paths": ["/srv/y"]})
    assert "StateDirectory=tiny x" in lines
    assert "ReadWritePaths=-/srv/y" in lines


def test_values_of_the_environment_are_quoted() -> None:
    lines = _lines({f"{UNIT}/environment": {"A": 'x "y" %z $HOME'}})
    assert r'Environment="A=x \"y\" %%z $$HOME"' in lines


def test_a_word_that_needs_no_quotes_has_none() -> None:
    assert unit_word("/usr/bin/x") == "/usr/bin/x"
    assert unit_word("") == '""'


def test_keys_that_rotate_have_a_timer() -> None:
    keys = {"path": "/etc/tiny/keys", "rotate": ["tiny-manage", "rotate"], "on-calendar": "daily"}
    changes = {"package/tiny-api/key-repository/k": keys}
    assert "OnCalendar=daily" in _lines(changes, "tiny-api-k-rotate.timer")
    service = _lines(changes, "tiny-api-k-rotate.service")
    assert "ExecStart=tiny-manage rotate" in service
    assert "ReadWritePaths=/etc/tiny/keys" in service
    assert "[Install]" not in service


def test_keys_that_do_not_rotate_have_none() -> None:
    found = tree.units(
        component({"package/tiny-api/key-repository/k": {"path": "/etc/x"}}), "tiny-api"
    )
    assert list(found) == ["tiny-api.service"]


def _ini(changes: dict[str, object]) -> configparser.SectionProxy:
    declared = component(changes)
    unit = declared.package["tiny-api"].unit["tiny-api"]
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read_string(tree.uwsgi_ini("tiny-api", declared, unit))
    return parser["uwsgi"]


def test_uwsgi_includes_the_drop_ins_last() -> None:
    ini = _ini({f"{UNIT}/threads": 4, f"{UNIT}/chunked-input-limit": 99})
    assert list(ini)[-3:] == ["for-glob", "include", "endfor"]
    assert ini["for-glob"] == "/etc/tiny/tiny-api-uwsgi.d/*.ini"
    assert (ini["threads"], ini["chunked-input-limit"]) == ("4", "99")
    assert "http-socket" not in ini
    assert "processes" not in ini


def test_uwsgi_without_threads_or_limit() -> None:
    assert not {"threads", "chunked-input-limit"} & set(_ini({}))


def test_one_package_makes_the_user() -> None:
    declared = component()
    assert 'u tiny - "OpenStack Tiny" /var/lib/tiny' in tree.sysusers(declared, "tiny-common")
    assert tree.sysusers(declared, "tiny-api") == ""
    assert "d /var/lib/tiny 0750 tiny tiny -" in tree.tmpfiles(declared, "tiny-common")
