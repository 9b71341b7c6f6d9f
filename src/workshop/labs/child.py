"""The process in which checks run: one fork for each, so that none spoils another.

`python -m workshop.labs.child` reads a job as JSON from its input and writes one
verdict a line. It stays small and imports nothing of `dustdevil`: a fork of it takes
milliseconds and loads the learner's modules fresh.

A check that takes too long is ended by `faulthandler`, whose watchdog is a thread
outside of Python: it finds the line even where a system call blocks.
"""

import contextlib
import faulthandler
import importlib
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from workshop import overlay
from workshop.labs.checks import Bench, Check, Wrong
from workshop.labs.engine import told
from workshop.labs.lab import Lab, load
from workshop.labs.source import YOUR_TURN, not_written
from workshop.labs.verdict import (
    CRASH,
    ERROR,
    HANG,
    NOT_ATTEMPTED,
    PASSED,
    WRONG,
    Verdict,
)

MEMORY = 1 << 30  # bytes a check may use: an endless loop that appends ends early
GRACE = 1.0  # seconds after its limit until a check that lives on is killed
PRINTED = 2000  # characters of the learner's output that are shown
LOADED = "loaded\n"  # the first line of a dump, once the modules are imported
# What the modules import of the library: once here, and not in the fork of each check.
NEEDED = "heapq", "inspect", "logging", "queue", "ssl", "threading"
# One frame of a dump: File "…/loop.py", line 12 in turn
FRAME = re.compile(r'^ +File "(.+)", line (\d+) in (\S+)', re.MULTILINE)


def main() -> None:
    """Run the job on standard input; stop at the first failure unless told not to."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    for name in NEEDED:
        importlib.import_module(name)
    job = json.load(sys.stdin)
    lab, folder = load(Path(job["lab"])), Path(job["folder"]).resolve()
    for check in lab.checks:
        if check.name in job["checks"]:
            limit = min(check.limit, job["limit"] or check.limit)
            verdict = Trial(lab, check, folder, job["seed"], limit).run()
            print(json.dumps(verdict.as_dict()), flush=True)
            if not verdict.passed and not job["go_on"]:
                break


class Trial:
    """One check on the modules of one folder."""

    def __init__(
        self, lab: Lab, check: Check, folder: Path, seed: int, limit: float
    ) -> None:
        self.lab, self.check, self.folder = lab, check, folder
        self.seed, self.limit = seed, limit

    def run(self) -> Verdict:
        """Fork, wait, and read what the child wrote, or why it could not."""
        with (
            tempfile.TemporaryFile("w+") as result,
            tempfile.TemporaryFile("w+") as printed,
            tempfile.TemporaryFile("w+") as dump,
        ):
            pid = os.fork()
            if pid == 0:
                self._in_child(result, printed, dump)
            status = self._wait(pid)
            texts = [self._read(file) for file in (result, printed, dump)]
        verdict = self._judge(status, texts[0], texts[2])
        if not verdict.passed:
            verdict.printed = texts[1][:PRINTED].rstrip()
            if verdict.loaded:
                self._look_for_empty_functions(verdict)
        return verdict

    def _wait(self, pid: int) -> int:
        """Return the exit code as `subprocess` has it: minus the signal's number."""
        deadline = time.monotonic() + self.limit + GRACE
        pause = 0.001
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if not done and time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                done, status = os.waitpid(pid, 0)
            if done:
                self._end_group(pid)
                return os.waitstatus_to_exitcode(status)
            time.sleep(pause)
            pause = min(pause * 2, 0.004)  # a lab has a dozen checks: it adds up

    def _end_group(self, pid: int) -> None:
        """End what the check started; its process group has the child's number."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)

    def _read(self, file: Any) -> str:
        file.seek(0)
        return file.read()

    def _in_child(self, result: Any, printed: Any, dump: Any) -> NoReturn:
        code = 1
        try:
            os.setpgid(0, 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.dup2(printed.fileno(), 1)
            os.dup2(printed.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            _limit_memory()
            faulthandler.enable(file=dump)
            faulthandler.dump_traceback_later(self.limit, exit=True, file=dump)
            json.dump(self._examine(dump).as_dict(), result)
            result.flush()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _examine(self, dump: Any) -> Verdict:
        """Run the check's function here and say what came of it."""
        bench = Bench(self.seed, self.check.name)
        verdict = self._verdict(PASSED)
        try:
            overlay.install(self.folder, only=self.lab.modules)
            for module in self.lab.modules:
                importlib.import_module(f"{overlay.PACKAGE}.{module}")
            print(LOADED, end="", file=dump, flush=True)
            self.check.function(bench)
        except BaseException as error:
            verdict = self._failure(error)
            verdict.wire = bench.transcript()
        return verdict

    def _verdict(self, status: str, message: str = "", where: str = "") -> Verdict:
        check = self.check
        return Verdict(
            check.name, check.title, check.step, status, message, where, seed=self.seed
        )

    def _failure(self, error: BaseException) -> Verdict:
        if isinstance(error, overlay.OverlayError):
            verdict = self._verdict(ERROR, str(error))
            verdict.loaded = False
            return verdict
        if isinstance(error, Wrong):
            # Where an error of the learner's is what was got, its line helps.
            where = self._where(error.__cause__) if error.__cause__ else ""
            return self._verdict(WRONG, str(error), where)
        if isinstance(error, NotImplementedError) and YOUR_TURN in str(error):
            name = str(error).removeprefix(YOUR_TURN)
            return self._verdict(
                NOT_ATTEMPTED, f"the check calls {name}, which is yours to write"
            )
        said = "".join(traceback.format_exception_only(error)).strip()
        if isinstance(error, SystemExit):
            said = f"it ended the program: {said}"
        where = self._where(error)
        if where:
            return self._verdict(ERROR, said, where)
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return self._verdict(
            ERROR,
            f"{said}\nin the check, which can't go on with what your code gave it: "
            f"{frame.line}",
        )

    def _where(self, error: BaseException) -> str:
        for frame in reversed(traceback.extract_tb(error.__traceback__)):
            if self._is_learners(frame.filename):
                return self._tell(frame.filename, frame.lineno or 0, frame.name)
        return ""

    def _is_learners(self, file: str) -> bool:
        return self.folder in Path(file).parents

    def _tell(self, file: str, line: int, function: str) -> str:
        lines = Path(file).read_text(encoding="utf-8").splitlines()
        code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
        name = f"{self.folder.name}/{overlay.relative(Path(file), self.folder)}"
        return f"{name}, line {line}, in {function}: {code}"

    def _judge(self, status: int, result: str, dump: str) -> Verdict:
        """Make a verdict of what the child left."""
        if status == 0 and result:
            return Verdict(**json.loads(result))
        verdict = self._ended(status, dump)
        verdict.loaded = dump.startswith(LOADED)
        return verdict

    def _ended(self, status: int, dump: str) -> Verdict:
        if "Timeout (" in dump or status == -signal.SIGKILL:
            return self._verdict(
                HANG,
                f"no end after {self.limit:g} seconds; it was still here:",
                self._innermost(dump) or "(no line of yours: the check was waiting)",
            )
        how = (
            f"by the signal {signal.Signals(-status).name}"
            if status < 0
            else f"with exit code {status}"
        )
        return self._verdict(
            CRASH, f"the process ended at once, {how}", self._innermost(dump)
        )

    def _innermost(self, dump: str) -> str:
        """The learner's innermost frame; the main thread stands last in a dump."""
        for thread in reversed(re.split(r"^(?=\w*.*Thread 0x)", dump, flags=re.M)):
            for file, line, function in FRAME.findall(thread):
                if self._is_learners(file):
                    return self._tell(file, int(line), function)
        return ""

    def _look_for_empty_functions(self, verdict: Verdict) -> None:
        """Say *not attempted* where a function of this step is not written yet."""
        for module in self.lab.modules:
            names = [
                function.name
                for function in self.lab.functions
                if (function.module, function.step) == (module, self.check.step)
            ]
            file = self.folder / overlay.path_of(module)
            try:
                missing = not_written(file.read_text(encoding="utf-8"), names)
            except (OSError, SyntaxError, ValueError):
                return
            if missing:
                first = missing[0]
                place = told(self.folder, module)
                if first.line:
                    place += f", line {first.line}"
                verdict.status, verdict.where, verdict.wire = NOT_ATTEMPTED, "", []
                verdict.message = f"{first.name} {first.how} ({place})"
                return


def _limit_memory() -> None:
    # macOS has no such limit; the time limit has to do there.
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
