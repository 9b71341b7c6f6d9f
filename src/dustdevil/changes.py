"""Which source files have changed: what `--reload` asks a few times a second.

The system could tell us by itself (inotify(7)), but not through the standard library,
and each system in its own way. To look at the times of some hundred files takes a
millisecond, and works everywhere.
"""

import os
from collections.abc import Iterator

# Folders that hold no source of ours, and sometimes a hundred thousand files.
SKIPPED = {"__pycache__", "node_modules", "site-packages"}


class Changes:
    """Looks at the .py files in a folder and the folders in it, hidden ones aside."""

    def __init__(self, folder: str = ".") -> None:
        self.folder = folder
        self._seen = self.look()

    def __call__(self) -> bool:
        """Whether a file was changed, added or removed since the last call."""
        before, self._seen = self._seen, self.look()
        return before != self._seen

    def look(self) -> dict[str, tuple[int, int]]:
        """Time of the last change, in ns, and size in bytes, of each file."""
        found = {}
        for entry in self._files(self.folder):
            try:
                status = entry.stat()
            except OSError:
                continue  # an editor replaces it at this moment
            found[entry.path] = status.st_mtime_ns, status.st_size
        return found

    def _files(self, folder: str) -> Iterator[os.DirEntry[str]]:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return  # it is gone, or not ours to read
        for entry in entries:
            if entry.name.endswith(".py"):
                yield entry
            elif self._enters(entry):
                yield from self._files(entry.path)

    def _enters(self, entry: os.DirEntry[str]) -> bool:
        if entry.name.startswith(".") or entry.name in SKIPPED:
            return False
        # Links are not followed: one could lead back up. Nor is a virtual environment.
        if not entry.is_dir(follow_symlinks=False):
            return False
        return not os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))
