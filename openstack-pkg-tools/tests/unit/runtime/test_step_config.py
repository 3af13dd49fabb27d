# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import getpass
import json
from pathlib import Path

import pytest
from unit.runtime.making import FACTS, context, inputs, manifests_of

from debstack.base.errors import ConfigurationError
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
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


def dashboard(root: Path, answers: dict[str, str], secrets: dict[str, str]) -> ConfigStep:
    installed = tuple(
        m for source in ("debstack", "keystone", "horizon") for m in manifests_of(source)
    )
    facts = dataclasses.replace(FACTS, traits={"time-zone": lambda: "Europe/Paris"})
    made = resolve(inputs(installed, answers, facts=facts, secrets=secrets))
    (manifest,) = manifests_of("horizon")
    context = Context(site=made, manifests=installed, root=root)
    return ConfigStep(context, dataclasses.replace(manifest, user=getpass.getuser()), "horizon")


def test_the_dashboards_settings_are_python(tmp_path: Path) -> None:
    answers = {
        "openstack/public-protocol": "https",
        "openstack/public-host": "cloud.example.org",
        "horizon/allowed-hosts": ".example.net,[2001:db8::7]",
    }
    made = dashboard(tmp_path, answers, {"horizon/secret-key": "a'b\\"})
    (change,) = made.changes()
    change.perform()
    assert made.changes() == []
    path = tmp_path / "etc/horizon/local_settings.d/50-debstack.py"
    assert path.stat().st_mode & 0o777 == 0o640
    text = path.read_text()
    assert "/etc/horizon/local_settings.d/90-local.py, which\n# wins over this file" in text
    found: dict[str, object] = {
        "CACHES": {"default": {"KEY_PREFIX": "x", "OPTIONS": {}}},
        "DEFAULT_SERVICE_REGIONS": {},
    }
    exec(compile(text, path, "exec"), found)  # noqa: S102
    assert found["SECRET_KEY"] == "a'b\\"
    hosts = found["ALLOWED_HOSTS"]
    assert isinstance(hosts, list)
    assert {"cloud.example.org", "10.0.0.4", ".example.net", "[2001:db8::7]"} < set(hosts)
    assert found["OPENSTACK_KEYSTONE_URL"] == "http://10.0.0.4:5000/v3"
    assert found["TIME_ZONE"] == "Europe/Paris"
    assert found["SESSION_COOKIE_SECURE"] is True
    assert found["DEFAULT_SERVICE_REGIONS"] == {"*": "RegionOne"}
    assert found["CACHES"] == {
        "default": {
            "KEY_PREFIX": "x",
            "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
            "LOCATION": ["127.0.0.1:11211"],
            "OPTIONS": {"ignore_exc": True, "connect_timeout": 1, "timeout": 1},
        }
    }
    assert "OPENSTACK_SSL_CACERT" not in found
    assert "OPENSTACK_KEYSTONE_MULTIDOMAIN_SUPPORT" not in found


def test_without_tls_the_dashboard_believes_no_header(tmp_path: Path) -> None:
    made = dashboard(tmp_path, {}, {"horizon/secret-key": "k"}).wanted().content
    assert "SECURE_PROXY" not in made
    assert "COOKIE_SECURE" not in made
