# SPDX-License-Identifier: Apache-2.0
"""What a string answer must look like. The shell of config scripts says the same."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from debstack.spec.vocabulary import Check, Question, QuestionType

#: What each check accepts, in words; an example included.
ACCEPTS: dict[Check, str] = {
    Check.ANY: "any text",
    Check.ADDRESS: "an IPv4 or IPv6 address, such as 192.0.2.10 or 2001:db8::10",
    Check.HOST: "a host name or an IPv4 or IPv6 address, such as cloud.example.org or 192.0.2.10",
    Check.PORT: "a port number from 1 to 65535",
    Check.URL: "an http or https URL, such as http://keystone.example.org:5000/v3",
    Check.REGION: "letters, digits, dots, hyphens and underscores, such as RegionOne",
    Check.PATH: "an absolute path, such as /etc/ssl/certs/ca.pem",
    Check.NAME: "letters, digits, dots, hyphens, underscores and at signs, such as admin",
    Check.HOST_PORTS: "host or host:port, several separated by commas, such as db1:5672,db2:5672",
    Check.WEB_HOSTS: "hosts as they stand in a URL, separated by commas, such as "
    "cloud.example.org,192.0.2.10,[2001:db8::10]; .example.org stands for all below, * for any",
    Check.NAMES: "names of letters, digits, dots, hyphens, underscores and at signs, separated by"
    " commas, such as ssd,gpu",
    Check.DEVICES: "devices as address/name, separated by commas; region and zone may stand before"
    " one, its weight behind it, such as 192.0.2.11/sdb,r1z2-192.0.2.12/sdb=100",
    Check.NUMBER: "a whole number from 1 to 9999",
}

_IPV4 = re.compile(r"(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}")
_PATH = re.compile(r"/[A-Za-z0-9_.,:@%+=~/-]*")
_DEVICE = re.compile(
    r"(?:(?=[rz])(?:r(?P<region>[1-9][0-9]{0,2}))?(?:z(?P<zone>[1-9][0-9]{0,2}))?-)?"
    r"(?:(?P<v4>[0-9.]+)|\[(?P<v6>[^\]]*)\])/(?P<name>[^=]*)(?:=(?P<weight>[0-9]{1,5}))?"
)
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")
_URL_PATH = re.compile(r"[A-Za-z0-9_.,:@%+=~/-]*")


def _is_ipv4(text: str) -> bool:
    return bool(_IPV4.fullmatch(text)) and all(int(part) <= 255 for part in text.split("."))


def _is_ipv6(text: str) -> bool:
    if "%" in text or ":" not in text:
        return False
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_address(text: str) -> bool:
    """Say whether `text` is an IPv4 or IPv6 address, without brackets, zone or prefix length."""
    return _is_ipv4(text) or _is_ipv6(text)


def is_host(text: str) -> bool:
    """Say whether `text` is an address or a host name; digits and dots alone must be an address."""
    if is_address(text):
        return True
    if len(text) > 253 or re.fullmatch(r"[0-9.]*", text):
        return False
    return all(_LABEL.fullmatch(label) for label in text.split("."))


def is_port(text: str) -> bool:
    """Say whether `text` is a port number in decimal without leading zeros."""
    return bool(re.fullmatch(r"[1-9][0-9]{0,4}", text)) and int(text) <= 65535


def is_host_port(text: str) -> bool:
    """Say whether `text` is a host, host:port or [IPv6]:port."""
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", text)
    if bracketed:
        address, port = bracketed.groups()
        return _is_ipv6(address) and (port is None or is_port(port))
    if is_host(text):
        return True
    host, colon, port = text.partition(":")
    return bool(colon) and is_host(host) and is_port(port)


def is_web_host(text: str) -> bool:
    """Say whether `text` is what Django's ALLOWED_HOSTS takes: a host without a port, or more."""
    if text.startswith("["):
        return text.endswith("]") and _is_ipv6(text[1:-1])
    if text == "*":
        return True
    name = text.removeprefix(".")
    return is_host(name) and ":" not in name and (name == text or not _is_ipv4(name))


def device_parts(text: str) -> dict[str, str] | None:
    """Return address, name, region, zone and weight of a device of rings, None if it is none.

    What is not said is an empty string.
    """
    match = _DEVICE.fullmatch(text)
    if match is None or not _NAME.fullmatch(match["name"]):
        return None
    if not (_is_ipv6(match["v6"]) if match["v4"] is None else _is_ipv4(match["v4"])):
        return None
    told = {key: match[key] or "" for key in ("name", "region", "zone", "weight")}
    return {"address": match["v4"] or match["v6"], **told}


def _is_url(text: str) -> bool:
    scheme, separator, rest = text.partition("://")
    if scheme not in ("http", "https") or not separator:
        return False
    authority, _, path = rest.partition("/")
    if _is_ipv6(authority):
        return False  # in a URL it stands in brackets
    return is_host_port(authority) and bool(_URL_PATH.fullmatch(path))


def _is_path(text: str) -> bool:
    return bool(_PATH.fullmatch(text)) and ".." not in text.split("/")


_CHECKS: dict[Check, Callable[[str], bool]] = {
    Check.ANY: lambda _text: True,
    Check.ADDRESS: is_address,
    Check.HOST: is_host,
    Check.PORT: is_port,
    Check.URL: _is_url,
    Check.REGION: lambda text: bool(_WORD.fullmatch(text)),
    Check.PATH: _is_path,
    Check.NAME: lambda text: bool(_NAME.fullmatch(text)),
    Check.HOST_PORTS: lambda text: all(is_host_port(item) for item in text.split(",")),
    Check.WEB_HOSTS: lambda text: all(is_web_host(item) for item in text.split(",")),
    Check.NAMES: lambda text: all(_NAME.fullmatch(item) for item in text.split(",")),
    Check.DEVICES: lambda text: all(device_parts(item) for item in text.split(",")),
    Check.NUMBER: lambda text: bool(_NUMBER.fullmatch(text)),
}


def matches(check: Check, value: str) -> bool:
    """Say whether `value` passes `check`; an empty one always does: it means the default."""
    return not value or _CHECKS[check](value)


def accepts(question: Question, value: str) -> bool:
    """Say whether `value` is an answer that `question` takes."""
    if question.type is QuestionType.BOOLEAN:
        return value in ("true", "false")
    if question.type is QuestionType.SELECT:
        return value in question.choices
    return matches(question.check, value)


def accepted(question: Question) -> str:
    """Return what `question` accepts, in words, for an error message."""
    if question.type is QuestionType.BOOLEAN:
        return "true or false"
    if question.type is QuestionType.SELECT:
        return "one of " + ", ".join(question.choices)
    return ACCEPTS[question.check]
