"""What a cell prints: collected, and held up when it is faster than a page can show.

A string is taken in pieces, and before each piece the thread that prints may have to
wait. So there is never more collected than two pieces or so, however long the string,
and an interrupt ends the loop and the string with it.
"""

import _thread
import os
import threading
from collections import defaultdict
from io import StringIO
from typing import Any

from ipykernel.iostream import OutStream

from workshop.livebook.inkernel.publishing import MESSAGE

# Characters taken at once, and those that may be collected and not yet sent.
PIECE = 1 << 16
UNSENT = 1 << 18
# A line costs the page more than its characters: as much as so many more.
LINE = 16


class Stream(OutStream):
    """`sys.stdout` or `sys.stderr` of a kernel."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        os.register_at_fork(after_in_child=self._forget_unsent)

    def write(self, text: str) -> int:
        """Take the text, as soon as that is possible; return its length."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        for start in range(0, len(text), PIECE):
            piece = text[start : start + PIECE]
            self._wait_for_room(piece)
            super().write(piece)
        return len(text)

    def flush(self) -> None:
        """Return when all that was written before is on its way."""
        thread = self.pub_thread
        if thread is None or not thread.holds_up():
            self._flush()
            return
        if self._buffers:
            thread.pace.wait(MESSAGE)
        sent = _thread.allocate_lock()
        sent.acquire()
        thread.schedule(self._flush)
        thread.schedule(sent.release)
        while not sent.acquire(timeout=1) and thread.thread.is_alive():
            pass

    def _wait_for_room(self, piece: str) -> None:
        thread = self.pub_thread
        if thread is not None and thread.holds_up():
            thread.pace.wait(len(piece) + LINE * piece.count("\n"))
            thread.wait_until(lambda: self._unsent() < UNSENT)

    def _unsent(self) -> int:
        with self._buffer_lock:
            return sum(buffer.tell() for buffer in self._buffers.values())

    def _forget_unsent(self) -> None:
        # In a forked process: the parent will send it, and the lock may be held by a
        # thread that is not here.
        self._buffers: dict[Any, StringIO] = defaultdict(StringIO)
        self._buffer_lock = threading.RLock()
        self._flush_pending = self._subprocess_flush_pending = False
