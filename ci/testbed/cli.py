# SPDX-License-Identifier: Apache-2.0
"""The command line of the testbed: each verb is a function of the library."""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType

from debstack.base.main import OK, run_main
from debstack.base.run import replace_process
from testbed import archive, stage, sweep
from testbed.base import ensure_base, ensure_lists
from testbed.bed import DEFAULT_NETWORK, Testbed, in_use
from testbed.places import STATE, TestbedError, require_root
from testbed.record import Bind

PROGRAM = "testbed"
_EPILOG = """\
example:
  python3 -m testbed create one --boot
  python3 -m testbed run one -- systemctl --failed
  python3 -m testbed shell one
  python3 -m testbed destroy one

Nodes stay until they are destroyed. `clean` removes what killed runs have left, `clean --all`
everything. Nodes have no network but the private ones between them: --package fetches what is to
be installed in a node beforehand.
"""


def parse_bind(text: str) -> Bind:
    """Return the Bind that SOURCE:TARGET[:rw] describes; raises TestbedError."""
    source, _, rest = text.partition(":")
    target, _, mode = rest.partition(":")
    if not source or not target.startswith("/") or mode not in {"", "ro", "rw"}:
        raise TestbedError(
            f'--bind: expected SOURCE:TARGET or SOURCE:TARGET:rw, found "{text}"',
            hint="for example --bind ./build:/srv/build",
        )
    path = Path(source).resolve()
    if not path.exists():
        raise TestbedError(f"--bind: {path} does not exist")
    return Bind(source=path, target=target, read_only=mode != "rw")


def _create(options: argparse.Namespace) -> int:
    node = Testbed(options.bed).create(
        options.node,
        from_stage=options.stage,
        binds=[parse_bind(text) for text in options.bind],
        networks=options.network or (DEFAULT_NETWORK,),
        packages=options.package,
        repository=options.repository,
        durable=options.durable,
    )
    if options.boot:
        node.boot()
    return OK


def _boot(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).boot()
    return OK


def _shutdown(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).shutdown()
    return OK


def _reboot(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).reboot()
    return OK


def _kill(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).kill()
    return OK


def _run(options: argparse.Namespace) -> int:
    argv = options.argv[1:] if options.argv[:1] == ["--"] else options.argv
    if not argv:
        raise TestbedError("run: expected a command after the node's name, found none")
    replace_process(Testbed(options.bed).node(options.node).spawn_argv(argv))


def _shell(options: argparse.Namespace) -> int:
    node = Testbed(options.bed).node(options.node)
    # script(1) gives it a terminal of the node's own: the host's has no name in there.
    terminal = ["script", "--quiet", "--return", "--command", "cd; exec bash -l", "/dev/null"]
    replace_process(node.spawn_argv(terminal))


def _copy_in(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).copy_in(Path(options.source), options.target)
    return OK


def _copy_out(options: argparse.Namespace) -> int:
    Testbed(options.bed).node(options.node).copy_out(options.source, Path(options.target))
    return OK


def _snapshot(options: argparse.Namespace) -> int:
    stage.snapshot(Testbed(options.bed).node(options.node), options.stage)
    return OK


def _stages(options: argparse.Namespace) -> int:
    for name in options.remove:
        stage.remove(name)
    print("".join(f"{name}\n" for name in stage.stages()), end="")
    return OK


def _list(options: argparse.Namespace) -> int:
    rows = []
    for bed in sorted(path.parent.name for path in STATE.glob("*/bed.json")):
        left = "" if in_use(bed) else "left by a dead run"
        for node in Testbed(bed).nodes():
            state = "running" if node.running() else "off"
            addresses = " ".join(one.address for one in node.record.interfaces)
            rows.append((bed, node.name, state, addresses, left))
    if options.json:
        names = ("bed", "node", "state", "addresses", "remark")
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
        return OK
    for bed, name, state, addresses, left in rows:
        print(f"{bed:12} {name:16} {state:8} {addresses:24} {left}".rstrip())
    return OK


def _logs(options: argparse.Namespace) -> int:
    node = Testbed(options.bed).node(options.node)
    print(node.console() if options.console else node.journal(*options.argv), end="")
    return OK


def _destroy(options: argparse.Namespace) -> int:
    testbed = Testbed(options.bed)
    for name in options.node:
        testbed.destroy(name)
    if not testbed.nodes():
        testbed.destroy_all()
    return OK


def _clean(options: argparse.Namespace) -> int:
    removed = sweep.clean(everything=options.all)
    print(f"testbed: removed: {', '.join(removed) or 'nothing'}", file=sys.stderr)
    kept = sorted({path.parent.name for path in STATE.glob("*/bed.json")})
    if kept:
        hint = "python3 -m testbed clean --all removes them too"
        print(f"testbed: in use, kept: {', '.join(kept)} ({hint})", file=sys.stderr)
    return OK


def _fetch(options: argparse.Namespace) -> int:
    archive.supply(options.package, repository=options.repository)
    return OK


def _refresh(options: argparse.Namespace) -> int:
    del options
    ensure_lists(ensure_base(), refresh=True)
    return OK


Verb = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; each verb sets `verb` to its function."""
    top = argparse.ArgumentParser(
        prog="python3 -m testbed",
        description="Debian 13 machines for tests, on private networks, without a trace left.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--bed", default="default", help="the testbed that nodes belong to (default)")
    top.add_argument("-v", "--verbose", action="store_true", help="tell every command that is run")
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: Verb, text: str, *, node: bool = True) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(verb=verb)
        if node:
            made.add_argument("node", help="the node's name")
        return made

    _add_create(add("create", _create, "make a node, switched off"))
    add("boot", _boot, "switch a node on and wait until it is up")
    add("shutdown", _shutdown, "switch a node off in order")
    add("reboot", _reboot, "switch a node off in order and on again")
    add("kill", _kill, "cut a node's power")
    made = add("run", _run, "run a command in a node; its exit code is ours")
    made.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND…")
    add("shell", _shell, "a root shell in a node")
    made = add("copy-in", _copy_in, "copy a file or folder into a node")
    made.add_argument("source")
    made.add_argument("target", help="the path it has in the node")
    made = add("copy-out", _copy_out, "copy a file or folder out of a node")
    made.add_argument("source")
    made.add_argument("target", help="the path it gets on the host")
    made = add("snapshot", _snapshot, "save a switched-off node as a stage")
    made.add_argument("stage", help="the stage's name; one of that name is replaced")
    made = add("stages", _stages, "list stages, or remove some", node=False)
    made.add_argument("--remove", action="append", default=[], metavar="STAGE")
    made = add("list", _list, "list nodes of all testbeds", node=False)
    made.add_argument("--json", action="store_true")
    made = add("logs", _logs, "the journal of a node, running or not")
    made.add_argument("--console", action="store_true", help="what its console shows instead")
    made.add_argument("argv", nargs=argparse.REMAINDER, metavar="OPTIONS", help="of journalctl")
    made = add("destroy", _destroy, "remove nodes", node=False)
    made.add_argument("node", nargs="+")
    made = add("clean", _clean, "remove what killed runs have left", node=False)
    made.add_argument("--all", action="store_true", help="remove everything, in use or not")
    made = add("fetch", _fetch, "fetch packages for nodes to install", node=False)
    made.add_argument("--repository", type=Path)
    made.add_argument("package", nargs="+")
    add("refresh", _refresh, "fetch apt's package lists anew", node=False)
    return top


def _add_create(create: argparse.ArgumentParser) -> None:
    create.add_argument("--stage", help="make it from this stage instead of the bare base")
    create.add_argument("--network", action="append", help="a network it is on (repeatable)")
    create.add_argument(
        "--bind", action="append", default=[], metavar="SOURCE:TARGET[:rw]", help="show it a folder"
    )
    create.add_argument("--repository", type=Path, help="an apt repository, such as build/repo")
    create.add_argument(
        "--package", action="append", default=[], help="what will be installed in it (repeatable)"
    )
    create.add_argument("--durable", action="store_true", help="its writes reach the disk: slower")
    create.add_argument("--boot", action="store_true", help="switch it on, too")


def _on_signal(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` and return its exit code."""
    options = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if options.verbose else logging.INFO,
        format="testbed: %(message)s",
        stream=sys.stderr,
    )
    for number in (signal.SIGTERM, signal.SIGHUP):  # so that what is half made is taken away
        signal.signal(number, _on_signal)
    verb: Verb = options.verb

    def work() -> int:
        require_root()
        return verb(options)

    return run_main(PROGRAM, work)
