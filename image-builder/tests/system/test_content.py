# SPDX-License-Identifier: Apache-2.0
"""What is in an image, and what is not; seen in the smallest ones."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

import pytest
from building import (
    HARD,
    TINY,
    Builder,
    command_lines,
    ensure_programs,
    left_behind,
    manifest,
    wait_until_gone,
)
from local_mirror import make_repository

from debstack.base.run import run
from debstack_image.access import hashed


def contents(path: Path) -> dict[str, tarfile.TarInfo]:
    """Return the members of an archive by their absolute names."""
    with tarfile.open(path) as archive:
        return {member.name.removeprefix("."): member for member in archive}


def text_of(path: Path, name: str) -> str:
    """Return the text of a file in an archive."""
    with tarfile.open(path) as archive:
        stream = archive.extractfile(f".{name}")
        assert stream is not None
        return stream.read().decode()


@pytest.fixture(scope="session")
def tiny(user: Builder) -> Path:
    """Return the folder with an archive of a tree, as an ordinary user built it."""
    output = user.folder("tiny")
    user.build(output, *TINY)
    return output


def test_nothing_of_the_build_is_inside(tiny: Path) -> None:  # W-116, W-120, W-125
    found = contents(tiny / "tiny.tar")
    below = ("/dev/", "/proc/", "/run/", "/sys/", "/tmp/", "/var/lib/apt/lists/", "/var/tmp/")
    assert [name for name in found if name.startswith(below)] == []
    names = ("/etc/ssh/ssh_host_", "/var/lib/systemd/random-seed", "/var/lib/dbus/machine-id")
    assert [name for name in found if name.startswith(names)] == []
    files = [
        n for n, m in found.items() if m.isfile() and n.startswith(("/var/log", "/var/cache/apt"))
    ]
    assert files == []
    assert found["/etc/machine-id"].size == 0
    assert "/usr/sbin/policy-rc.d" not in found
    assert text_of(tiny / "tiny.tar", "/etc/hostname") == "localhost\n"


def test_no_name_of_the_machine_that_built_it(tiny: Path) -> None:  # W-119, W-120
    words = [run(["hostname"]).stdout.strip().encode(), b"name-of-the-builder", b"image-test"]
    with tarfile.open(tiny / "tiny.tar") as archive:
        for member in archive:
            if member.isfile() and member.name.startswith(("./etc/", "./var/")):
                stream = archive.extractfile(member)
                assert stream is not None
                data = stream.read()
                lines = data.splitlines()
                assert not [w for w in words[1:] if w in data], member.name
                assert words[0] not in [line.strip() for line in lines], member.name


def test_what_packages_make_for_one_machine_is_not_inside(user: Builder, root: Builder) -> None:
    arguments = (*TINY, "--include", "open-iscsi,ssl-cert")
    found = []
    for builder in (user, root):
        output = builder.folder("unique")
        builder.build(output, *arguments)
        found.append((output / "tiny.tar").read_bytes())
    assert found[0] == found[1]
    archive = user.place / "unique" / "tiny.tar"
    assert text_of(archive, "/etc/iscsi/initiatorname.iscsi") == "GenerateName=yes\n"
    names = contents(archive)
    assert not [name for name in names if "ssl-cert-snakeoil" in name and name.startswith("/etc")]
    wanted = "/etc/systemd/system/sysinit.target.wants/image-"
    assert {f"{wanted}iscsi-name.service", f"{wanted}snakeoil.service"} <= names.keys()


def test_no_file_is_newer_than_the_image(tiny: Path) -> None:
    epoch = manifest(tiny, "tiny")["build"]["source-date-epoch"]
    assert max(member.mtime for member in contents(tiny / "tiny.tar").values()) <= epoch


def test_the_manifest_knows_every_package_and_file(tiny: Path) -> None:
    content = manifest(tiny, "tiny")
    assert all(len(package["sha256"]) == 64 for package in content["packages"])
    assert {"systemd", "openssh-server"} <= {package["name"] for package in content["packages"]}
    digest = hashlib.sha256((tiny / "tiny.tar").read_bytes()).hexdigest()
    assert content["files"]["tiny.tar"] == digest
    run(["sha256sum", "--check", "--strict", "tiny.SHA256SUMS"], cwd=tiny)


@pytest.mark.long
def test_root_builds_the_same(tiny: Path, root: Builder) -> None:
    output = root.folder("tiny")
    root.build(output, *TINY, "--no-cache")
    assert (output / "tiny.tar").read_bytes() == (tiny / "tiny.tar").read_bytes()


def test_built_again_from_its_manifest(tiny: Path, user: Builder) -> None:
    output = user.folder("again")
    user.build(output, "--reproduce", tiny / "tiny.manifest.json")
    assert (output / "tiny.tar").read_bytes() == (tiny / "tiny.tar").read_bytes()


@pytest.mark.long
def test_built_again_with_the_version_of_then_where_there_is_a_newer_one(user: Builder) -> None:
    then, now = user.folder("then"), user.folder("now")
    repository = make_repository(user.folder("then-input"), "theirs")
    user.build(then, *TINY, "--repository", repository.source, "--include", "theirs")
    again = ("--reproduce", then / "tiny.manifest.json")
    repository.offer("theirs", "1.0", "2.0")
    user.build(now, *again)
    assert (now / "tiny.tar").read_bytes() == (then / "tiny.tar").read_bytes()
    repository.offer("theirs", "2.0")
    output = user.folder("never")
    done = user.build(output, *again, check=False)
    assert done.code == 3, done.stderr
    assert "theirs:all: expected 1.0 " in done.stderr
    assert "the mirror has 2.0 " in done.stderr
    assert left_behind(user, output) == []


def test_two_at_once_with_one_cache(user: Builder) -> None:
    outputs = [user.folder("one"), user.folder("two")]
    logs = [output.parent / f"{output.name}.log" for output in outputs]
    both = [
        user.start(output, log, *TINY, "--refresh")
        for output, log in zip(outputs, logs, strict=True)
    ]
    codes = [companion.wait(1800) for companion in both]
    assert codes == [0, 0], [log.read_text() for log in logs]
    one, two = ((output / "tiny.tar").read_bytes() for output in outputs)
    assert one == two


def test_a_cache_entry_cut_short_is_built_anew(user: Builder, tiny: Path) -> None:
    entries = sorted((user.home / ".cache/debstack-image/base").glob("*.tar.zst"))
    assert entries
    for entry in entries:
        with entry.open("r+b") as stream:
            stream.truncate(entry.stat().st_size // 2)
    output = user.folder("cut")
    user.build(output, *TINY)
    assert (output / "tiny.tar").read_bytes() == (tiny / "tiny.tar").read_bytes()


def test_passwords_work_and_are_never_shown(user: Builder) -> None:
    output = user.folder("password")
    file, log = output.parent / "password.txt", output.parent / "password.log"
    file.write_text(HARD + "\n")
    log.write_text("")
    companion = user.start(output, log, *TINY, "--root-password-file", file, "--verbose")
    seen: set[str] = set()
    while companion.wait(0.01) is None:
        seen.update(command_lines().values())
    shadow = text_of(output / "tiny.tar", "/etc/shadow").splitlines()
    value = next(line for line in shadow if line.startswith("root:")).split(":")[1]
    salt = value.split("$")[3]
    assert hashed(HARD, salt) == value
    everything = [*seen, log.read_text(), (output / "tiny.manifest.json").read_text()]
    for secret in (HARD, value):
        assert not [text for text in everything if secret in text]


def test_an_overlay_a_preseed_and_a_hook(user: Builder) -> None:
    output = user.folder("own")
    top = user.folder("own-input")
    (top / "files" / "etc").mkdir(parents=True)
    (top / "files" / "etc" / "motd").write_text("ours\n")
    (top / "answers").write_text("ca-certificates ca-certificates/trust_new_crts select no\n")
    (top / "hook").write_text(
        '#!/bin/sh\nset -eu\nchroot "$1" sh -c "id -u >/root/id; cat /etc/motd >>/root/id"\n'
        'echo "$IMAGE_RELEASE $IMAGE_NAME $BODI_RELEASE" >>"$IMAGE_ROOT/root/id"\n'
    )
    (top / "hook").chmod(0o755)
    (top / "image.toml").write_text(
        'overlay = ["files"]\nhook-script = ["hook"]\npreseed = ["answers"]\nhostname = "box"\n'
    )
    user.build(output, *TINY, "--config", top / "image.toml")
    archive = output / "tiny.tar"
    assert text_of(archive, "/root/id") == "0\nours\ntrixie tiny trixie\n"
    assert text_of(archive, "/etc/hostname") == "box\n"
    assert contents(archive)["/etc/motd"].uid == 0
    answers = text_of(archive, "/var/cache/debconf/config.dat").split("\n\n")
    name = "Name: ca-certificates/trust_new_crts"
    assert any(name in item and "Value: no" in item for item in answers)


def test_a_repository_of_a_third_party_comes_with_its_key(user: Builder) -> None:
    output = user.folder("them")
    repository = make_repository(user.folder("them-input"), "theirs")
    user.build(output, *TINY, "--repository", repository.source, "--include", "theirs")
    found = text_of(output / "tiny.tar", "/etc/apt/sources.list.d/debian.sources")
    assert "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n" in found
    packages = {package["name"]: package for package in manifest(output, "tiny")["packages"]}
    assert packages["theirs"]["version"] == "1.0"
    assert len(packages["theirs"]["sha256"]) == 64


@pytest.mark.long
def test_of_two_archives_the_newer_version_is_taken(user: Builder) -> None:  # W-123
    release = make_repository(user.folder("release-input"), "theirs")
    security = make_repository(user.folder("security-input"), "theirs")
    release.offer("theirs", "1.9", "1.2")
    security.offer("theirs", "1.10", "1.1")
    for place, order in enumerate([(release, security), (security, release)]):
        output = user.folder(f"order-{place}")
        sources = [word for one in order for word in ("--repository", one.source)]
        user.build(output, *TINY, *sources, "--include", "theirs")
        packages = {package["name"]: package for package in manifest(output, "tiny")["packages"]}
        assert packages["theirs"]["version"] == "1.10"


def test_the_checksums_are_signed(user: Builder) -> None:
    output, home = user.folder("signed"), user.home / ".gnupg"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    run([*gpg, "--quick-generate-key", "images@example.org", "ed25519", "sign", "never"])
    run(["gpgconf", "--homedir", str(home), "--kill", "all"])
    run(["chown", "-R", f"{user.uid}:{user.uid}", home])
    try:
        user.build(output, *TINY, "--sign", "images@example.org")
    finally:  # gpg has started it for the user, who is about to go
        run(["gpgconf", "--homedir", str(home), "--kill", "all"])
    sums = output / "tiny.SHA256SUMS"
    run([*gpg, "--verify", f"{sums}.asc", sums])
    user.build(output, *TINY, "--hostname", "another")
    assert not Path(f"{sums}.asc").exists(), "a signature of what is there no more"


@pytest.mark.long
def test_the_system_speaks_and_reckons_as_told(user: Builder) -> None:
    output = user.folder("system")
    plan = output.parent / "plan.yaml"
    plan.write_text("network: {version: 2, ethernets: {ens3: {addresses: [192.0.2.7/24]}}}\n")
    arguments = ["--locale", "de_DE.UTF-8", "--keyboard", "de:nodeadkeys", "--hostname", "box"]
    arguments += ["--timezone", "Europe/Paris", "--network", str(plan)]
    user.build(output, *TINY, *arguments)
    archive = output / "tiny.tar"
    assert text_of(archive, "/etc/locale.conf") == "LANG=de_DE.UTF-8\n"
    assert contents(archive)["/etc/localtime"].linkname == "/usr/share/zoneinfo/Europe/Paris"
    assert 'XKBLAYOUT="de"\nXKBVARIANT="nodeadkeys"\n' in text_of(archive, "/etc/default/keyboard")
    assert "127.0.1.1\tbox\n" in text_of(archive, "/etc/hosts")
    assert text_of(archive, "/etc/netplan/50-image.yaml") == plan.read_text()
    assert contents(archive)["/etc/netplan/50-image.yaml"].mode == 0o600


@pytest.mark.long
@pytest.mark.parametrize(
    ("architecture", "machine"),
    [("arm64", b"\xb7\x00"), ("riscv64", b"\xf3\x00")],
    ids=["arm64", "riscv64"],
)
def test_a_tree_of_another_processor(user: Builder, architecture: str, machine: bytes) -> None:
    ensure_programs({"qemu-aarch64-static": "qemu-user-static"})
    known = list(Path("/proc/sys/fs/binfmt_misc").glob("*"))
    output = user.folder("foreign")
    user.build(output, *TINY, "--architecture", architecture)
    with tarfile.open(output / "tiny.tar") as archive:
        stream = archive.extractfile("./usr/bin/dpkg")
        assert stream is not None
        assert stream.read(20)[18:] == machine
    packages = manifest(output, "tiny")["packages"]
    assert {package["architecture"] for package in packages} == {"all", architecture}
    # What the kernel was taught was for the build alone.
    assert list(Path("/proc/sys/fs/binfmt_misc").glob("*")) == known


def test_no_daemon_starts(user: Builder) -> None:  # W-122
    output = user.folder("daemons")
    hook = output.parent / "start"
    hook.write_text(
        '#!/bin/sh\nset -eu\nchroot "$1" sh -c "invoke-rc.d ssh start || test $? = 0; '
        'test ! -e /run/sshd.pid"\n'
    )
    hook.chmod(0o755)
    user.build(output, *TINY, "--hook-script", hook)
    assert (output / "tiny.tar").is_file()


def mounts() -> set[str]:
    """Return what is mounted, but for the nodes that other tests make and remove meanwhile."""
    lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    return {line for line in lines if "testbed" not in line}


def test_the_machine_is_as_before(user: Builder) -> None:  # W-118, W-121
    watched = [Path("/etc/resolv.conf"), Path("/etc/hosts"), Path("/etc/passwd"), Path("/dev/null")]
    before = [path.stat().st_mtime_ns for path in watched[:3]]
    mounted = mounts()
    output = user.folder("before")
    user.build(output, *TINY)
    for path in list(output.iterdir()):
        path.unlink()
    wait_until_gone(user, output)
    assert [path.stat().st_mtime_ns for path in watched[:3]] == before
    assert mounts() == mounted
    assert watched[3].is_char_device()
