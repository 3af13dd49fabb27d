# SPDX-License-Identifier: Apache-2.0
"""The files in /etc/ceph by which the daemons of a source find Ceph, and log in.

They are called after the system user: Ceph's own names are the administrator's, and two services
with one user of Ceph's each get a key ring that the other one cannot read.
"""

from __future__ import annotations

from pathlib import Path

from debstack.base.secret import Secret
from debstack.runtime.ceph.answered import Ceph
from debstack.runtime.files import WantedFile, read_text

FOLDER = "/etc/ceph"
#: How each file of ours begins; postrm looks for it too.
MADE = "# Made by debstack"
_REST = """\
 from the answers openstack/ceph-* in /etc/debstack.
# It is overwritten: do not edit it. To change an answer: debstack answers set QUESTION VALUE,
# then: debstack apply
"""


def conf_path(user: str) -> str:
    """Return the path of the configuration for the system user `user`."""
    return f"{FOLDER}/{user}.conf"


def keyring_path(user: str, ceph_user: str) -> str:
    """Return the path of the key ring; os-brick looks there if the cluster is called `user`."""
    return f"{FOLDER}/{user}.client.{ceph_user}.keyring"


def wanted(root: Path, user: str, ceph: Ceph) -> list[WantedFile]:
    """Return the files as they are to be."""
    keyring = keyring_path(user, ceph.user)
    texts = {
        conf_path(user): f"{MADE}{_REST}[global]\nmon_host = {','.join(ceph.monitors)}\n"
        f"\n[client]\nkeyring = {keyring}\n",
        keyring: Secret(f"{MADE}{_REST}[client.{ceph.user}]\nkey = {ceph.key}\n"),
    }
    return [
        WantedFile(path=root / path.lstrip("/"), content=text, mode=0o640, group=user)
        for path, text in texts.items()
    ]


def written(root: Path, user: str) -> list[Path]:
    """Return the files of that kind that are there, of whoever."""
    folder = root / FOLDER.lstrip("/")
    names = [f"{user}.conf", f"{user}.client.*.keyring"]
    return sorted(path for name in names for path in folder.glob(name))


def is_ours(path: Path) -> bool:
    """Say whether the file `path` may be written: it is not there, or made by debstack."""
    text = read_text(path)
    return text is None or text.startswith(MADE)
