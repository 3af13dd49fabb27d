# SPDX-License-Identifier: Apache-2.0
"""clouds.yaml: one cloud of it kept as it is to be, everything else left as it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.site import IdentitySite

#: The cloud as its administrator has it, for root.
ADMIN = "admin"
#: The cloud as everybody has it. Not a name that people give to a cloud of their own.
SHARED = "debstack"


def _header(name: str) -> str:
    return (
        f'# The cloud "{name}" is kept up to date by debstack;'
        " everything else in this file is yours.\n"
    )


def _cloud(
    identity: IdentitySite, url: str, interface: str, who: Mapping[str, str]
) -> dict[str, Any]:
    domains = {"user_domain_name": "Default", "project_domain_name": "Default"}
    cloud: dict[str, Any] = {
        "auth": {"auth_url": url, **who, **domains},
        "region_name": identity.region,
        "interface": interface,
        "identity_api_version": 3,
    }
    if identity.ca:
        cloud["cacert"] = identity.ca
    return cloud


def admin_entry(identity: IdentitySite) -> dict[str, Any]:
    """Return what stands under the name ADMIN (clouds.yaml of openstacksdk)."""
    who = {
        "username": identity.admin_user,
        "password": str(identity.admin_password),
        "project_name": identity.admin_project,
    }
    return _cloud(identity, identity.url, "internal", who)


def shared_entry(identity: IdentitySite) -> dict[str, Any]:
    """Return what stands under the name SHARED: where the cloud is, not who logs in to it."""
    return _cloud(identity, identity.public_url, "public", {})


def _lines(value: Mapping[str, Any], indent: str) -> list[str]:
    # A JSON string is a YAML double-quoted scalar: every character comes out as it went in.
    lines = []
    for key, item in value.items():
        if isinstance(item, Mapping):
            lines += [f"{indent}{key}:", *_lines(item, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(item, ensure_ascii=True)}")
    return lines


def _fresh(name: str, cloud: Mapping[str, Any]) -> str:
    lines = ["clouds:", f"  {name}:", *_lines(cloud, "    ")]
    return _header(name) + "".join(f"{line}\n" for line in lines)


def merged(text: str | None, name: str, cloud: Mapping[str, Any], where: str) -> Secret:
    """Return the text of the file with `cloud` as its cloud `name`.

    `text` is what it holds now, None if it is not there. Raises ConfigurationError if `text`
    is not a clouds.yaml.
    """
    fresh = _fresh(name, cloud)
    if text is None or not text.strip() or text == fresh:
        return Secret(fresh)
    import yaml

    try:
        read = yaml.safe_load(text)
        if read is None:
            return Secret(text + fresh)
        if not isinstance(read, dict) or not isinstance(read.get("clouds") or {}, dict):
            raise ConfigurationError(
                f"{where}: expected a table with the key clouds", hint=f"correct or remove {where}"
            )
        if (read.get("clouds") or {}).get(name) == cloud:
            return Secret(text)
        wanted = {**read, "clouds": {**(read.get("clouds") or {}), name: dict(cloud)}}
        document = yaml.compose(text, Loader=yaml.SafeLoader)
        spliced = _spliced(text, document, name, cloud)
        if spliced is not None and yaml.safe_load(spliced) == wanted:
            return Secret(spliced)
        return Secret(_header(name) + yaml.safe_dump(wanted, sort_keys=False, allow_unicode=True))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigurationError(
            f"{where}: not YAML{line}", hint=f"correct or remove {where}, then run: debstack apply"
        ) from error


def _spliced(text: str, document: Any, name: str, cloud: Mapping[str, Any]) -> str | None:
    """Return `text` with just the lines of our cloud replaced or added; None if too odd."""
    clouds = next((v for k, v in document.value if k.value == "clouds"), None)
    if clouds is None or not getattr(clouds, "value", None) or clouds.flow_style:
        return None
    lines = text.splitlines()
    first = clouds.value[0][0].start_mark
    indent = " " * first.column
    block = [f"{indent}{name}:", *_lines(cloud, indent + "  ")]
    for key, value in clouds.value:
        if key.value == name:
            start, end = key.start_mark.line, value.end_mark.line
            # A block ends where the next token begins: comments before that are not ours.
            while end > start + 1 and not lines[end - 1].strip():
                end -= 1
            while end > start + 1 and lines[end - 1].lstrip().startswith("#"):
                end -= 1
            return "\n".join([*lines[:start], *block, *lines[end:]]) + "\n"
    return "\n".join([*lines[: first.line], *block, *lines[first.line :]]) + "\n"
