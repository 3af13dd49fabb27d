# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from debstack_image import tree
from debstack_image.access import check_login, has_group, hashed, read_keys, read_password
from debstack_image.clean import clean
from debstack_image.content import described
from debstack_image.first_boot import cloud_config
from debstack_image.identity import Identity, newest_package
from debstack_image.index import ImageError
from debstack_image.settings import Settings
from debstack_image.xfs_prototype import prototype

EPOCH = 1_700_000_000


def test_links_are_followed_in_the_image_and_never_out_of_it(tmp_path: Path) -> None:  # W-118
    root = tmp_path / "root"
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "lib").symlink_to("usr/lib")
    (root / "etc").symlink_to("/usr/lib/etc")
    assert tree.place(root, "/lib/x") == root / "usr" / "lib" / "x"
    tree.write(root, "/etc/conf", "text")
    assert (root / "usr" / "lib" / "etc" / "conf").read_text() == "text"
    (root / "up").symlink_to("../../../..")
    assert tree.place(root, "/up/x") == root / "x"


def test_a_link_is_replaced_and_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    root = tmp_path / "root"
    root.mkdir()
    (root / "resolv.conf").symlink_to(outside)
    tree.write(root, "/resolv.conf", "theirs")
    assert outside.read_text() == "mine"
    assert not (root / "resolv.conf").is_symlink()


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="too many links"):
        tree.place(tmp_path, "/a/x")


def test_an_overlay_keeps_modes_and_links(tmp_path: Path) -> None:
    source, root = tmp_path / "source", tmp_path / "root"
    (source / "usr" / "bin").mkdir(parents=True)
    (source / "usr" / "bin" / "tool").write_text("#!/bin/sh\n")
    (source / "usr" / "bin" / "tool").chmod(0o755)
    (source / "usr" / "bin" / "name").symlink_to("tool")
    root.mkdir()
    tree.copy_over(source, root)
    tree.copy_over(source, root)
    assert (root / "usr" / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (root / "usr" / "bin" / "name").readlink() == Path("tool")


def test_an_overlay_goes_where_links_of_the_image_lead_and_never_out_of_it(tmp_path: Path) -> None:
    source, root, machine = tmp_path / "source", tmp_path / "root", tmp_path / "machine"
    for folder in (source / "run", source / "lib", root / "usr" / "lib", machine):
        folder.mkdir(parents=True, mode=0o755)
    (source / "run").chmod(0o700)
    (source / "run" / "file").touch()
    (source / "lib" / "file").touch()
    (root / "run").symlink_to(machine)
    (root / "lib").symlink_to("usr/lib")
    tree.copy_over(source, root)
    assert machine.stat().st_mode & 0o777 == 0o755
    assert list(machine.iterdir()) == []
    assert (root / machine.relative_to("/")).stat().st_mode & 0o777 == 0o700
    assert (root / machine.relative_to("/") / "file").is_file()
    assert (root / "usr" / "lib" / "file").is_file()
    assert (root / "lib").is_symlink()


@pytest.mark.parametrize(("name", "other"), [("a", "a/below"), ("a/below", "a")])
def test_an_overlay_has_no_file_in_the_place_of_a_folder(
    tmp_path: Path, name: str, other: str
) -> None:
    for top, path in ((tmp_path / "source", name), (tmp_path / "root", other)):
        (top / path).parent.mkdir(parents=True)
        (top / path).touch()
    with pytest.raises(DebstackError, match=r"--overlay: .*/source/a: in the image, /a is a f"):
        tree.copy_over(tmp_path / "source", tmp_path / "root")


def built(root: Path) -> Path:
    for name, text in {
        "etc/machine-id": "0123",
        "etc/ssh/ssh_host_rsa_key": "secret",
        "etc/ssh/sshd_config": "kept",
        "etc/passwd-": "old",
        "etc/shadow": "root:*:20000:0:99999:7:::\nnew:!:0:::::\n",
        "var/log/dpkg.log": "log",
        "var/log/apt/history.log": "log",
        "var/lib/apt/lists/mirror_InRelease": "index",
        "var/cache/apt/pkgcache.bin": "cache",
        "var/cache/apt/archives/a.deb": "package",
        "var/lib/dpkg/status": "kept",
        "var/lib/dpkg/status-old": "old",
        "var/lib/systemd/random-seed": "seed",
        "var/lib/dbus/machine-id": "0123",
        "tmp/left": "over",
        "run/left": "over",
        "root/.bash_history": "history",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_nothing_of_the_build_stays(tmp_path: Path) -> None:  # W-116, W-125
    root = built(tmp_path)
    clean(root, EPOCH)
    files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert files == ["etc/machine-id", "etc/shadow", "etc/ssh/sshd_config", "var/lib/dpkg/status"]
    assert (root / "etc" / "machine-id").read_text() == ""
    assert (root / "var" / "log" / "apt").is_dir()


def test_what_only_one_machine_may_have_is_made_when_it_starts(tmp_path: Path) -> None:
    root = built(tmp_path)
    name = tree.write(root, "/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.x:1\n", 0o600)
    key = tree.write(root, "/etc/ssl/private/ssl-cert-snakeoil.key", "secret", 0o640)
    certificate = tree.write(root, "/etc/ssl/certs/ssl-cert-snakeoil.pem", "public")
    other = tree.write(root, "/etc/ssl/certs/other.pem", "public")
    tree.link(root, "/etc/ssl/certs/0123abcd.0", "ssl-cert-snakeoil.pem")
    clean(root, EPOCH)
    assert name.read_text() == "GenerateName=yes\n"
    assert name.stat().st_mode & 0o777 == 0o600
    assert not key.exists()
    assert list(certificate.parent.iterdir()) == [other]
    units = root / "etc" / "systemd" / "system"
    for unit in ("image-iscsi-name.service", "image-snakeoil.service"):
        assert (units / "sysinit.target.wants" / unit).resolve() == units / unit
    assert (
        "ExecStart=/usr/lib/open-iscsi/startup-checks.sh\n"
        in (units / "image-iscsi-name.service").read_text()
    )


def test_no_file_is_newer_than_the_image(tmp_path: Path) -> None:
    root = built(tmp_path)
    old = root / "etc" / "ssh" / "sshd_config"
    os.utime(old, (EPOCH - 5, EPOCH - 5))
    clean(root, EPOCH)
    assert old.stat().st_mtime == EPOCH - 5
    assert old.stat().st_atime == EPOCH
    assert max(path.lstat().st_mtime for path in (root, *root.rglob("*"))) == EPOCH


def test_days_of_passwords_are_the_images(tmp_path: Path) -> None:
    root = built(tmp_path)
    clean(root, EPOCH)
    assert (root / "etc" / "shadow").read_text() == (
        f"root:*:{EPOCH // 86400}:0:99999:7:::\nnew:!:0:::::\n"
    )


def test_the_time_of_an_image_is_that_of_its_newest_package(tmp_path: Path) -> None:
    for name, when in (("a", EPOCH), ("b", EPOCH - 100)):
        folder = tmp_path / "usr" / "share" / "doc" / name
        folder.mkdir(parents=True)
        (folder / "copyright").touch()
        os.utime(folder / "copyright", (when, when))
    assert newest_package(tmp_path) == EPOCH


HARD = "a'b\"c $x%y\\z:#@!&*(){}[]|;<>?~`"


def test_passwords_with_every_metacharacter_are_hashed() -> None:
    salt = Identity("digest").salt("root")
    made = hashed(HARD, salt)
    assert made.startswith("$y$j9T$")
    assert made == hashed(HARD, salt)
    assert made != hashed(HARD + "x", salt)
    assert made != hashed(HARD, Identity("digest").salt("debian"))
    assert hashed(made, salt) == made


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("$6$salt$" + "a" * 86, True),
        ("$6$rounds=5000$salt$" + "a" * 86, True),
        ("$5$salt$" + "a" * 43, True),
        ("$2b$12$" + "a" * 53, True),
        ("$y$j9T$abcd$" + "a" * 43, True),
        ("$money$makes$", False),
        ("$6$salt$", False),
        ("$y$j9T$", False),
    ],
)
def test_only_a_whole_hash_is_taken_for_one(text: str, whole: bool) -> None:
    assert (hashed(text, "abcd") == text) == whole


def test_what_can_be_read_does_not_tell_whether_a_password_was_guessed(tmp_path: Path) -> None:
    """The manifest is published, and what is derived from its digest can be read in the image."""
    told = []
    for password in ("tall tree", "tall true"):
        file = tmp_path / "password"
        file.write_text(f"{password}\n")
        told.append(described(Settings(root_password_file=file, login_password_file=file)))
    assert told[0] == told[1]
    assert told[0]["root-password-file"] == "given"
    assert described(Settings())["root-password-file"] is None


def test_nor_does_it_tell_so_of_a_password_in_a_preseed(tmp_path: Path) -> None:
    file = tmp_path / "preseed"
    text = "keystone keystone/admin-password password {}\nkeystone openstack/region string {}\n"

    def told(password: str, region: str) -> object:
        file.write_text(text.format(password, region))
        return described(Settings(preseed=(file,)))["preseed"]

    assert told("tall tree", "north") == told("tall \\\n true", "north")
    assert told("tall tree", "north") != told("tall tree", "south")


@pytest.mark.parametrize("text", ["$6$salt$abc", "$y$j9T$", "$2b$12$short", "$1$salt"])
def test_a_hash_that_was_cut_off_is_no_password(tmp_path: Path, text: str) -> None:
    file = tmp_path / "password"
    file.write_text(f"{text}\n")
    with pytest.raises(DebstackError, match="begins like a hash of crypt") as caught:
        read_password("--login-password-file", file)
    assert text not in str(caught.value)


def test_a_password_is_not_shown_by_accident(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(HARD + "\nsecond line\n")
    found = read_password("--root-password-file", file)
    assert found == HARD
    assert HARD not in repr(found)
    file.write_text("\n")
    with pytest.raises(DebstackError, match="expected a password"):
        read_password("--root-password-file", file)


def test_keys_are_looked_at_before_anything_starts(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    good = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBWMyALGLR081neMrLHeiYspfoSWAzefP0IVLbdGjZVD me"
    file.write_text(f"# mine\n{good}\n")
    assert read_keys("--ssh-key", file) == [good]
    told = f'from="192.0.2.0/24",command="echo \\"a b\\"",no-pty {good}'
    file.write_text(f"{told}\nrestrict {good}\n")
    assert read_keys("--ssh-key", file) == [told, f"restrict {good}"]
    file.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    with pytest.raises(DebstackError, match="expected public keys"):
        read_keys("--ssh-key", file)


def test_cloud_init_looks_everywhere_openstack_offers() -> None:  # W-125
    text = cloud_config(Settings())
    assert 'datasource_list: ["NoCloud", "ConfigDrive", "OpenStack", "Ec2", "None"]' in text


def test_a_user_may_have_the_name_of_a_group_and_not_of_a_system_user(tmp_path: Path) -> None:
    tree.write(tmp_path, "/etc/passwd", "root:x:0:0::/root:/bin/sh\nmail:x:8:8::/var/mail:/n\n")
    tree.write(tmp_path, "/etc/group", "root:x:0:\noperator:x:37:\n")
    check_login(tmp_path, "operator")
    assert has_group(tmp_path, "operator")
    assert not has_group(tmp_path, "oper")
    with pytest.raises(DebstackError, match="--login mail: the image has a system user"):
        check_login(tmp_path, "mail")


def test_cloud_init_makes_a_user_in_the_group_that_there_is() -> None:
    settings = Settings(login="operator")
    assert '    name: "operator"\n    primary_group: "operator"\n' in cloud_config(
        settings, group=True
    )
    assert "primary_group" not in cloud_config(settings)


def test_the_prototype_of_xfs(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o1777)
    file = tmp_path / "d" / "f"
    file.touch()
    file.chmod(0o4755)
    (tmp_path / "l").symlink_to("d/f")
    ids = f"{os.getuid()} {os.getgid()}"
    assert prototype(tmp_path).splitlines() == [
        "/dev/null",
        "0 0",
        "d--755 0 0",
        f"  d d--1777 {ids}",
        f"    f -u-755 {ids} {file}",
        "  $",
        f"  l l--777 {ids} d/f",
        "$",
    ]
    (tmp_path / "a b").touch()
    with pytest.raises(ImageError, match="a name with a blank"):
        prototype(tmp_path)
