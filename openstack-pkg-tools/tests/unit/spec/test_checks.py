# SPDX-License-Identifier: Apache-2.0
"""What each check takes and refuses, in Python and in the shell of config scripts alike."""

from __future__ import annotations

import pytest

from debstack.base.run import run
from debstack.render.config_script import functions_of
from debstack.spec.checks import matches
from debstack.spec.vocabulary import Check

LABEL = "a" * 63
CASES: dict[Check, tuple[list[str], list[str]]] = {
    Check.ADDRESS: (
        [
            "192.0.2.1",
            "0.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "2001:db8::10",
            "fe80::1",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::ffff:192.0.2.1",
            "1:2:3:4:5:6:192.0.2.1",
        ],
        [
            "300.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.4.",
            ".1.2.3",
            "1..2.3",
            "localhost",
            ":",
            ":::",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "12345::",
            "::g",
            "fe80::1%e",
            "[::1]",
            "1:2:3:4:5:6:7:8::",
            "192.0.2.1/24",
            "1:",
            ":1",
            "1.2.3.4::",
            "::1.2.3",
            " ::1",
        ],
    ),
    Check.HOST: (
        ["cloud", "cloud.example.org", "a-b.c", "1host", "192.0.2.1", "::1", LABEL],
        [
            "-a",
            "a-",
            "a..b",
            ".a",
            "a.",
            "a_b",
            "a b",
            "300.1.1.1",
            "1.2",
            "12",
            f"{LABEL}a",
            "a:80",
            ".".join([LABEL] * 4),
            "é",
        ],
    ),
    Check.PORT: (["1", "80", "65535"], ["0", "65536", "080", "-1", "x", "123456", "8 0"]),
    Check.URL: (
        ["http://a", "https://a:5000/v3", "http://192.0.2.1:80/", "http://[::1]:5000/v3/%7Ex"],
        [
            "ftp://a",
            "a",
            "http://",
            "http:///v3",
            "http://::1/v3",
            "http://a:0",
            "http://a b/",
            "http://a/v3?x",
            "http://u:p@h/",
            "http://[1.2.3.4]/",
            "http://a:/",
            "http://[::1",
        ],
    ),
    Check.REGION: (["RegionOne", "a.b-c_d", "1"], ["a b", "a/b", "-a", ".a", "é", "a" * 256]),
    Check.PATH: (["/", "/etc/ssl/ca.pem", "/a b"[:2]], ["etc", "/a/../b", "/..", "/a b", "/a\\b"]),
    Check.NAME: (["admin", "a@b", "a.b-c_1"], ["a b", "-a", "a'b", "a$b", "a" * 65]),
    Check.HOST_PORTS: (
        ["a", "a:5672", "a,b:1,[::1]:2", "[::1]", "::1", "192.0.2.1:5672"],
        ["a,", ",a", "a,,b", "a:0", "a: 1", "[::1]:", "[a]:1", "a:b:c", "[::1]x", "a, b"],
    ),
    Check.WEB_HOSTS: (
        ["a", "a.b,192.0.2.1,[::1]", ".example.org", "*", "localhost,*"],
        [
            "a,",
            ",a",
            "::1",
            "a:80",
            "[::1]:80",
            "[a]",
            "..a",
            ".",
            ".192.0.2.1",
            "*.a",
            "a b",
            "[]",
        ],
    ),
    Check.NAMES: (
        ["ssd", "ssd,gpu", "a.b-c_1,d@e"],
        ["ssd,", ",ssd", "ssd,,gpu", "ssd, gpu", "a b", "-a", "a,-b", "a/b", f"a,{'b' * 65}"],
    ),
    Check.DEVICES: (
        [
            "192.0.2.1/sdb",
            "192.0.2.1/sdb,192.0.2.1/d-1=0",
            "r1z2-192.0.2.1/sdb=100",
            "z3-[2001:db8::1]/sdb=99999",
            "r2-192.0.2.1/a",
        ],
        [
            "a/sdb",
            "192.0.2.1",
            "192.0.2.1/",
            "2001:db8::1/sdb",
            "192.0.2.1/sdb,",
            "-192.0.2.1/sdb",
            "z-192.0.2.1/sdb",
            "r0z1-192.0.2.1/sdb",
            "z1r1-192.0.2.1/sdb",
            "r1000-192.0.2.1/sdb",
            "192.0.2.1/sdb=",
            "192.0.2.1/sdb=1.5",
            "192.0.2.1/sdb=100000",
            "192.0.2.1/sdb=1=2",
            "192.0.2.1:6200/sdb",
            "192.0.2.1/a/b",
            "192.0.2.1/sdb, 192.0.2.2/sdb",
            "[192.0.2.1]/sdb",
        ],
    ),
    Check.NUMBER: (["1", "9999"], ["0", "01", "-1", "1.5", "10000", "a"]),
    Check.ANY: (["anything at all"], []),
}


@pytest.mark.parametrize("check", list(Check))
def test_python_takes_and_refuses(check: Check) -> None:
    good, bad = CASES[check]
    assert [value for value in good if not matches(check, value)] == []
    assert [value for value in bad if matches(check, value)] == []
    assert matches(check, "")


@pytest.mark.parametrize("check", [check for check in Check if check is not Check.ANY])
def test_the_shell_agrees(check: Check) -> None:
    good, bad = CASES[check]
    name = check.value.replace("-", "_")
    script = "\n".join(
        [
            *functions_of([name]),
            f'while IFS= read -r value; do if is_{name} "$value"; then echo yes; '
            "else echo no; fi; done",
        ]
    )
    values = [*good, *bad]
    told = run(["sh", "-c", script], input="".join(f"{v}\n" for v in values)).stdout.split()
    expected = ["yes"] * len(good) + ["no"] * len(bad)
    assert dict(zip(values, told, strict=True)) == dict(zip(values, expected, strict=True))
