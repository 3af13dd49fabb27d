# SPDX-License-Identifier: Apache-2.0
"""Reading the file: where an error is, what is resolved, that JSON reads back the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from unit.spec.declaring import DECLARATIONS, TREE, component

from debstack.base.errors import SpecError
from debstack.spec.component import manifest_json, read_component, read_manifest, resolve
from debstack.spec.load import load
from debstack.spec.vocabulary import Manifest, QuestionType


def _problems(path: Path) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        read_component(path)
    return caught.value.problems


def test_a_syntax_error_names_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "openstack.toml"
    path.write_text('schema = 1\nsource = "x\n')
    assert _problems(path)[0].startswith(f"{path}:2:12: ")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "openstack.toml"
    assert _problems(path) == (f"{path}: no such file",)


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "openstack.toml"
    path.write_bytes(b"title = '\xe9'")
    assert "not UTF-8" in _problems(path)[0]


def test_another_schema_is_the_only_reason_given(tmp_path: Path) -> None:
    path = tmp_path / "openstack.toml"
    path.write_text("schema = 2\nnew-word = 1\n")
    assert _problems(path) == (f"{path}: schema: this debstack reads 1, got 2",)


def test_unknown_keys_and_wrong_types_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "openstack.toml"
    path.write_text(
        'schema = 1\nsource = "x"\ntitel = "X"\n[package.x.service.x]\nname = "x"\n'
        'description = "X"\nendpoint = { port = "9292" }\n'
    )
    told = _problems(path)
    assert f'{path}: package.x.service.x.endpoint.port: expected an integer, got "9292"' in told
    assert f'{path}: titel: unknown key (did you mean "title"?)' in told


@pytest.mark.parametrize("path", [*DECLARATIONS, TREE / "debian/openstack.toml"], ids=str)
def test_the_declarations_of_the_tree_are_valid_and_read_back(path: Path, tmp_path: Path) -> None:
    declared = read_component(path)
    for binary in declared.package:
        manifest = resolve(declared, binary)
        written = tmp_path / f"{binary}.json"
        written.write_text(manifest_json(manifest))
        assert read_manifest(written) == manifest


def test_a_manifest_that_is_cut_off_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{\n "schema": 1,\n')
    with pytest.raises(SpecError, match=f"{path}:3"):
        read_manifest(path)


def test_a_manifest_keeps_the_order_of_tasks() -> None:
    task = {"summary": "s", "probe": ["p"], "expect": "", "command": ["c"]}
    more = {f"package/tiny-common/task/{key}": task for key in ("z", "a", "m")}
    text = manifest_json(resolve(component(more), "tiny-common"))
    assert list(load(Manifest, json.loads(text), where="json").package.task) == ["z", "a", "m"]


def test_databases_of_one_user_have_one_password() -> None:
    more = {f"package/tiny-common/database/{key}": {"user": "tiny"} for key in ("cell0", "api")}
    manifest = resolve(component(more), "tiny-common")
    assert set(manifest.password) == {"database:tiny", "database:cell0", "database:api"}
    assert set(manifest.password.values()) == {"tiny/database-password"}


def test_the_manifest_holds_the_questions_of_passwords() -> None:
    manifest = resolve(component(), "tiny-common")
    assert manifest.question_prefix == "tiny"
    assert manifest.password == {"database:tiny": "tiny/database-password"}
    assert manifest.package.question["database-password"].type is QuestionType.PASSWORD


def test_several_databases_of_a_source_each_have_a_name_in_their_question() -> None:
    declared = component({"package/tiny-api/database/tiny_api": {}})
    assert resolve(declared, "tiny-common").password == {
        "database:tiny": "tiny/database-tiny-password"
    }
    assert resolve(declared, "tiny-api").password == {
        "database:tiny_api": "tiny/database-tiny_api-password"
    }


def test_the_password_of_a_domains_user_says_so() -> None:
    declared = component(
        {
            "package/tiny-common/domain/tiny": {},
            "package/tiny-common/service-user/tiny": {},
            "package/tiny-common/service-user/tiny_admin": {"project": "", "domain": "tiny"},
        }
    )
    asked = resolve(declared, "tiny-common").package.question
    assert "domain" not in asked["service-password"].summary
    assert "domain" in asked["service-tiny_admin-password"].summary
