# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from unit.runtime.making import FACTS, context, inputs, manifests_of

from debstack.runtime.keystone.wanted import Scoped, wanted_of
from debstack.runtime.resolve import resolve
from debstack.runtime.steps.identity import build


def test_what_keystone_and_glance_want(tmp_path: Path) -> None:
    made = context(tmp_path)
    assert made.site.identity is not None
    wanted = wanted_of(made.manifests, made.site, made.site.identity)
    assert [user.user.key for user in wanted.users] == ["Default/glance"]
    assert wanted.users[0].roles == ("service",)
    assert [(s.type, s.name) for s in wanted.services] == [
        ("identity", "keystone"),
        ("image", "glance"),
    ]
    assert wanted.services[0].urls["public"] == "https://10.0.0.4:5000/v3"
    assert (wanted.domains, wanted.roles) == (("Default",), ("service",))
    assert [project.key for project in wanted.projects] == ["Default/service"]


def test_the_step_waits_for_the_keystone_of_this_machine(tmp_path: Path) -> None:
    (step,) = build(context(tmp_path))
    assert step.needs == {
        *("files:site", "answers:authorities", "front:haproxy", "tls:trust"),
        *("bootstrap:keystone", "unit:keystone"),
    }
    declared = step.declared()
    assert "create user glance" in declared
    assert "create domain Default" not in declared


def test_what_heat_wants_has_a_domain_of_its_own() -> None:
    installed = manifests_of("debstack") + manifests_of("keystone") + manifests_of("heat")
    site = resolve(inputs(installed, facts=FACTS))
    assert site.identity is not None
    wanted = wanted_of(installed, site, site.identity)
    assert wanted.domains == ("Default", "heat")
    assert wanted.roles == ("admin", "heat_stack_owner", "heat_stack_user", "service")
    assert {user.user.key: user.project for user in wanted.users} == {
        "Default/heat": Scoped(domain="Default", name="service"),
        "heat/heat_domain_admin": None,
    }
    passwords = {user.password for user in wanted.users}
    assert len(passwords) == 2, "W-14: the domain's administrator has a password of his own"
