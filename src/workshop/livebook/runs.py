"""What the server knows about the cells that were run, so that pages need not remember.

A page can be reloaded, lose its connection, or be opened twice. Whatever happens, it
has to show what is true: which cell runs, since when, what it has printed, whether it
asks for input. So the server keeps a *run* for each cell that a page has had executed:
from the request to the end, with the output so far. A page that comes back is told all
runs and goes on from there.

What a run keeps is bounded by what it costs: the newest `TEXT` characters of a block of
text, the newest `BLOCKS` outputs, `BYTES` in one run and `TOTAL` in all. What was left
out is counted, and the page says so.
"""

import time
from collections.abc import Iterator
from typing import Any

TEXT = 200_000  # characters kept of one block of text
BLOCKS = 200  # outputs kept of one run
BYTES = 8 << 20  # of outputs kept of one run; a single larger one is kept alone
TOTAL = 32 << 20  # of outputs kept of all runs of a kernel
RUNS = 500  # runs kept, whether their cells are on the page or not

SHOWN = ("stream", "display_data", "execute_result", "error")
OUTPUTS = frozenset({*SHOWN, "clear_output", "update_display_data"})

MODEL = (
    *("id", "cell", "state", "status", "ename", "count"),
    *("asked", "began", "ended", "question", "python"),
)

Content = dict[str, Any]


class Block:
    """One output: a message's type and content. Text that continues it is joined."""

    def __init__(self, kind: str, content: Content, size: int) -> None:
        self.kind = kind
        self.content = content
        self.size = size
        self._pieces: list[str] = []

    def append(self, text: str) -> int:
        """Add text to a stream; return how many characters were cut at its beginning.

        Cutting copies all of the text, so it waits until there is twice too much.
        """
        self._pieces.append(text)
        self.size += len(text)
        return self._cut() if self.size > 2 * TEXT else 0

    def _cut(self) -> int:
        text = self._join()
        kept = text[-TEXT:]
        kept = kept[
            kept.find("\n") + 1 :
        ]  # from the beginning of a line, if it has one
        self.content = {**self.content, "text": kept}
        self.size = len(kept)
        return len(text) - len(kept)

    def _join(self) -> str:
        if self._pieces:
            text = "".join([self.content["text"], *self._pieces])
            self.content = {**self.content, "text": text}
            self._pieces.clear()
        return self.content["text"]

    def message(self) -> dict[str, Any]:
        """As a page reads it: type and content."""
        if self.kind == "stream":
            self._join()
        return {"msg_type": self.kind, "content": self.content}


class Output:
    """The output of one run, as a list of blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.size = 0
        self.cut_characters = 0
        self.cut_blocks = 0
        self.has_displays = False  # whether one can be changed later
        self._clear_next = False

    def add(self, kind: str, content: Content, size: int) -> None:
        """Take in a message about output; `size` is the length of its JSON."""
        if kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self.clear()
        elif kind in SHOWN:
            if self._clear_next:
                self.clear()
            self._append(kind, content, size)

    def clear(self) -> None:
        """Forget all that was shown, and what was cut of it."""
        self.__init__()

    def change_display(self, content: Content, size: int) -> None:
        """Put new data into the blocks that show its display_id."""
        wanted = (content.get("transient") or {}).get("display_id")
        for block in self.blocks:
            if wanted and _display_id(block) == wanted:
                new = {name: content.get(name) or {} for name in ("data", "metadata")}
                block.content = {**block.content, **new}
                self.size += size - block.size
                block.size = size

    def messages(self) -> list[dict[str, Any]]:
        """What has to be shown, in order."""
        return [block.message() for block in self.blocks]

    def _append(self, kind: str, content: Content, size: int) -> None:
        last = self.blocks[-1] if self.blocks else None
        if kind == "stream":
            text, name = str(content.get("text", "")), content.get("name")
            if last and last.kind == "stream" and last.content.get("name") == name:
                before = last.size
                self.cut_characters += last.append(text)
                self.size += last.size - before
                return
            content, size = {"name": name, "text": text}, len(text)
        self.blocks.append(Block(kind, content, size))
        self.has_displays |= _display_id(self.blocks[-1]) is not None
        self.size += size
        self._drop_oldest()

    def _drop_oldest(self) -> None:
        while len(self.blocks) > BLOCKS or (self.size > BYTES and len(self.blocks) > 1):
            self.size -= self.blocks.pop(0).size
            self.cut_blocks += 1


def _display_id(block: Block) -> str | None:
    return (block.content.get("transient") or {}).get("display_id")


class Run:
    """One execution of a cell. Times are seconds since the epoch."""

    def __init__(self, id: str, cell: str, code: str, python: int) -> None:
        self.id = id
        self.python = python  # which of the kernel's processes has its variables
        self.cell = cell
        self.code = code
        self.asked = time.time()
        self.began: float | None = None
        self.ended: float | None = None
        self.count: int | None = None
        self.status = ""  # "ok", "error", "aborted"; "dead", "restarted"
        self.ename = ""
        self.question: dict[str, Any] | None = None
        self.output = Output()
        self.reply: Content | None = None  # the kernel's, about how it went
        self.idle = False  # the kernel has said that it is done with it
        self.stopped = False  # the reader has asked it to stop

    @property
    def state(self) -> str:
        """ "queued", "running" or "done"."""
        if self.ended is not None:
            return "done"
        return "queued" if self.began is None else "running"

    def model(self) -> dict[str, Any]:
        """What a page has to know, without the output."""
        return {name: getattr(self, name) for name in MODEL} | {"now": time.time()}

    def whole(self) -> dict[str, Any]:
        """All of it: a page that reads this needs nothing that was said before."""
        return self.model() | {
            "code": self.code,
            "outputs": self.output.messages(),
            "cut": {
                "characters": self.output.cut_characters,
                "outputs": self.output.cut_blocks,
            },
        }

    def settle(self) -> bool:
        """End it when reply and idle are both here: they come in either order."""
        if self.state == "done" or self.reply is None or not self.idle:
            return False
        self.end(self.reply.get("status", "error"), self.reply.get("ename", ""))
        return True

    def end(self, status: str, ename: str = "") -> None:
        """It is over; what it was asked to answer is not asked any more."""
        self.status, self.ename, self.ended = status, ename, time.time()
        self.question = None


class Runs:
    """The runs of one kernel, by the id of the request, the oldest first."""

    def __init__(self) -> None:
        self._runs: dict[str, Run] = {}
        self._added = 0  # bytes since we last looked at the total

    def __iter__(self) -> Iterator[Run]:
        return iter(list(self._runs.values()))

    def get(self, id: str) -> Run | None:
        """The run of that request, if it is known."""
        return self._runs.get(id)

    def active(self) -> list[Run]:
        """Those that are not done."""
        return [run for run in self if run.state != "done"]

    def ask(self, id: str, cell: str, code: str, python: int = 1) -> Run:
        """A new run. The cell's earlier one is forgotten if it is done."""
        for run in self:
            if run.cell == cell and run.state == "done":
                del self._runs[run.id]
        new = self._runs[id] = Run(id, cell, code, python)
        while len(self._runs) > RUNS and (done := self._oldest_done()):
            del self._runs[done.id]
        return new

    def add(self, run: Run, kind: str, content: Content, size: int) -> None:
        """Keep output of a run; a changed display may belong to any of them."""
        if kind == "update_display_data":
            for each in self._runs.values():
                if each.output.has_displays:
                    each.output.change_display(content, size)
        else:
            run.output.add(kind, content, size)
        self._added += size
        if self._added > BYTES:
            self._added = 0
            self._bound()

    def end_all(self, status: str) -> list[Run]:
        """Nothing runs any more; return the runs that this ends."""
        ended = self.active()
        for run in ended:
            run.end(status)
        return ended

    def _oldest_done(self) -> Run | None:
        return next((run for run in self if run.state == "done"), None)

    def _bound(self) -> None:
        total = sum(run.output.size for run in self._runs.values())
        for run in self:
            if total <= TOTAL:
                return
            if run.state == "done" and run.output.blocks:
                total -= run.output.size
                cut = len(run.output.blocks)
                run.output.clear()
                run.output.cut_blocks = cut
