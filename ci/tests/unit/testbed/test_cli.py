# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from testbed import cli
from testbed.places import TestbedError
from testbed.record import Bind


def test_binds(scratch: Path) -> None:
    assert cli.parse_bind(f"{scratch}:/x") == Bind(source=scratch, target="/x")
    assert cli.parse_bind(f"{scratch}:/x:rw").read_only is False


@pytest.mark.parametrize("text", ["/x", ":/x", "/:x", "/:/x:yes", "/nonexistent:/x"])
def test_binds_that_cannot_be(text: str) -> None:
    with pytest.raises(TestbedError, match="--bind"):
        cli.parse_bind(text)


def test_options_of_a_command_are_not_ours() -> None:
    options = cli.parser().parse_args(["--bed", "b", "run", "one", "--", "ls", "--all", "-v"])
    assert (options.bed, options.node, options.verbose) == ("b", "one", False)
    # argparse keeps the first -- in some versions of Python and takes it in others
    assert options.argv[-3:] == ["ls", "--all", "-v"]


def test_a_missing_node_is_told_in_one_line_with_a_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module in ("cli", "bed"):
        monkeypatch.setattr(f"testbed.{module}.require_root", lambda: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    assert cli.main(["boot", "none"]) == 3
    assert capsys.readouterr().err == (
        "testbed: error: testbed default: no node none\n"
        "testbed: hint: see which there are: python3 -m testbed list\n"
    )
