"""The private folders of the kernels, and what is done with those left behind.

    /tmp/dustdevil-1000/     one for each user of the machine; no other user can enter
        lock                 held while a folder below is made or removed
        k3x9_2ab/            one for each server
            lock             held by the server as long as it lives
            m1dz07qe/        one for each kernel process: its sockets, its profile
                group        the number of its process group

A server that is killed can't clean up. The system lets go of its lock, though, and by
that the next server knows: it ends the processes that the other left, and removes its
folders. The names are short since the path of a Unix socket can have 100 characters.
"""

import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROCESSES = Path("/proc")


class Homes:
    """The folders of one server's kernels. Making it sweeps up after dead servers."""

    def __init__(self) -> None:
        """Raises OSError if no folder can be made."""
        base = users_folder()
        with locked(base):
            sweep(base)
            self.folder = Path(tempfile.mkdtemp(dir=base))
            self._lock = try_lock(self.folder)

    def make(self) -> Path:
        """A new folder for a kernel process. Raises OSError."""
        return Path(tempfile.mkdtemp(dir=self.folder))

    def note_group(self, home: Path, group: int) -> None:
        """Remember the process group that belongs to this folder."""
        (home / "group").write_text(str(group))

    def remove(self, home: Path) -> None:
        """Remove a kernel's folder; its processes have ended."""
        shutil.rmtree(home, ignore_errors=True)

    def close(self) -> None:
        """Remove all of them. Closing twice does nothing."""
        if self._lock is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def users_folder() -> Path:
    """The folder that servers of this user share; a new one if it can't be trusted."""
    folder = Path(tempfile.gettempdir(), f"dustdevil-{os.getuid()}")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    return folder if is_private(folder) else Path(tempfile.mkdtemp(prefix="dustdevil-"))


def is_private(folder: Path) -> bool:
    """Whether it is a folder of ours, and no other user can enter."""
    # Anyone may have made it before us, or a link in its place.
    facts = folder.lstat()
    is_ours = stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid()
    return is_ours and not facts.st_mode & 0o077


def try_lock(folder: Path, how: int = fcntl.LOCK_NB) -> int | None:
    """The descriptor that holds the folder's lock; None if another server has it."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | how)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; wait for it if need be."""
    lock = try_lock(folder, how=0)
    try:
        yield
    finally:
        os.close(lock)


def sweep(base: Path) -> None:
    """End what dead servers left running, and remove their folders."""
    for folder in base.iterdir():
        lock = try_lock(folder) if folder.is_dir() else None
        if lock is not None:
            for file in folder.glob("*/group"):
                end_group(int(file.read_text() or 0), file.parent)
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def end_group(group: int, home: Path) -> None:
    """Kill the process group that belongs to this folder, if it still exists.

    The number may have gone to other processes meanwhile. Those of the kernel have
    the folder's name in their environment (see process.py), and while one of them
    lives, the number of its group is not given away. Without /proc nothing is killed:
    a kernel itself ends within a second when its server is gone.
    """
    if any(belongs(process, group, home) for process in PROCESSES.glob("[0-9]*")):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def belongs(process: Path, group: int, home: Path) -> bool:
    """Whether the process of this folder in /proc is of that group and that kernel."""
    try:
        # proc_pid_stat(5): the group is the fifth field, and the second is a name that
        # may have blanks in it.
        own = (process / "stat").read_text().rpartition(")")[2].split()[2]
        environment = (process / "environ").read_bytes()
    except OSError:
        return False  # it has just ended, or it is another user's
    return int(own) == group and os.fsencode(home) in environment
