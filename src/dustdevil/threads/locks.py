"""Seven ways for threads to wait for each other, from one lock of the system's.

The interpreter runs one thread at a time, and may change threads in the middle of
what we mean as one step: between reading a count and storing the next. So threads that
share anything need rules about which of them touches it when. The system offers a
lock: the first thread acquires it, the next one sleeps until it is released. Everything
here is made of that, and of plain attributes that are touched only under a lock.

The semantics are those of the standard library's `threading`, and CPython's own tests
of it, Lib/test/lock_tests.py, pass here.
"""

from _thread import allocate_lock, get_ident
from collections import deque
from collections.abc import Callable
from threading import BrokenBarrierError
from time import monotonic
from typing import Any

# The raw lock: `acquire(blocking=True, timeout=-1)` says whether it was taken; any
# thread may `release()` it. Without one, two threads that both read 7 both write 8.
Lock = allocate_lock


class RLock:
    """A lock that its owner may take again, and gives back as often.

    With a plain lock, a method that holds it and calls another that takes it would
    wait for itself, for ever.
    """

    def __init__(self) -> None:
        self._lock: Any = Lock()
        self._owner: int | None = None
        self._count = 0

    def __repr__(self) -> str:
        state = "locked" if self._count else "unlocked"
        count = f"owner={self._owner} count={self._count}"
        return f"<{state} locks.RLock object {count} at {id(self):#x}>"

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire it, within `timeout` seconds (-1: no limit); say whether that worked.

        Raises ValueError for a timeout with `blocking=False`, and a negative one.
        """
        # No lock is needed to ask this: no other thread can make it true or false.
        if not self._is_owned():
            if not self._lock.acquire(blocking, timeout):
                return False
            self._owner = get_ident()
        self._count += 1
        return True

    def release(self) -> None:
        """Release it once; RuntimeError for a thread that does not hold it."""
        self._check_owned()
        self._count -= 1
        if self._count == 0:
            self._owner = None
            self._lock.release()

    def locked(self) -> bool:
        """Whether a thread holds it, this one or another (`threading`: since 3.14)."""
        return self._lock.locked()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    # For Condition, which gives the lock up, however often it was taken.

    def _is_owned(self) -> bool:
        return self._owner == get_ident()

    def _check_owned(self) -> None:
        if not self._is_owned():
            raise RuntimeError("this thread does not hold the lock")

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0

    def _release_save(self) -> int:
        self._check_owned()
        count, self._count = self._count, 1
        self.release()
        return count

    def _acquire_restore(self, count: int) -> None:
        self.acquire()
        self._count = count

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._owner, self._count = None, 0


class Condition:
    """Wait, under a lock, until somebody says that something has changed.

        with condition:
            while not items:
                condition.wait()
            item = items.popleft()

    Giving up the lock and falling asleep are one step here. As two, a thread could
    find nothing to do, and be told of something just before it sleeps: it would sleep
    for ever.
    """

    def __init__(self, lock: Any = None) -> None:
        self._lock = RLock() if lock is None else lock
        self._waiting: deque[Any] = deque()  # a lock for each who sleeps

    def __repr__(self) -> str:
        return repr_of(self, f"{self._lock!r}, {len(self._waiting)} waiting")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lock, name)  # acquire, release: it can what its lock can

    def __enter__(self) -> bool:
        return self._lock.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._lock.__exit__(*error)

    def wait(self, timeout: float | None = None) -> bool:
        """Sleep until notified; False if `timeout` seconds have passed before.

        The lock is released meanwhile, and held again at the end in any case. Raises
        RuntimeError if it is not held.
        """
        self._check_owned()
        waiter = Lock()
        waiter.acquire()
        self._waiting.append(waiter)
        held = self._give_up()
        try:
            # It is taken, so this sleeps: until notify() releases it.
            waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0))
        finally:
            self._take_back(held)
            # The timeout may have run out, and a notification have come before we had
            # the lock again. It was meant for us, and has woken no other thread.
            notified = waiter not in self._waiting
            if not notified:
                self._waiting.remove(waiter)
        return notified

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None):
        """Wait until `predicate()` is true; returns its last answer."""
        deadline = None if timeout is None else monotonic() + timeout
        while not (answer := predicate()):
            left = None if deadline is None else deadline - monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return answer

    def notify(self, n: int = 1) -> None:
        """Wake the `n` threads that have waited longest, or all if they are fewer.

        They go on when the lock is released. RuntimeError if it is not held.
        """
        self._check_owned()
        for _ in range(min(n, len(self._waiting))):
            self._waiting.popleft().release()

    def notify_all(self) -> None:
        """Wake all who wait."""
        self.notify(len(self._waiting))

    def _give_up(self) -> int:
        if hasattr(self._lock, "_release_save"):
            return self._lock._release_save()
        self._lock.release()
        return 1

    def _take_back(self, held: int) -> None:
        if hasattr(self._lock, "_acquire_restore"):
            self._lock._acquire_restore(held)
        else:
            self._lock.acquire()

    def _check_owned(self) -> None:
        if hasattr(self._lock, "_is_owned"):
            owned = self._lock._is_owned()
        else:
            # By whom, a plain lock does not say.
            owned = not self._lock.acquire(False)
            if not owned:
                self._lock.release()
        if not owned:
            raise RuntimeError("this thread does not hold the condition's lock")

    def _at_fork_reinit(self) -> None:
        # In the child of a fork(2) there is this thread only: nobody will come to
        # release what others held, and nobody waits.
        self._lock._at_fork_reinit()
        self._waiting.clear()


class Semaphore:
    """So many at a time: `acquire` takes one of `value` places, `release` gives one.

    A lock keeps a shared thing whole; this keeps it from being shared by too many, as
    ten threads would the five connections of a database.
    """

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError(f"a semaphore can't begin below zero, with {value}")
        self._value = value
        self._changed = Condition()

    def __repr__(self) -> str:
        return repr_of(self, f"value={self._value}")

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take a place, within `timeout` seconds; say whether there was one.

        Raises ValueError for a timeout with `blocking=False`.
        """
        if not blocking and timeout is not None:
            raise ValueError("who does not wait has no use for a timeout")
        with self._changed:
            patience = timeout if blocking else 0
            if not self._changed.wait_for(lambda: self._value > 0, patience):
                return False
            self._value -= 1
            return True

    def release(self, n: int = 1) -> None:
        """Give `n` places back, or add them; ValueError for less than one."""
        if n < 1:
            raise ValueError(f"at least one place is given back, not {n}")
        with self._changed:
            self._value += n
            self._changed.notify(n)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """A semaphore that notices when more is given back than was taken.

    With a plain one, a second `release` of the same place lets one too many in, from
    then on, and nothing fails where the mistake is.
    """

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self._most = value

    def __repr__(self) -> str:
        return repr_of(self, f"value={self._value}/{self._most}")

    def release(self, n: int = 1) -> None:
        """Give `n` places back; ValueError if so many were not taken."""
        with self._changed:
            if self._value + n > self._most:
                raise ValueError("more was given back than taken")
            super().release(n)  # takes the lock again: nobody comes between


class Event:
    """A flag to wait for: it stays up, so that it can be neither missed nor late.

    A bare notification is heard only by those who wait already. A thread that looks
    again and again instead keeps a core from doing anything else.
    """

    def __init__(self) -> None:
        self._cond = Condition(Lock())
        self._up = False

    def __repr__(self) -> str:
        return repr_of(self, "set" if self._up else "unset")

    def is_set(self) -> bool:
        """Whether nobody needs to wait."""
        return self._up

    def set(self) -> None:
        """Raise the flag: all who wait go on."""
        with self._cond:
            self._up = True
            self._cond.notify_all()

    def clear(self) -> None:
        """Lower it: who comes now waits."""
        with self._cond:
            self._up = False

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the flag goes up; False if `timeout` seconds pass before."""
        with self._cond:
            # What wait() says counts, and not the flag, which may be down again.
            return self._up or self._cond.wait(timeout)

    def _at_fork_reinit(self) -> None:
        self._cond._at_fork_reinit()


class Round:
    """One filling of a barrier."""

    def __init__(self) -> None:
        self.arrived = 0
        self.open = False
        self.broken = False


class Barrier:
    """A place where `parties` threads meet: nobody goes on before all have come.

    Without it, the quick ones begin with the next stage of a computation while the
    slow ones are still writing what that stage reads. The last to come calls
    `action`. If one is late by `timeout` seconds, or aborts, nobody waits for him for
    ever: all get a BrokenBarrierError.
    """

    def __init__(
        self,
        parties: int,
        action: Callable[[], Any] | None = None,
        timeout: float | None = None,
    ) -> None:
        if parties < 1:
            raise ValueError(f"a barrier is for one thread or more, not for {parties}")
        self.parties = parties
        self._action = action
        self._timeout = timeout
        self._changed = Condition(Lock())
        self._round = Round()

    def __repr__(self) -> str:
        waiters = f"waiters={self.n_waiting}/{self.parties}"
        return repr_of(self, "broken" if self.broken else waiters)

    @property
    def n_waiting(self) -> int:
        """How many have come to the round that is not full yet."""
        return 0 if self.broken else self._round.arrived

    @property
    def broken(self) -> bool:
        """Whether waiting fails, until `reset()`."""
        return self._round.broken

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others; returns how many were here before, from 0.

        Raises BrokenBarrierError, and what `action` raised to the one who called it.
        """
        timeout = self._timeout if timeout is None else timeout
        with self._changed:
            # Those who come back for the next round find a new one: they can't be
            # taken for late comers of this.
            here = self._round
            place, here.arrived = here.arrived, here.arrived + 1
            try:
                self._meet(here, timeout)
            except BaseException:
                self._break(here)
                raise
            return place

    def _meet(self, here: Round, timeout: float | None) -> None:
        if here.arrived == self.parties and not here.broken:
            if self._action is not None:
                self._action()
            here.open = True
            self._round = Round()
            self._changed.notify_all()
        self._changed.wait_for(lambda: here.open or here.broken, timeout)
        if not here.open:
            raise BrokenBarrierError

    def _break(self, here: Round) -> None:
        here.broken = not here.open
        self._changed.notify_all()

    def abort(self) -> None:
        """Break it: who waits, or comes, gets BrokenBarrierError, until `reset()`."""
        with self._changed:
            self._break(self._round)

    def reset(self) -> None:
        """Make it as new; who still waits gets BrokenBarrierError."""
        with self._changed:
            self._break(self._round)
            self._round = Round()


def repr_of(thing: object, state: str) -> str:
    """What the primitives show of themselves in a debugger."""
    return f"<locks.{type(thing).__name__} at {id(thing):#x}: {state}>"
