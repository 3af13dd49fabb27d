# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import configparser
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
    assert found["OPENSTACK_KEYSTONE_URL"] == "https://10.0.0.4:5000/v3"
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
    answers = {"openstack/tls": "off"}
    made = dashboard(tmp_path, answers, {"horizon/secret-key": "k"}).wanted().content
    assert "SECURE_PROXY" not in made
    assert "COOKIE_SECURE" not in made


SECRETS = {"swift/hash-path-suffix": "a%b'c", "swift/hash-path-prefix": "$x"}


def swift(root: Path, name: str, secrets: dict[str, str] | None = None) -> ConfigStep:
    installed = (*manifests_of("debstack"), *manifests_of("keystone"), *manifests_of("swift"))
    site = resolve(inputs(installed, secrets={**SECRETS, **(secrets or {})}))
    made = Context(site=site, manifests=installed, root=root)
    manifest = next(m for m in installed if name in m.package.config)
    return ConfigStep(made, dataclasses.replace(manifest, user=getpass.getuser()), name)


def test_for_a_reader_of_one_file_drop_ins_are_put_together(tmp_path: Path) -> None:
    made = swift(tmp_path, "swift")
    assert [change.summary for change in made.changes()] == [
        "write /etc/swift/swift.conf.d/50-debstack.conf",
        "write /etc/swift/swift.conf",
    ]
    for change in made.changes():
        change.perform()
    assert made.changes() == []
    parser = configparser.ConfigParser()
    parser.read(tmp_path / "etc/swift/swift.conf")
    assert dict(parser["swift-hash"]) == {
        "swift_hash_path_suffix": "a%b'c",
        "swift_hash_path_prefix": "$x",
    }
    own = tmp_path / "etc/swift/swift.conf.d/90-local.conf"
    own.write_text("[storage-policy:0]\nname = gold\naliases = a,\n  b\n[swift-constraints]\nx=1\n")
    (change,) = made.changes()
    assert change.summary == "write /etc/swift/swift.conf"
    change.perform()
    parser.read(tmp_path / "etc/swift/swift.conf")
    assert parser["storage-policy:0"]["name"] == "gold"
    assert parser["storage-policy:0"]["aliases"] == "a,\nb"
    assert parser["storage-policy:0"]["default"] == "yes"
    assert parser["swift-constraints"]["x"] == "1"
    text = (tmp_path / "etc/swift/swift.conf").read_text()
    assert "50-debstack.conf, 90-local.conf in /etc/swift/swift.conf.d" in text


PASSWORD = "'\"\\$%@:/# x"


def proxy(root: Path, password: str) -> str:
    step = swift(root, "swift-proxy-server", {"swift/service-password": password})
    return step.wanted().content


@pytest.mark.parametrize("password", [PASSWORD, "a%(here)s", "%%", '"quoted"'])
def test_a_password_comes_out_of_paste_as_it_went_in(tmp_path: Path, password: str) -> None:
    line = next(x for x in proxy(tmp_path, password).splitlines() if x.startswith("password"))
    read = line.partition(" = ")[2]
    # As swift.common.utils.config.NicerInterpolation reads.
    assert (read.replace("%%", "%") if "%(" in read else read) == password


def test_what_paste_would_lose_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="has blanks at its beginning or end") as caught:
        proxy(tmp_path, " secret")
    assert "secret" not in caught.value.message.replace("secret_cache_duration", "")


def test_a_reader_of_paste_gets_what_is_declared(tmp_path: Path) -> None:
    text = proxy(tmp_path, "x")
    assert "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = 8080\n" in text
    assert "[filter:cache]\nuse = egg:swift#memcache\nmemcache_servers = 127.0.0.1:11211" in text
    assert "s3api authtoken s3token keystoneauth" in text


def test_rsync_is_told_of_itself_before_the_first_module(tmp_path: Path) -> None:
    made = swift(tmp_path, "swift-rsyncd")
    for change in made.changes():
        change.perform()
    lines = (tmp_path / "etc/swift/rsyncd.conf").read_text().splitlines()
    said = [line for line in lines if line and line[0] != "#"]
    assert said[:2] == ["address = 10.0.0.4", "port = 6873"]
    assert said.index("[account]") == 4
    assert "exclude = *" in said
