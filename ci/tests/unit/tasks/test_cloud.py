# SPDX-License-Identifier: Apache-2.0
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from debstack.base.errors import CommandError, DebstackError
from debstack.base.run import Result
from tasks import cloud
from testbed.node import Node

DISK = b"a disk" * 50_000
SUM = hashlib.sha256(DISK).hexdigest()


class FakeNode:
    """A node that answers commands by their words, and notes what it was asked."""

    name = "controller"

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def copy_in(self, path: Path, target: str) -> None:
        self.asked.append(f"copy {path} {target}")

    def run(self, argv: Sequence[str], **_: Any) -> Result:
        line = " ".join(argv)
        self.asked.append(line)
        for words, answer in self.answers.items():
            if words in line:
                code, stdout = answer if isinstance(answer, tuple) else (0, answer)
                text = stdout if isinstance(stdout, str) else json.dumps(stdout)
                return Result(code=code, stdout=text, stderr="")
        return Result(code=0, stdout="", stderr="")


def node(answers: dict[str, Any]) -> Node:
    return cast(Node, FakeNode(answers))


def service(kind: str) -> dict[str, Any]:
    endpoints = [{"interface": one, "url": f"http://{one}/{kind}"} for one in ("admin", "public")]
    return {"Type": kind, "Endpoints": endpoints}


def test_the_catalogue_is_told_by_its_public_urls() -> None:
    found = node({"catalog list": [service(kind) for kind in cloud.SERVICES]})
    told = cloud.prove_catalogue(found)
    assert told.startswith("block-storage at http://public/block-storage, compute at http://public")
    assert "image at http://public/image" in told


def test_a_catalogue_without_images_is_no_proof() -> None:
    with pytest.raises(DebstackError, match=r"expected .*'image'.*, found \['identity'\]"):
        cloud.prove_catalogue(node({"catalog list": [service("identity")]}))


IMAGE = {
    "image create": {"id": "i"},
    "image show": {"size": len(DISK), "status": "active"},
    "sha256sum": f"{SUM}\n",
}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / f"{cloud.IMAGE}.qcow2").write_bytes(DISK)
    (tmp_path / f"{cloud.IMAGE}.properties").write_text("os_distro=debian\nmin_ram=512\n")
    return tmp_path


def test_an_image_comes_back_as_it_went_and_nothing_is_left_in_the_node(built: Path) -> None:
    answers = FakeNode(IMAGE)
    told = cloud.prove_image(cast(Node, answers), built, least_bytes=len(DISK))
    assert told.startswith(f"{cloud.IMAGE}, 0 MB, uploaded to Glance in ")
    assert told.endswith(f"bit for bit (sha256 {SUM[:16]}…)")
    assert "--property os_distro=debian --property min_ram=512 " in answers.asked[1]
    assert answers.asked[-1].startswith("rm -f ")


@pytest.mark.parametrize(
    "change",
    [
        {"sha256sum": "cd" * 32},
        {"image show": {"size": 1, "status": "active"}},
        {"image show": {"size": len(DISK), "status": "queued"}},
    ],
)
def test_an_image_that_differs_is_no_proof(change: dict[str, Any], built: Path) -> None:
    answers = FakeNode({**IMAGE, **change})
    with pytest.raises(DebstackError, match="image: uploaded"):
        cloud.prove_image(cast(Node, answers), built, least_bytes=len(DISK))
    assert answers.asked[-1].startswith("rm -f ")


def test_the_output_of_a_failed_installation_is_kept_and_its_end_told(tmp_path: Path) -> None:
    output = "".join(f"line {number}\n" for number in range(100))
    log_path = tmp_path / "logs" / "install.log"
    with pytest.raises(CommandError) as caught:
        cloud.install(node({"apt-get": (100, output)}), "hello", log_path=log_path)
    assert log_path.read_text() == output
    assert caught.value.message.startswith(
        "node controller: apt-get install -y hello: exit code 100\n    line 75\n"
    )
    assert caught.value.hint == f"the whole output: {log_path}"


def test_the_report_has_the_time_of_a_part_that_failed() -> None:
    report = cloud.Report()
    with pytest.raises(ZeroDivisionError), report.timed("divide"):
        print(1 / 0)
    assert "divide" in report.seconds
    assert report.lines()[-1].endswith(" s  in all")


def test_lines_to_copy_are_quoted_for_the_shell() -> None:
    assert cloud.exec_line("debstack status") == "make cloud-exec CMD='debstack status'"


def test_a_small_image_is_no_proof(built: Path) -> None:
    answers = FakeNode(IMAGE)
    with pytest.raises(DebstackError, match=f"expected at least {len(DISK) + 1} bytes, found"):
        cloud.prove_image(cast(Node, answers), built, least_bytes=len(DISK) + 1)
    assert answers.asked == []
