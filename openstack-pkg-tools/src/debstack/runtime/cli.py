# SPDX-License-Identifier: Apache-2.0
"""The program debstack: its arguments. What a command needs is imported when it is run."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta

from debstack.base.main import run_main

PROGRAM = "debstack"
#: A year: longer, and it is no secret any more.
_MOST_HOURS = 8760

_EPILOG = """\
exit codes: 0 done or in order, 1 a bug, 2 wrong usage, 3 something failed or is not in order.
The answers are in /etc/debstack/site.preseed, the passwords in /etc/debstack/secrets.preseed.
"""


def _json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _dpkg_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--dpkg", action="store_true", help="called by a maintainer script: take debconf's answers"
    )


def _hours(text: str) -> timedelta:
    """Return the time that the argument --valid says. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(
            f'expected a number of hours from 1 to {_MOST_HOURS}, found "{text}"'
        )
    return timedelta(hours=int(text))


def _add_runs(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    plan = commands.add_parser("plan", help="print what apply would do; change nothing")
    _json_option(plan)
    apply = commands.add_parser("apply", help="make this machine as its packages declare")
    apply.add_argument("--dry-run", action="store_true", help="the same as: debstack plan")
    apply.add_argument("-q", "--quiet", action="store_true", help="only errors and the last line")
    apply.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        default=os.environ.get("DEBSTACK_WAIT") or None,
        help="how long to wait for servers (default: $DEBSTACK_WAIT, else 60)",
    )
    _dpkg_option(apply)
    status = commands.add_parser("status", help="compare what is declared with what is")
    _json_option(status)
    doctor = commands.add_parser("doctor", help="look for what is wrong or unwise, with the repair")
    _json_option(doctor)
    prepare = commands.add_parser(
        "prepare", help="configure servers that are unpacked but not started yet"
    )
    _dpkg_option(prepare)
    export = commands.add_parser(
        "export", help="print the preseed file by which another machine joins this cloud"
    )
    export.add_argument(
        "--role",
        default="",
        help="what it is to be, for example compute (default: only what all machines share)",
    )
    export.add_argument(
        "--region", default="", metavar="NAME", help="with --role region: how that is to be called"
    )
    export.add_argument(
        "--cell",
        default="",
        metavar="NAME",
        help="with --role cell: how that is to be called; with --role compute: which one it joins",
    )
    export.add_argument(
        "--host",
        default="",
        metavar="ADDRESS",
        help="with --role cell: its management address (else it shows when that joins)",
    )
    export.add_argument("--output", default="", metavar="FILE", help="write it there, 0600")
    export.add_argument(
        "--node", metavar="NAME", help="for that machine alone, with RabbitMQ users of its own"
    )
    export.add_argument(
        "--new-passwords", action="store_true", help="new ones for the RabbitMQ users of --node"
    )
    export.add_argument(
        "--valid",
        type=_hours,
        default="24",
        metavar="HOURS",
        help="how long it may get its certificate by this file (default: %(default)s)",
    )
    renew = commands.add_parser(
        "renew", help="renew the certificate of this machine if it ends soon (a timer does so)"
    )
    renew.add_argument("--force", action="store_true", help="whenever it ends")
    renew.add_argument("-q", "--quiet", action="store_true", help="only errors and the last line")
    commands.add_parser("sign", help="answer a request for a certificate (by debstack-sign.socket)")
    commands.add_parser(
        "await-cells", help="map cells whose machines have come (by debstack-cells.path)"
    )
    _add_nodes(commands)
    demo = commands.add_parser(
        "demo", help="make what a first virtual machine needs: networks, image, flavor, key, rules"
    )
    demo.add_argument("--remove", action="store_true", help="take all of it away again")
    demo.add_argument("--dry-run", action="store_true", help="print what would be done")
    demo.add_argument(
        "--external-range",
        metavar="CIDR",
        default="172.24.4.0/24",
        help="the range of the floating IPs, behind NAT on this machine (default: %(default)s)",
    )
    keep = commands.add_parser("keep", help="note what purging a package has to know (by prerm)")
    keep.add_argument("binary", help="the package, before it is removed")
    purge = commands.add_parser("purge", help="remove what a purged package left (used by postrm)")
    purge.add_argument("binary", help="the package")
    purge.add_argument(
        "--data", action="store_true", help="delete databases, catalogue entries and files too"
    )


def _add_nodes(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    nodes = commands.add_parser("nodes", help="list the machines of this cloud: up, down or gone")
    _json_option(nodes)
    drain = commands.add_parser("drain", help="empty a compute node: move its servers to others")
    drain.add_argument("node", help="its name, as debstack nodes tells it")
    drain.add_argument("--undo", action="store_true", help="let it take servers again")
    drain.add_argument("--dry-run", action="store_true", help="print what would be done")
    drain.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        default=1800.0,
        help="how long its servers may take to move (default: %(default)g)",
    )
    forget = commands.add_parser("forget", help="remove the records of a machine that is gone")
    whom = forget.add_mutually_exclusive_group(required=True)
    whom.add_argument("node", nargs="?", help="its name, as debstack nodes tells it")
    whom.add_argument(
        "--left", action="store_true", help="every compute node that left by itself (by a timer)"
    )
    whom.add_argument("--cell", metavar="NAME", help="a cell that has no machines any more")
    forget.add_argument("--dry-run", action="store_true", help="print what would be done")


def _add_rings(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    rings = commands.add_parser("rings", help="show and change where the object storage keeps what")
    verbs = rings.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="print the rings that this machine has")
    _json_option(show)
    verbs.add_parser("plan", help="print how the rings would change; change nothing")
    made = {
        "add": ("use devices", "a device, such as r1z2-192.0.2.11/sdb=100"),
        "remove": ("give devices up", "a device, such as 192.0.2.11/sdb"),
        "drain": ("move everything off devices", "a device, such as 192.0.2.11/sdb"),
        "set-weight": ("keep more or less on a device", "a device, such as 192.0.2.11/sdb"),
    }
    parsers = []
    for verb, (summary, device) in made.items():
        parser = verbs.add_parser(verb, help=summary)
        one = verb == "set-weight"
        parser.add_argument("device", nargs=1 if one else "+", metavar="DEVICE", help=device)
        if one:
            parser.add_argument("weight", metavar="WEIGHT", help="from 0, for nothing, to 99999")
        parsers.append(parser)
    parsers.append(verbs.add_parser("rebalance", help="make the rings as answered, or fetch them"))
    for parser in parsers:
        parser.add_argument("--dry-run", action="store_true", help="print what would be done")
        parser.add_argument(
            "--limit", type=int, metavar="PERCENT", help="let so much of what is stored move"
        )


def _add_answers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    answers = commands.add_parser("answers", help="show and change the answers of this machine")
    verbs = answers.add_subparsers(dest="verb", metavar="VERB", required=True)
    show = verbs.add_parser("show", help="print every question with the answer in effect")
    _json_option(show)
    get = verbs.add_parser("get", help="print the answer in effect to one question")
    get.add_argument("name", help="the question, for example openstack/region")
    change = verbs.add_parser("set", help="answer a question; then run: debstack apply")
    change.add_argument("name", help="the question, for example openstack/region")
    change.add_argument("value", help="the answer; an empty one means the default")
    export = verbs.add_parser("export", help="print a preseed file for another machine")
    export.add_argument("--all", action="store_true", help="with the defaults in effect")
    export.add_argument("--secrets", action="store_true", help="with the passwords")


def _add_secrets(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    secrets = commands.add_parser("secrets", help="list, show, set and rotate passwords")
    verbs = secrets.add_subparsers(dest="verb", metavar="VERB", required=True)
    listing = verbs.add_parser("list", help="print the names of the passwords of this machine")
    _json_option(listing)
    show = verbs.add_parser("show", help="print a password")
    show.add_argument("name", help="for example openstack/admin-password")
    change = verbs.add_parser("set", help="read a password from standard input")
    change.add_argument("name", help="for example openstack/admin-password")
    rotate = verbs.add_parser("rotate", help="make new passwords; then run: debstack apply")
    rotate.add_argument("name", nargs="+", help="for example glance/service-password")


def _add_preseed(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    preseed = commands.add_parser("preseed", help="check a preseed file, or make ours of another")
    verbs = preseed.add_subparsers(dest="verb", metavar="VERB", required=True)
    check = verbs.add_parser("check", help="tell everything that is wrong with a preseed file")
    check.add_argument("file", metavar="FILE", help="the file; - for standard input")
    _json_option(check)
    convert = verbs.add_parser(
        "convert", help="turn a preseed file for Debian's own packages into one for these"
    )
    convert.add_argument("file", metavar="FILE", help="the file; - for standard input")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all arguments."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Configure the OpenStack services of this machine as their packages declare.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-v", "--verbose", action="count", default=0, help="tell more; twice: all")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_runs(commands)
    _add_rings(commands)
    _add_answers(commands)
    _add_secrets(commands)
    _add_preseed(commands)
    return parser


def _apply(arguments: argparse.Namespace) -> int:
    if arguments.dry_run:
        from debstack.runtime import plan

        return plan.plan()
    from debstack.runtime import apply

    wait_s = apply.WAIT_S if arguments.wait is None else arguments.wait
    return apply.apply(in_dpkg=arguments.dpkg, quiet=arguments.quiet, wait_s=wait_s)


def _prepare(arguments: argparse.Namespace) -> int:
    from debstack.runtime import apply

    return apply.prepare(in_dpkg=arguments.dpkg)


def _plan(arguments: argparse.Namespace) -> int:
    from debstack.runtime import plan

    return plan.plan(as_json=arguments.json)


def _status(arguments: argparse.Namespace) -> int:
    from debstack.runtime import plan

    return plan.status(as_json=arguments.json)


def _doctor(arguments: argparse.Namespace) -> int:
    from debstack.runtime import doctor

    return doctor.doctor(as_json=arguments.json)


def _export(arguments: argparse.Namespace) -> int:
    from debstack.runtime import export, export_cell, export_region
    from debstack.spec.vocabulary import CELL_ROLE, REGION_ROLE

    export_cell.check_options(
        arguments.role, cell=arguments.cell, host=arguments.host, region=arguments.region
    )
    told = {"output": arguments.output, "node": arguments.node, "valid": arguments.valid}
    if arguments.role == CELL_ROLE:
        return export_cell.export_cell(arguments.cell, host=arguments.host, **told)
    renew = arguments.new_passwords
    if arguments.cell:
        return export_cell.export_in_cell(arguments.role, arguments.cell, renew=renew, **told)
    if arguments.role == REGION_ROLE:
        return export_region.export_region(arguments.region, **told)
    return export.export(arguments.role, region=arguments.region, renew=renew, **told)


def _renew(arguments: argparse.Namespace) -> int:
    from debstack.runtime import renew

    return renew.renew(force=arguments.force, quiet=arguments.quiet)


def _sign(_: argparse.Namespace) -> int:
    from debstack.runtime.tls import service

    return service.sign()


def _await_cells(_: argparse.Namespace) -> int:
    from debstack.runtime.cells.command import await_cells

    return await_cells()


def _demo(arguments: argparse.Namespace) -> int:
    from debstack.runtime.demo import command

    return command.demo(
        remove=arguments.remove,
        dry_run=arguments.dry_run,
        external_range=arguments.external_range,
    )


def _nodes(arguments: argparse.Namespace) -> int:
    from debstack.runtime.nodes import command

    return command.nodes(as_json=arguments.json)


def _drain(arguments: argparse.Namespace) -> int:
    from debstack.runtime.nodes import command

    return command.drain(
        arguments.node, undo=arguments.undo, dry_run=arguments.dry_run, wait_s=arguments.wait
    )


def _forget(arguments: argparse.Namespace) -> int:
    from debstack.runtime.nodes import command

    if arguments.cell is not None:
        from debstack.runtime.cells.command import forget_cell

        return forget_cell(arguments.cell, dry_run=arguments.dry_run)
    if arguments.left:
        return command.forget_left(dry_run=arguments.dry_run)
    return command.forget(arguments.node, dry_run=arguments.dry_run)


def _rings(arguments: argparse.Namespace) -> int:
    from debstack.runtime.rings import command

    match arguments.verb:
        case "show":
            return command.show(as_json=arguments.json)
        case "plan":
            return command.rebalance(limit=None, dry_run=True)
        case "rebalance":
            return command.rebalance(limit=arguments.limit, dry_run=arguments.dry_run)
    texts = list(arguments.device)
    texts += [arguments.weight] if arguments.verb == "set-weight" else []
    return command.change(arguments.verb, texts, limit=arguments.limit, dry_run=arguments.dry_run)


def _keep(arguments: argparse.Namespace) -> int:
    from debstack.runtime import keep

    return keep.keep(arguments.binary)


def _purge(arguments: argparse.Namespace) -> int:
    from debstack.runtime import purge

    return purge.purge(arguments.binary, data=arguments.data)


def _answers(arguments: argparse.Namespace) -> int:
    from debstack.runtime import answers_command

    match arguments.verb:
        case "show":
            return answers_command.show(as_json=arguments.json)
        case "get":
            return answers_command.get(arguments.name)
        case "set":
            return answers_command.change(arguments.name, arguments.value)
    return answers_command.export(everything=arguments.all, secrets=arguments.secrets)


def _secrets(arguments: argparse.Namespace) -> int:
    from debstack.runtime import secrets_command

    match arguments.verb:
        case "list":
            return secrets_command.listing(as_json=arguments.json)
        case "show":
            return secrets_command.show(arguments.name)
        case "set":
            return secrets_command.change(arguments.name)
    return secrets_command.rotate(arguments.name)


def _preseed(arguments: argparse.Namespace) -> int:
    if arguments.verb == "check":
        from debstack.runtime.preseeds import check_command

        return check_command.preseed_check(arguments.file, as_json=arguments.json)
    from debstack.runtime.preseeds import convert_command

    return convert_command.preseed_convert(arguments.file)


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "plan": _plan,
    "apply": _apply,
    "status": _status,
    "doctor": _doctor,
    "export": _export,
    "renew": _renew,
    "sign": _sign,
    "await-cells": _await_cells,
    "nodes": _nodes,
    "drain": _drain,
    "forget": _forget,
    "rings": _rings,
    "demo": _demo,
    "prepare": _prepare,
    "keep": _keep,
    "purge": _purge,
    "answers": _answers,
    "secrets": _secrets,
    "preseed": _preseed,
}


class _LowerCase(logging.Formatter):
    """`debstack: warning: …`, on a line of its own even where a live line is shown."""

    def format(self, record: logging.LogRecord) -> str:
        clear = "\r\x1b[K" if sys.stderr.isatty() else ""
        return f"{clear}{PROGRAM}: {record.levelname.lower()}: {super().format(record)}"


def _set_up_logging(verbosity: int) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(_LowerCase("%(message)s"))
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)
    ours = logging.getLogger("debstack")
    ours.addHandler(handler)
    ours.setLevel(level)


def _set_up_streams() -> None:
    # Whatever the locale: a password or a path of any letters must not end in a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def main(argv: Sequence[str] | None = None) -> int:
    """Run debstack with `argv` (the process's own if None) and return its exit code."""
    arguments = build_parser().parse_args(argv)
    _set_up_streams()
    _set_up_logging(arguments.verbose)
    return run_main(PROGRAM, lambda: COMMANDS[arguments.command](arguments))


if __name__ == "__main__":
    sys.exit(main())
