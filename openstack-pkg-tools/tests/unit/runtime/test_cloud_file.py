# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.cloud_file import ADMIN, SHARED, admin_entry, merged, shared_entry
from debstack.runtime.site import IdentitySite

PASSWORD = "a&b|c\\d\"e'f$g%h@i:j/k#l m=n;o`pé€"
IDENTITY = IdentitySite(
    url="http://10.0.0.4:5000/v3",
    public_url="http://10.0.0.4:5000/v3",
    local=True,
    admin_user="admin",
    admin_project="admin",
    admin_password=Secret(PASSWORD),
    region="RegionOne",
)
CLOUD = admin_entry(IDENTITY)
OTHERS = """\
# my clouds
clouds:
  # the big one
  big:
    auth: {auth_url: "http://big"}  # remember

  admin:
    auth:
      auth_url: http://old

  # the small one
  small:
    region_name: S
cache:
  expiration_time: 60
"""


def read(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_a_fresh_file_holds_the_password_as_it_is() -> None:
    text = merged(None, ADMIN, CLOUD, "x")
    assert read(text)["clouds"]["admin"]["auth"]["password"] == PASSWORD
    assert merged(text, ADMIN, CLOUD, "x") == text


def test_other_clouds_and_comments_stay() -> None:
    text = merged(OTHERS, ADMIN, CLOUD, "x")
    wanted = read(OTHERS)
    wanted["clouds"]["admin"] = CLOUD
    assert read(text) == wanted
    for line in (
        "# my clouds",
        '    auth: {auth_url: "http://big"}  # remember',
        "  # the small one",
    ):
        assert f"{line}\n" in text
    assert "http://old" not in text
    assert merged(text, ADMIN, CLOUD, "x") == text


def test_everybodys_cloud_holds_no_password_and_leads_where_users_come_in() -> None:
    identity = dataclasses.replace(IDENTITY, public_url="https://cloud.example.org:5000/v3")
    text = merged(None, SHARED, shared_entry(identity), "x")
    assert PASSWORD not in text
    assert read(text)["clouds"] == {
        "debstack": {
            "auth": {
                "auth_url": "https://cloud.example.org:5000/v3",
                "user_domain_name": "Default",
                "project_domain_name": "Default",
            },
            "region_name": "RegionOne",
            "interface": "public",
            "identity_api_version": 3,
        }
    }
    assert set(read(merged(text, ADMIN, CLOUD, "x"))["clouds"]) == {"admin", "debstack"}


@pytest.mark.parametrize(
    "text",
    [
        "clouds:\n    big:\n        region_name: B\n",
        "clouds: {big: {region_name: B}}\n",
        "clouds: {}\n",
        "clouds:\n",
        "cache:\n  x: 1\n",
        "# nothing yet\n",
        "clouds:\n  admin:\n    region_name: last, without a newline",
    ],
)
def test_any_form_of_the_file_gets_the_cloud(text: str) -> None:
    found = read(merged(text, ADMIN, CLOUD, "x"))
    before = yaml.safe_load(text) or {}
    assert found["clouds"] == {**(before.get("clouds") or {}), "admin": CLOUD}
    assert {k: v for k, v in found.items() if k != "clouds"} == {
        k: v for k, v in before.items() if k != "clouds"
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [("a: [", "f: not YAML, line 1"), ("- a\n", "expected a table"), ("clouds: 3\n", "expected")],
)
def test_what_is_no_clouds_file_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        merged(text, ADMIN, CLOUD, "f")
