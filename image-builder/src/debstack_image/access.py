# SPDX-License-Identifier: Apache-2.0
"""Who may log in to the machine, and how."""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack_image import tree
from debstack_image.chroot import Chroot
from debstack_image.identity import Identity
from debstack_image.settings import Settings

#: The forms of crypt(5), whole: what only begins like one is a password.
_HASHED = re.compile(
    r"\$(?:y|gy)\$[./A-Za-z0-9]+\$[./A-Za-z0-9]*\$[./A-Za-z0-9]{43}"
    r"|\$7\$[./A-Za-z0-9]{11}[^$:\s]*\$[./A-Za-z0-9]{43}"
    r"|\$6\$(?:rounds=\d+\$)?[^$:\s]*\$[./A-Za-z0-9]{86}"
    r"|\$5\$(?:rounds=\d+\$)?[^$:\s]*\$[./A-Za-z0-9]{43}"
    r"|\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}"
    r"|\$1\$[^$:\s]*\$[./A-Za-z0-9]{22}"
)
#: What hashes begin with. Nobody means as a password what was cut off while it was copied.
_HASH_BEGUN = re.compile(r"\$(?:y|gy|7|6|5|2[abxy]|1)\$")
#: In front of the key may be options, whose values may have blanks between quotation marks.
_KEY = re.compile(
    r"(?:[a-z](?:[^\s\"]|\"(?:[^\"\\]|\\.)*\")*\s+)?"
    r"(?:ssh-(?:ed25519|rsa|dss)|ecdsa-sha2-nistp\d+|sk-(?:ssh|ecdsa)-\S+)"
    r"\s+[A-Za-z0-9+/]+=*(?:\s.*)?"
)
#: yescrypt with its usual cost, as passwd in every supported release makes and reads it.
_YESCRYPT = "$y$j9T$"
#: The ids of users who are persons (Debian Policy, 9.2.2).
_PERSONS = range(1000, 60000)
_SSHD = "/etc/ssh/sshd_config.d/60-image.conf"


def read_password(option: str, path: Path) -> Secret:
    """Return the password or hash in the first line of a file. Raises DebstackError."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise DebstackError(
            f"{option}: expected a password in the first line of {path}, found none"
        )
    if "\0" in lines[0]:
        raise DebstackError(f"{option}: the password in {path} has a character that none may have")
    if _HASH_BEGUN.match(lines[0]) and not _HASHED.fullmatch(lines[0]):
        raise DebstackError(
            f"{option}: {path}: begins like a hash of crypt(5), and is not a whole one",
            hint="give all of the hash; a password that begins so is given as its hash (mkpasswd)",
        )
    return Secret(lines[0])


def read_keys(option: str, path: Path) -> list[str]:
    """Return the public keys in a file, one a line. Raises DebstackError."""
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [line for line in lines if line and not line.startswith("#")]
    wrong = [line for line in keys if not _KEY.fullmatch(line)]
    if wrong or not keys:
        found = f'"{wrong[0][:30]}…"' if wrong else "none"
        raise DebstackError(f"{option}: {path}: expected public keys of ssh, found {found}")
    return keys


def hashed(password: str, salt: str) -> str:
    """Return the crypt(5) hash of a password; one that is a hash already is returned as it is.

    libcrypt is called, so that the password is in no command's arguments.
    """
    if _HASHED.fullmatch(password):
        return password
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    made = library.crypt(password.encode(), (_YESCRYPT + salt).encode())
    if not made or made.startswith(b"*"):
        raise DebstackError("password: the system's crypt cannot hash it")
    return str(made.decode("ascii"))


def _set_password(chroot: Chroot, user: str, password: Secret, identity: Identity) -> None:
    value = hashed(password, identity.salt(user))
    chroot.run(["chpasswd", "--encrypted"], input=f"{user}:{value}\n", secrets=[password, value])


def _authorize(root: Path, home: str, keys: list[str], owner: tuple[int, int]) -> None:
    file = tree.write(root, f"{home}/.ssh/authorized_keys", "".join(f"{k}\n" for k in keys), 0o600)
    file.parent.chmod(0o700)
    for path in (file, file.parent):
        _own(path, owner)


def _own(path: Path, owner: tuple[int, int]) -> None:
    os.chown(path, *owner)


def _ids(root: Path, user: str) -> tuple[int, int]:
    for line in (root / "etc" / "passwd").read_text(encoding="utf-8").splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == user:
            return int(uid), int(gid)
    raise DebstackError(f"user {user}: expected in the image's passwd, found none")


def check_login(root: Path, user: str) -> None:
    """Raise DebstackError where the name of the login user is that of a system user."""
    for line in _lines(root / "etc" / "passwd"):
        name, _, uid, *_ = line.split(":")
        if name == user and int(uid) not in _PERSONS:
            raise DebstackError(
                f"--login {user}: the image has a system user of that name",
                hint="choose another name",
            )


def has_group(root: Path, name: str) -> bool:
    """Tell whether the image has a group of that name; a user of it would be in that one."""
    return any(line.startswith(f"{name}:") for line in _lines(root / "etc" / "group"))


def _make_user(chroot: Chroot, user: str) -> None:
    if any(line.startswith(f"{user}:") for line in _lines(chroot.root / "etc" / "passwd")):
        return
    group = ["--gid", user] if has_group(chroot.root, user) else []
    chroot.run(["useradd", "--create-home", "--shell", "/bin/bash", *group, user])
    chroot.run(["usermod", "--append", "--groups", "sudo,adm", user])
    tree.write(chroot.root, f"/etc/sudoers.d/60-{user}", f"{user} ALL=(ALL) NOPASSWD:ALL\n", 0o440)


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def needs_user(settings: Settings) -> bool:
    """Tell whether the login user is made now; otherwise cloud-init makes it at first boot."""
    return not settings.cloud_init or bool(settings.ssh_key or settings.login_password_file)


def configure_access(chroot: Chroot, settings: Settings, identity: Identity) -> None:
    """Make users, passwords and keys as asked for. Raises DebstackError."""
    root = chroot.root
    check_login(root, settings.login)
    if needs_user(settings):
        _make_user(chroot, settings.login)
        keys = [key for path in settings.ssh_key for key in read_keys("--ssh-key", path)]
        if keys:
            home, owner = f"/home/{settings.login}", _ids(root, settings.login)
            _authorize(root, home, keys, owner)
    root_keys = [key for path in settings.root_ssh_key for key in read_keys("--root-ssh-key", path)]
    if root_keys:
        _authorize(root, "/root", root_keys, (0, 0))
    if settings.login_password_file:
        password = read_password("--login-password-file", settings.login_password_file)
        _set_password(chroot, settings.login, password, identity)
    if settings.root_password_file:
        password = read_password("--root-password-file", settings.root_password_file)
        _set_password(chroot, "root", password, identity)
    if settings.permit_ssh_as_root:
        tree.write(root, _SSHD, "PermitRootLogin yes\nPasswordAuthentication yes\n")
    elif root_keys:
        tree.write(root, _SSHD, "PermitRootLogin prohibit-password\n")
    if settings.tty_autologin or settings.rescue:
        for unit in ("getty@.service.d", "serial-getty@.service.d"):
            tree.write(root, f"/etc/systemd/system/{unit}/autologin.conf", _autologin(unit))


def _autologin(unit: str) -> str:
    speed = "" if unit.startswith("getty") else "--keep-baud 115200,57600,38400,9600 "
    return (
        "[Service]\nExecStart=\n"
        f"ExecStart=-/sbin/agetty --autologin root --noclear {speed}- $TERM\n"
    )
