# SPDX-License-Identifier: Apache-2.0
"""A cloud on a node of the testbed: made of our packages by apt-get alone, and proven to work."""

from __future__ import annotations

import hashlib
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from invoke.context import Context
from invoke.tasks import task

from cloudtest import several, virtual
from cloudtest.acting import openstack, openstack_json
from debstack.base.errors import CommandError, DebstackError
from debstack.base.run import replace_process
from pipeline.image import build_image
from pipeline.repo import build_repository
from pipeline.tree import BUILD
from tasks.program import expected_failures
from testbed.bed import Testbed
from testbed.node import Node
from testbed.places import STATE

BED = "cloud"
NODE = "controller"
METAPACKAGE = "openstack-all-in-one"
IMAGE = "debian-trixie-amd64"
#: Not compressed, so that what comes back is as large as what a disk of a server is made of.
_IMAGE_OPTIONS = ("--quiet", "--name", IMAGE, "--compression", "none")
#: Apart from what make image leaves, which is compressed.
_IMAGE_FOLDER = BUILD / "cloud"
IMAGE_LEAST_BYTES = 300_000_000
#: Types of services that a whole cloud has.
SERVICES = frozenset({"block-storage", "compute", "identity", "image", "network", "placement"})
SERVER = "proof"
_INSTALL_TIMEOUT_S = 1800.0
_TRANSFER_TIMEOUT_S = 600.0
_SERVER_TIMEOUT_S = 300.0
_TAIL_LINES = 25


@dataclass(slots=True)
class Report:
    """What was proven, and the seconds that each part took."""

    proofs: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, title: str) -> Iterator[None]:
        """Measure a part, and tell on standard error when it is done."""
        print(f"cloud: {title} …", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            yield
        finally:
            self.seconds[title] = time.monotonic() - begin

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        proofs = [f"  {name:12} {text}" for name, text in self.proofs.items()]
        times = [f"  {seconds:7.1f} s  {title}" for title, seconds in self.seconds.items()]
        total = f"  {sum(self.seconds.values()):7.1f} s  in all"
        return ["proven:", *proofs, "", "time:", *times, total]


def install(node: Node, *packages: str, log_path: Path | None = None) -> str:
    """Install `packages` in `node` unattended; return the output, which goes to `log_path` too.

    Raises CommandError with its end where apt-get fails.
    """
    argv = ["apt-get", "install", "-y", *packages]
    done = node.run(
        ["sh", "-c", 'exec "$@" 2>&1', "sh", *argv],
        env={"DEBIAN_FRONTEND": "noninteractive"},
        timeout_s=_INSTALL_TIMEOUT_S,
        check=False,
    )
    if log_path is not None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        log_path.write_text(done.stdout, encoding="utf-8")
    if done.code != 0:
        raise CommandError(
            argv,
            done.code,
            done.stdout.strip().splitlines()[-_TAIL_LINES:],
            reason=f"node {node.name}: {shlex.join(argv)}: exit code {done.code}",
            hint=None if log_path is None else f"the whole output: {log_path}",
        )
    return done.stdout


def prove_token(node: Node) -> str:
    """Get a token from Keystone; return what it is good for."""
    token = openstack_json(node, "token", "issue")
    return f"from Keystone, for project {token['project_id']}, until {token['expires']}"


def prove_catalogue(node: Node) -> str:
    """Read the catalogue; return its services with their public URLs. All must be in it."""
    entries = openstack_json(node, "catalog", "list")
    urls = {
        entry["Type"]: next(e["url"] for e in entry["Endpoints"] if e["interface"] == "public")
        for entry in entries
    }
    missing = SERVICES - set(urls)
    if missing:
        raise DebstackError(
            f"catalogue: expected {sorted(SERVICES)}, found {sorted(urls)}",
            hint=f"run: {exec_line('debstack status')}",
        )
    return ", ".join(f"{kind} at {url}" for kind, url in sorted(urls.items()))


def prove_image(node: Node, folder: Path, *, least_bytes: int = IMAGE_LEAST_BYTES) -> str:
    """Upload the image in `folder` to Glance, download it, compare; it stays there for servers.

    Raises DebstackError where it differs, or is smaller than a proof takes.
    """
    original, copy = f"/var/tmp/{IMAGE}.qcow2", f"/var/tmp/{IMAGE}.copy"  # noqa: S108 - in the node
    image = folder / f"{IMAGE}.qcow2"
    size = image.stat().st_size
    if size < least_bytes:
        raise DebstackError(f"{image}: expected at least {least_bytes} bytes, found {size}")
    with image.open("rb") as stream:
        wanted = hashlib.file_digest(stream, "sha256").hexdigest()
    told = (folder / f"{IMAGE}.properties").read_text(encoding="utf-8").splitlines()
    properties = [word for line in told for word in ("--property", line)]
    node.copy_in(image, original)
    try:
        begin = time.monotonic()
        create = ["image", "create", "--file", original, "--disk-format", "qcow2", "--public"]
        create += ["--container-format", "bare", *properties, IMAGE]
        made = openstack_json(node, *create, timeout_s=_TRANSFER_TIMEOUT_S)
        uploaded = time.monotonic()
        save = ["image", "save", "--file", copy, made["id"]]
        openstack(node, *save, timeout_s=_TRANSFER_TIMEOUT_S)
        downloaded = time.monotonic()
        found = node.run(["sh", "-c", 'sha256sum <"$1" | cut -d" " -f1', "sh", copy]).stdout.strip()
        shown = openstack_json(node, "image", "show", made["id"])
    finally:
        node.run(["rm", "-f", original, copy])
    if found != wanted or shown["size"] != size or shown["status"] != "active":
        raise DebstackError(
            f"image: uploaded {size} bytes with sha256 {wanted}, downloaded sha256 {found}; "
            f"Glance has {shown['size']} bytes, {shown['status']}",
            hint=f"run: {exec_line('journalctl -u glance-api')}",
        )
    return (
        f"{IMAGE}, {size / 1e6:.0f} MB, uploaded to Glance in {uploaded - begin:.1f} s, downloaded "
        f"in {downloaded - uploaded:.1f} s, bit for bit (sha256 {wanted[:16]}…)"
    )


def _prove_all(node: Node, report: Report, proxy: Node | None = None) -> None:
    """Make what a first server needs, start one, and prove that all of it works.

    Its floating IP leads through `proxy`, where that is another node.
    """
    # First, so that the cloud has no image yet.
    with report.timed("debstack demo"):
        node.run(["debstack", "demo"], timeout_s=_SERVER_TIMEOUT_S)
        if proxy is not None:
            several.lead_outside(node, proxy)
    with report.timed("token"):
        report.proofs["token"] = prove_token(node)
    with report.timed("catalogue"):
        report.proofs["catalogue"] = prove_catalogue(node)
    with report.timed("build an image with build-openstack-debian-image"):
        build_image(_IMAGE_FOLDER, _IMAGE_OPTIONS)
    with report.timed("image"):
        report.proofs["image"] = prove_image(node, _IMAGE_FOLDER)
    with report.timed("server to ACTIVE, floating IP"):
        address = virtual.make_server(node, SERVER)
    with report.timed("login"):
        report.proofs["login"] = virtual.prove_login(node, address)
    with report.timed("metadata and console"):
        report.proofs["metadata"] = virtual.prove_metadata(node, address)
        report.proofs["console"] = virtual.prove_console(node, SERVER)


def make_several(
    repository: Path, wanted: Sequence[several.Planned], *, bed: Testbed, report: Report
) -> Node:
    """Install the first of the `wanted` nodes, let the others join it, and prove it works."""
    packages = sorted({name for one in wanted for name in one.metapackages})
    with report.timed("fetch what the packages need, make and boot the nodes"):
        nodes = [
            bed.create(
                one.name, packages=packages, repository=repository, networks=several.NETWORKS
            )
            for one in wanted
        ]
        for node in nodes:
            several.lay_tunnels(node)
            node.boot()
    (first, *others), (controller, *_) = wanted, nodes
    proxies = [n for one, n in zip(others, nodes[1:], strict=True) if several.PROXY in one.roles]
    proxy = proxies[0] if proxies and several.PROXY not in first.roles else None
    if proxy is not None:
        several.choose_face(controller, proxy)
    with report.timed(f"{first.name}: apt-get install {' '.join(first.metapackages)}"):
        log_path = BUILD / "logs" / "cloud-install.log"
        install(controller, *first.metapackages, log_path=log_path)
    for one, node in zip(others, nodes[1:], strict=True):
        with report.timed(f"{one.name}: debstack export, apt-get install"):
            several.join(controller, node, one.roles)
    computes = [one.name for one in wanted if "compute" in one.roles]
    with report.timed("compute nodes up"):
        several.await_hypervisors(controller, computes)
    _prove_all(controller, report, proxy)
    with report.timed("a server on each compute node"):
        report.proofs["nodes"] = several.prove_nodes(controller, computes)
    return controller


def make_cloud(repository: Path, *, bed: Testbed, report: Report) -> Node:
    """Boot a node of `bed`, install the controller from `repository` in it, and prove it works."""
    with report.timed("fetch what the packages need, make the node"):
        node = bed.create(NODE, packages=[METAPACKAGE], repository=repository)
    with report.timed("boot it"):
        node.boot()
    with report.timed(f"apt-get install {METAPACKAGE}"):
        install(node, METAPACKAGE, log_path=BUILD / "logs" / "cloud-install.log")
    _prove_all(node, report)
    return node


def exec_line(command: str) -> str:
    """Return the line by which a person runs `command` in the cloud."""
    return f"make cloud-exec CMD={shlex.quote(command)}"


def enter(node: Node, command: str) -> NoReturn:
    """Become the shell line `command` in `node`; on a terminal it has one of the node's own."""
    argv = ["sh", "-c", f"cd; {command}"]
    if sys.stdin.isatty():
        argv = ["script", "--quiet", "--return", "--command", shlex.join(argv), "/dev/null"]
    replace_process(node.spawn_argv(argv))


@task(default=True, help={"nodes": f"several nodes, such as {several.EXAMPLE}"})
@expected_failures
def up(_: Context, nodes: str = "") -> None:
    """Build the packages, install a cloud from them on a fresh node, prove that it works."""
    wanted = several.planned(nodes) if nodes else []
    report = Report()
    with report.timed("build the packages and the repository"):
        repository = build_repository()
    bed = Testbed(BED)
    bed.destroy_all()  # that of the run before
    if wanted:
        node = make_several(repository, wanted, bed=bed, report=report)
    else:
        node = make_cloud(repository, bed=bed, report=report)
    print(f"\nA cloud runs on node {node.name}, {node.address}.\n")
    print("\n".join(report.lines()))
    print(f"\nlook around:  {exec_line('openstack --os-cloud admin image list')}")
    print(f"a shell:      {exec_line('bash')}")
    print("remove it:    make cloud-clean")


@task(name="exec", help={"command": "a shell line", "node": "which node"})
@expected_failures
def run_command(_: Context, command: str, node: str = NODE) -> None:
    """Run a command on a node of the cloud."""
    if not command:
        raise DebstackError(
            "which command?", hint=exec_line("openstack --os-cloud admin image list")
        )
    if not (STATE / BED).is_dir():
        raise DebstackError("there is no cloud", hint="make one: make cloud")
    enter(Testbed(BED).node(node), command)


@task
@expected_failures
def clean(_: Context) -> None:
    """Remove the cloud with all its nodes."""
    Testbed(BED).destroy_all()
