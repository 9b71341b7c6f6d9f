"""Which source files have changed: what `--reload` asks a few times a second.

The system could tell us by itself (inotify(7)), but not through the standard library,
and each system in its own way. To look at the times of some hundred files takes a
millisecond, and works everywhere.
"""

import os
from contextlib import suppress

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
        for folder, folders, files in os.walk(self.folder):
            if folder != self.folder and "pyvenv.cfg" in files:
                folders.clear()  # a virtual environment
                continue
            folders[:] = [f for f in folders if f[0] != "." and f not in SKIPPED]
            for name in files:
                path = os.path.join(folder, name)
                if name.endswith(".py"):
                    with suppress(OSError):  # an editor replaces it at this moment
                        status = os.stat(path)
                        found[path] = status.st_mtime_ns, status.st_size
        return found
