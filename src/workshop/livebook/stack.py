"""The live book on the learner's own modules, and what to say when they fail.

A module may be broken in three ways: it can't be imported; it raises when the server
uses it, at the latest for the first request; or it hangs. In each case the reader
gets one sentence with the file and the line.
"""

import http.client
import importlib
import logging
import os
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from workshop import overlay
from workshop.livebook.addresses import Place

PATIENCE = 5.0  # seconds within which the first request has to be answered


def install(folder: Path) -> list[str]:
    """Put the modules of the folder in place, and import them.

    Returns their names; raises overlay.OverlayError for one that can't be imported.
    """
    names = overlay.install(folder)
    for name in names:
        importlib.import_module(f"{overlay.PACKAGE}.{name}")
    return names


class Problems(logging.Handler):
    """What went wrong in the learner's modules: `found` is a sentence, or ""."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__(logging.ERROR)
        self.folder = folder
        self.found = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Remember an exception that the server has logged, if it came from there."""
        if record.exc_info and record.exc_info[1]:
            self.note(record.exc_info[1])

    def note(self, error: BaseException) -> bool:
        """Whether the error came from the learner's folder; if so, remember it."""
        if self.folder is None or not overlay.last_line_in(self.folder, error)[0]:
            return False
        self.found = self.found or overlay.explain(error, self.folder)
        return True

    def probe(self, place: Place, token: str, say: Callable[[], None]) -> None:
        """Make one request, beside the server; if it is answered, call `say()`.

        If not, end the process: a loop that hangs can't be asked to stop.
        """
        main = threading.current_thread().ident

        def ask() -> None:
            failure = request_status(place, token)
            if not failure:
                say()
                return
            frame = sys._current_frames().get(main or 0)
            where = self.found or self.place(frame) or failure
            print(f"workshop serve: {where}", file=sys.stderr, flush=True)
            os._exit(2)

        threading.Thread(target=ask, daemon=True).start()

    def place(self, frame) -> str:
        """Which line of the learner's the main thread is in, as a sentence."""
        while frame is not None:
            file = Path(frame.f_code.co_filename)
            if self.folder and self.folder.resolve() in file.parents:
                name = overlay.relative(file, self.folder)
                place = f"{self.folder.name}/{name}, line {frame.f_lineno}"
                return f"{place}: after {PATIENCE:.0f} s without an answer, it was here"
            frame = frame.f_back
        return ""


def request_status(place: Place, token: str) -> str:
    """Ask the server for its status; "" if it answers, or what went wrong."""
    if place.tls:
        # It is ourselves that we ask, perhaps under a name not in the certificate.
        context = ssl._create_unverified_context()
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            place.host, place.port, timeout=PATIENCE, context=context
        )
    else:
        connection = http.client.HTTPConnection(
            place.host, place.port, timeout=PATIENCE
        )
    try:
        headers = {"Authorization": f"token {token}"}
        connection.request("GET", f"{place.base}/api/status", headers=headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the server does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return (
        "" if status == 200 else f"the server answers its first request with {status}"
    )


@contextmanager
def explaining(folder: str | None) -> Iterator[Problems]:
    """Turn an exception from the learner's modules into `problems.found`."""
    problems = Problems(Path(folder) if folder else None)
    log = logging.getLogger("dustdevil")
    if folder:
        log.addHandler(problems)
    try:
        yield problems
    except Exception as error:
        if not problems.note(error):
            raise
    finally:
        log.removeHandler(problems)
