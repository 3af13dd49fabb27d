# SPDX-License-Identifier: Apache-2.0
"""postrm: what is deleted, and when; run with a stand-in for debconf in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.render.debconf_double import NOBODY, Debconf
from unit.spec.declaring import component

from debstack.base.run import Result
from debstack.render.snippets import snippets
from debstack.runtime.ceph.files import MADE

PREAMBLE = "#!/bin/sh\nset -e\nexec 3>/dev/null\n"
DATA = "var/lib/tiny/things"
DROP_IN = "etc/tiny/tiny.conf.d/50-debstack.conf"


class Machine:
    """A folder that stands for / of a machine with tiny-common removed."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        key = {"type": "password", "generate": True, "summary": "Key:", "text": "A key."}
        declared = component(
            {
                "package/tiny-common/data": [f"/{DATA}"],
                "package/tiny-common/question/key": key,
                "package/tiny-common/ceph": {"packages": ["python3-rbd"]},
                "package/tiny-common/certificate": {"directory": "/etc/tiny"},
            }
        )
        database = folder / "debconf"
        database.mkdir()
        self.debconf = Debconf(folder=database, component=declared, binary="tiny-common")
        for path in (DATA, "etc/tiny/tiny.conf.d", "etc/debstack", "var/lib/debstack/removed"):
            (self.root / path).mkdir(parents=True)
        (self.root / DATA / "thing").touch()
        (self.root / DROP_IN).touch()

    def with_debstack(self, code: int) -> None:
        """Put a debstack there that tells how it was called and ends with `code`."""
        program = self.root / "bin" / "debstack"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            f'#!/bin/sh\necho "called: $*" >&2\nread -r x && echo stdin >&2\nexit {code}\n'
        )
        program.chmod(0o755)

    def purge(self) -> Result:
        """Run the snippet of postrm as `postrm purge`."""
        script = snippets(self.debconf.component, "tiny-common")["postrm"]
        for folder in ("/etc/", "/var/", "/usr/share/debstack/"):
            script = script.replace(folder, f"{self.root}{folder}")
        # Neither the users nor the modules of the machine that the test runs on.
        script = script.replace("userdel", "echo userdel").replace("getent", "true")
        script = script.replace("python3", "false")
        return self.debconf.run(
            f"{PREAMBLE}PATH={self.root}/bin:$PATH\n{script}", level=NOBODY, arguments=["purge"]
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_without_an_answer_data_stays_and_is_named(machine: Machine) -> None:
    machine.with_debstack(0)
    result = machine.purge()
    assert result.code == 0, result.stderr
    assert (machine.root / DATA / "thing").exists()
    assert not (machine.root / "etc/tiny").exists()
    assert "tiny-common: left as they are: database tiny" in result.stderr
    assert "called" not in result.stderr
    assert machine.debconf.told() == ["purge"]


def test_with_yes_everything_goes(machine: Machine) -> None:
    machine.with_debstack(0)
    machine.debconf.preseed("tiny/purge-data", "true")
    result = machine.purge()
    assert result.code == 0, result.stderr
    assert "called: purge tiny-common --data" in result.stderr
    assert "stdin" not in result.stderr
    assert "userdel tiny" in result.stderr
    assert not (machine.root / "var/lib/tiny").exists()


def test_the_shared_answer_is_the_default(machine: Machine) -> None:
    (machine.debconf.folder / "openstack%purge-data.value").write_text("true\n")
    machine.purge()
    assert not (machine.root / DATA).exists()


def test_an_answer_about_one_package_is_not_one_about_its_sibling(machine: Machine) -> None:
    machine.debconf.preseed("tiny/purge-data", "true")
    sibling = machine.root / "usr/share/debstack/components/tiny-api.json"
    machine.purge()
    assert machine.debconf.value("tiny/purge-data") == "true"
    sibling.parent.mkdir(parents=True)
    sibling.touch()
    machine.purge()
    assert machine.debconf.value("tiny/purge-data") == "false"
    assert not machine.debconf.seen("tiny/purge-data")


def test_a_purge_that_cannot_reach_the_database_fails_and_says_how_to_go_on(
    machine: Machine,
) -> None:
    machine.with_debstack(3)
    machine.debconf.preseed("tiny/purge-data", "true")
    result = machine.purge()
    assert result.code == 3
    assert "tiny/purge-data boolean false" in result.stderr
    assert (machine.root / DATA / "thing").exists()


def test_without_debstack_it_says_what_is_left(machine: Machine) -> None:
    machine.debconf.preseed("tiny/purge-data", "true")
    result = machine.purge()
    assert "tiny-common: left as they are: database tiny" in result.stderr
    assert not (machine.root / DATA).exists()


def test_files_of_the_administrator_stay(machine: Machine) -> None:
    local = machine.root / "etc/tiny/tiny.conf.d/90-local.conf"
    local.touch()
    copies = [machine.root / f"etc/tiny/debstack.{suffix}" for suffix in ("key", "crt")]
    for copy in copies:
        copy.touch()
    machine.debconf.preseed("tiny/purge-data", "true")
    assert machine.purge().code == 0
    assert local.exists()
    assert not any(path.exists() for path in (machine.root / DROP_IN, *copies))


def test_what_was_written_to_use_ceph_goes_and_the_files_of_others_stay(machine: Machine) -> None:
    folder = machine.root / "etc/ceph"
    folder.mkdir()
    made = f"{MADE} from the answers\n"
    for name, text in {
        "tiny.conf": made,
        "tiny.client.cloud.keyring": made,
        "tiny.client.mine.keyring": "[client.mine]\n",
        "tidy.conf": made,
        "ceph.conf": "[global]\n",
    }.items():
        (folder / name).write_text(text)
    assert machine.purge().code == 0
    left = sorted(path.name for path in folder.iterdir())
    assert left == ["ceph.conf", "tidy.conf", "tiny.client.mine.keyring"]
    for name in left:
        (folder / name).unlink()
    assert machine.purge().code == 0
    assert not folder.exists()


def test_its_answers_are_forgotten_and_no_others(machine: Machine) -> None:
    secrets = machine.root / "etc/debstack/secrets.preseed"
    secrets.write_text(
        "# tiny/database-password is explained here\n"
        "tiny-common tiny/database-password password a\n"
        "tiny-common tiny/database-passwords password b\n"
        "x other/tiny/database-password password c\n"
    )
    secrets.chmod(0o600)
    machine.purge()
    assert secrets.read_text() == (
        "# tiny/database-password is explained here\n"
        "tiny-common tiny/database-passwords password b\n"
        "x other/tiny/database-password password c\n"
    )
    assert secrets.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("answer", "kept"), [("true", False), ("false", True)])
def test_a_generated_secret_stays_with_the_data(machine: Machine, answer: str, kept: bool) -> None:
    secrets = machine.root / "etc/debstack/secrets.preseed"
    secrets.write_text("tiny-common tiny/key password a\n")
    machine.with_debstack(0)
    machine.debconf.preseed("tiny/purge-data", answer)
    assert machine.purge().code == 0
    assert (machine.root / DATA).exists() is kept
    assert bool(secrets.read_text()) is kept


def test_removal_keeps_the_manifest_and_stops_the_units() -> None:
    prerm = snippets(component(), "tiny-api")["prerm"]
    assert (
        "cp -p /usr/share/debstack/components/tiny-api.json "
        "/var/lib/debstack/removed/tiny-api.json" in prerm
    )
    assert "deb-systemd-invoke stop tiny-api.service" in prerm


def test_removal_keeps_what_answers_decide_where_something_is_undone_by_them() -> None:
    assert "debstack keep" not in snippets(component(), "tiny-api")["prerm"]
    task = {"summary": "x", "probe": ["x"], "expect": "", "command": ["x"]}
    task["undo"] = ["del-br", "${answer.tiny/store}"]
    declared = component({"package/tiny-api/task": {"bridge": task}})
    assert "debstack keep tiny-api </dev/null" in snippets(declared, "tiny-api")["prerm"]


def test_a_machine_takes_itself_out_of_the_cloud_whatever_happens_to_its_data() -> None:
    record = {"service": "compute", "user": "tiny", "password": "${secret.tiny/key}"}
    declared = component({"package/tiny-api/record": {"tiny-agent": record}})
    note = "/var/lib/debstack/removed/tiny-api.records"
    scripts = snippets(declared, "tiny-api")
    assert "debstack keep tiny-api </dev/null" in scripts["prerm"]
    assert f"-m debstack.runtime.nodes.leaving \\\n\t\t\t\t\t{note} </dev/null" in scripts["postrm"]
    assert f"rm -f {note}\n" in scripts["postrm"]
    assert f"removed/tiny-api.json {note}\n" in scripts["postinst"]
    assert not [text for text in snippets(component(), "tiny-api").values() if "records" in text]


def test_debstack_itself_has_hand_written_scripts() -> None:
    assert snippets(component({"question-prefix": "openstack"}), "tiny-common") == {}
