# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from benchmark.object_storage import Rate, changes, sample_unit, told

SAMPLE = """\
[DEFAULT]
# bind_ip = 0.0.0.0
bind_port = 8080
[pipeline:main]
pipeline = catch_errors cache tempauth copy proxy-server
[filter:tempauth]
use = egg:swift#tempauth
"""
OURS = """\
[DEFAULT]
bind_ip = 192.0.2.1
[pipeline:main]
pipeline = catch_errors s3api authtoken keystoneauth proxy-server
[filter:cache]
memcache_servers = 192.0.2.1:11211
memcache_max_connections = 10
[filter:authtoken]
password = %(not)s a reference
Case = kept
[filter:keystoneauth]
operator_roles = admin
"""


def test_of_the_proxys_sample_only_addresses_and_who_asks_are_changed() -> None:
    assert changes("proxy", SAMPLE, OURS) == (
        "[DEFAULT]\n"
        "bind_ip = 192.0.2.1\n"
        "[pipeline:main]\n"
        "pipeline = catch_errors cache authtoken keystoneauth copy proxy-server\n"
        "[filter:cache]\n"
        "memcache_servers = 192.0.2.1:11211\n"
        "[filter:authtoken]\n"
        "password = %(not)s a reference\n"
        "Case = kept\n"
        "[filter:keystoneauth]\n"
        "operator_roles = admin\n"
    )


def test_of_the_others_samples_only_that_devices_are_mounted() -> None:
    assert changes("object", SAMPLE, OURS) == "[DEFAULT]\nmount_check = false\n"


def test_daemons_run_by_the_sample_that_has_them() -> None:
    assert sample_unit("swift-proxy")[-2:] == [
        "/usr/bin/swift-proxy-server",
        "/etc/swift-sample/proxy-server.conf.d",
    ]
    assert sample_unit("swift-object-expirer")[-2:] == [
        "/usr/bin/swift-object-expirer",
        "/etc/swift-sample/object-server.conf.d",
    ]


def test_the_middle_of_the_rounds_has_to_reach_that_of_the_samples() -> None:
    ours = [Rate(100, 30), Rate(300, 10), Rate(200, 20)]
    rate, slow = told("PUT", ours, [Rate(150, 5), Rate(170, 7), Rate(190, 9)])
    assert (rate.name, rate.value, rate.least, rate.peer) == (
        "PUT of 4 KiB, 64 clients",
        200,
        170,
        170,
    )
    assert rate.met
    assert (slow.value, slow.peer, slow.met) == (20, 7, None)
    alone, _ = told("PUT", ours, [])
    assert (alone.value, alone.least, alone.met) == (200, None, None)
