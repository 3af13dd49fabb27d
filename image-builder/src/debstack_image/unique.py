# SPDX-License-Identifier: Apache-2.0
"""What packages make for one machine when they are installed: each gets its own when it starts.

Else all machines of an image would be one initiator to a storage server, and share a private key.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debstack_image import tree

_UNIT = """\
[Unit]
Description=Make what only this machine may have: {description}
DefaultDependencies=no
Conflicts=shutdown.target
After=local-fs.target
Before=sysinit.target shutdown.target
ConditionFileIsExecutable={program}

[Service]
Type=oneshot
RemainAfterExit=yes
Environment=DEBIAN_FRONTEND=noninteractive
ExecStart={program} {arguments}

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """One such thing: the file that tells that it is there, and what makes it where it is not."""

    name: str
    description: str
    file: str
    #: What the file has until then; nothing: there is none.
    instead: str
    #: Files that go with it.
    more: tuple[str, ...]
    program: str
    arguments: str


_KNOWN = (
    Unique(
        name="iscsi-name",
        description="its name as an iSCSI initiator",
        file="etc/iscsi/initiatorname.iscsi",
        # The package's own word for it, which its daemon understands too.
        instead="GenerateName=yes\n",
        more=(),
        program="/usr/lib/open-iscsi/startup-checks.sh",
        arguments="",
    ),
    Unique(
        name="snakeoil",
        description="a certificate for tests, and its key",
        file="etc/ssl/private/ssl-cert-snakeoil.key",
        instead="",
        more=("etc/ssl/certs/ssl-cert-snakeoil.pem",),
        program="/usr/sbin/make-ssl-cert",
        arguments="generate-default-snakeoil",
    ),
)


def make_unique(root: Path) -> None:
    """Take these out of the tree, and let each machine make its own when it first starts."""
    for known in _KNOWN:
        file = root / known.file
        if not file.exists():
            continue
        if known.instead:
            file.write_text(known.instead, encoding="utf-8")
        else:
            file.unlink()
        for path in (root / name for name in known.more):
            _unlink_with_links(path)
        unit = f"image-{known.name}.service"
        text = _UNIT.format(
            description=known.description, program=known.program, arguments=known.arguments
        ).replace(" \n", "\n")
        tree.write(root, f"/etc/systemd/system/{unit}", text)
        tree.link(root, f"/etc/systemd/system/sysinit.target.wants/{unit}", f"../{unit}")


def _unlink_with_links(path: Path) -> None:
    """Remove a file, and the links to it beside it, by which certificates are found."""
    for other in path.parent.iterdir():
        if other.is_symlink() and other.readlink().name == path.name:
            other.unlink()
    path.unlink(missing_ok=True)
