# SPDX-License-Identifier: Apache-2.0
"""Where a build runs: in namespaces of its own, as the root of those, whoever started it.

Mounts, processes and names made there are gone with the last process, however it ended. The
build's first process ends with its lifeline, so that nothing outlives this program.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from debstack.base.errors import CommandError, DebstackError
from debstack.base.main import BUG
from debstack.base.run import run
from debstack_image.machine_apt import PROXIES
from debstack_image.process import Companion, python_argv

_PREFIX = "debstack-image."
#: What a build ends with by a fault of its own: it is told from being killed.
BUG_INSIDE = 70
#: What a build is told by the environment of whoever starts it.
_TOLD = ("HOME", "XDG_CACHE_HOME", "NO_COLOR", *PROXIES)
#: The main thread may be at work in a library until then.
_STILL_S = 5.0
_HINT = (
    "install uidmap and give this user a range in /etc/subuid and /etc/subgid "
    "(usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER), or run it as root"
)


def unshare_argv(*, root: bool) -> list[str]:
    """Return the command that starts another in namespaces of its own."""
    argv = ["unshare"]
    if not root:
        argv += ["--user", "--map-root-user", "--map-auto"]
    return [*argv, "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]


def check_namespaces() -> None:
    """Raise DebstackError where this user can have no namespaces."""
    try:
        run([*unshare_argv(root=os.geteuid() == 0), "true"])
    except CommandError as error:
        reason = error.tail[-1] if error.tail else error.message
        raise DebstackError(f"namespaces: not for this user: {reason}", hint=_HINT) from error


def run_inside(module: str, arguments: Sequence[str], scratch: Path) -> int:
    """Run one of our modules in namespaces; return its exit code. `scratch` is its folder."""
    python, environment = python_argv(module)
    environment["DEBSTACK_IMAGE_SCRATCH"] = os.fspath(scratch)
    environment |= {name: os.environ[name] for name in _TOLD if name in os.environ}
    argv = [*unshare_argv(root=os.geteuid() == 0), *python, *arguments]
    companion = Companion(argv, env=environment)
    try:
        code = companion.wait()
    except BaseException:
        companion.stop()
        raise
    return ended(1 if code is None else code)


def ended(code: int) -> int:
    """Return the exit code of a build. Raises DebstackError where it was killed.

    unshare then ends by the same signal, or, on Debian 12, with 1.
    """
    if code < 0 or code == 1:
        raise DebstackError(
            "the build was killed",
            hint="where memory is short, --scratch-dir names a folder on a disk to work in",
        )
    return BUG if code == BUG_INSIDE else code


def hold_to_lifeline(unfinished: Sequence[Path], scratch: Path) -> None:
    """End this process and all others of its namespace when whoever started it is gone.

    `unfinished` is a list that may grow: files that go too until they are taken off it.
    Called by the main thread, which has to stand still then: it would write anew what is being
    removed, or end for want of it, and with it the removal.
    """
    main, still = threading.get_ident(), threading.Event()

    def stand_still(_number: int, _frame: object) -> None:
        still.set()
        while True:
            signal.pause()

    signal.signal(signal.SIGUSR1, stand_still)

    def watch() -> None:
        while os.read(0, 4096):
            pass
        signal.pthread_kill(main, signal.SIGUSR1)
        still.wait(_STILL_S)
        # The first process of a namespace: all that is left in it are our own children. They are
        # stopped and not killed, so that nobody who waits for them goes on by their failure.
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGSTOP)
        # First what the next run does not find: the rest takes its time where it is on a disk.
        for path in list(unfinished):
            path.unlink(missing_ok=True)
        run(["umount", "--recursive", "--lazy", scratch], check=False)
        run(["rm", "-rf", "--one-file-system", scratch], check=False)
        os._exit(1)  # and with it every process of the namespace

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def scratch_place(parent: Path | None) -> Iterator[Path]:
    """Give an empty, locked folder for one build; it goes with the context.

    The lock is how others tell that its build still runs.
    """
    top = parent or Path(tempfile.gettempdir())
    try:
        path, descriptor = _locked_folder(top)
    except OSError as error:
        raise DebstackError(
            f"{top}: cannot work there: {error.strerror}", hint="--scratch-dir names another folder"
        ) from error
    try:
        sweep(top)
        yield path
    finally:
        _remove(path)
        os.close(descriptor)


def _locked_folder(top: Path) -> tuple[Path, int]:
    """Make a folder; return it and the descriptor that its lock is held by."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=top))
        with suppress(FileNotFoundError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Another build, which began to sweep just before, may have taken it for a dead one's.
            if path.exists():
                return path, descriptor
            os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a folder that may hold files of any user of a namespace of ours."""
    try:
        path.rmdir()
    except OSError:
        run([*unshare_argv(root=os.geteuid() == 0), "rm", "-rf", path], check=False)


def sweep(top: Path) -> None:
    """Remove what builds of this user left in `top` that were killed."""
    for path in top.glob(_PREFIX + "*"):
        try:
            if path.stat().st_uid != os.geteuid():
                continue
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(path)
        except BlockingIOError:
            pass
        finally:
            os.close(descriptor)


def unfinished_file(folder: Path, name: str, scratch: Path) -> Path:
    """Return what the file `name` of a folder is called until the build that makes it ends."""
    return folder / f".{name}.{scratch.name}.part"


def unfinished_files(folder: Path, scratch: Path) -> Iterator[Path]:
    """Give what a build has left in a folder."""
    yield from folder.glob(unfinished_file(folder, "*", scratch).name)


def inside_scratch() -> Path:
    """Return the folder that run_inside gave this process."""
    found = os.environ.get("DEBSTACK_IMAGE_SCRATCH")
    if not found or os.getpid() != 1:
        sys.exit("this module is started by build-openstack-debian-image")
    return Path(found)
