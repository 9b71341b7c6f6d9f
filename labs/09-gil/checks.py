"""The checks of lab 9: `locks` and `threads`, rebuilt.

Nearly all of them need no second thread. Locks are made up: where a real one would
sleep, a made-up one lets somebody else have his turn, in the role of another thread,
and says what is wrong if nobody would ever come. So each unlucky moment comes exactly
when we want it, and no check depends on how busy the machine is.
"""

import contextvars
import ssl  # noqa: F401 (the modules need it: once here, and not in every check)
import sys
import threading
from contextlib import contextmanager

from workshop.labs.checks import (
    Bench,
    Wrong,
    check,
    expect,
    expect_raises,
    expect_true,
    name_of,
)

NOON = 1_000_000.0  # where the made-up clock begins, in seconds
US, OTHER, THIRD = 1, 2, 3  # who plays: the numbers of made-up threads
PATIENCE = 2.0  # seconds for real threads, of which a right answer needs none


class Stage:
    """Made-up locks, a made-up clock, and somebody who plays all the threads."""

    def __init__(self, bench: Bench) -> None:
        self.me = US
        self.now = NOON
        self.turns: list = []  # what others do when somebody sleeps, one after another
        self.stuck = ""
        module = bench.threads.locks
        module.Lock = lambda: MadeUpLock(self)
        module.get_ident = lambda: self.me
        module.monotonic = lambda: self.now

    @contextmanager
    def playing(self, who: int):
        """Be another thread for a while."""
        self.me, before = who, self.me
        try:
            yield
        finally:
            self.me = before

    def while_asleep(self, *turns) -> None:
        """When somebody sleeps next, another thread does this; then the next one."""
        self.turns += turns

    def an_hour(self) -> None:
        """What may happen while somebody sleeps: nothing but time."""
        self.now += 3600

    def others_turn(self) -> bool:
        """Let another thread do what is planned; False if nothing is."""
        if not self.turns:
            return False
        turn = self.turns.pop(0)
        with self.playing(OTHER if self.me != OTHER else THIRD):
            turn()
        return True


class MadeUpLock:
    """A raw lock on the stage; `given_up` is called once, when it is next released."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.taken = stage, False
        self.given_up = None
        self.wanted = None  # called once, before it is next taken

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        self._call("wanted")
        deadline = None if timeout == -1 else self.stage.now + timeout
        while self.taken:
            if not blocking or timeout == 0:
                return False
            if not self.stage.others_turn() and deadline is None:
                why = "nobody will ever release the lock that this thread waits for"
                self.stage.stuck = self.stage.stuck or why
                raise Asleep(self.stage.stuck)
            if self.taken and deadline is not None:
                if not self.stage.turns:  # nothing else happens until then
                    self.stage.now = max(self.stage.now, deadline)
                if self.stage.now >= deadline:
                    return False
        self.taken = True
        return True

    def release(self) -> None:
        if not self.taken:
            raise RuntimeError("release unlocked lock")
        self.taken = False
        self._call("given_up")

    def _call(self, name: str) -> None:
        visit = getattr(self, name)
        setattr(self, name, None)
        if visit is not None:
            with self.stage.playing(OTHER if self.stage.me != OTHER else THIRD):
                visit()

    def locked(self) -> bool:
        return self.taken

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_) -> None:
        self.release()


class Asleep(BaseException):
    """A made-up thread would sleep for ever."""


@contextmanager
def sleeping_ends(what: str, why: str = ""):
    """Tell it in plain words when the block would sleep for ever."""
    try:
        yield
    except Asleep as asleep:
        raise Wrong(
            f"{what}\n  expected: it goes on\n  got:      it sleeps for ever\n"
            f"{why or asleep}"
        ) from None


# RLock


@check(
    "It may be taken again by its owner, and by nobody else",
    step=1,
    read="A lock that knows its owner",
    hints=[
        "Two threads may ask at the same time. The raw lock, self._lock, decides who "
        "gets it; self._owner remembers who that was, and self._count how often.",
        "Only who does not own it yet goes to the raw lock, and may come back with "
        "False. In release, forget the owner before the raw lock is given back.",
        "acquire: if not self._is_owned(): if not self._lock.acquire(blocking, "
        "timeout): return False; self._owner = get_ident(). Then self._count += 1.",
    ],
)
def owned(bench: Bench) -> None:
    stage = Stage(bench)
    lock = bench.threads.locks.RLock()
    times = bench.random.randint(3, 6)
    what = f"acquire() {times} times in one thread"
    why = "Its owner need not wait: the raw lock is held already, by this thread."
    with sleeping_ends(what, why):
        answers = [lock.acquire() for _ in range(times)]
    expect(f"{what}; what it returns", answers, [True] * times)
    expect_true(
        f"{what}; what another thread finds",
        lock._lock.taken,
        "the raw lock, self._lock, is held",
        "the raw lock is free",
        "Whoever else wants it has to wait at the raw lock.",
    )
    _refused(stage, lock, bench.random.randint(2, 9))
    for left in range(times - 1, -1, -1):
        try:
            lock.release()
        except RuntimeError as error:
            raise Wrong(
                f"taken {times} times; release() number {times - left}\n"
                f"  expected: it is given back once more\n  got:      {error}\n"
                "It stays ours until it has been given back as often as it was taken."
            ) from error
        with stage.playing(OTHER):
            got = lock.acquire(False)
            if got:
                lock.release()
        expect(
            f"taken {times} times, given back {times - left} times: another thread's "
            "acquire(False)",
            got,
            left == 0,
            "It is free when it has been given back as often as it was taken.",
        )
    _not_theirs(stage, lock)
    _forgets_before_it_gives_back(stage, lock)


def _refused(stage: Stage, lock, patience: int) -> None:
    with stage.playing(OTHER):
        expect(
            "another thread's acquire(False), while it is held",
            lock.acquire(False),
            False,
        )
        before = stage.now
        expect(
            f"another thread's acquire(timeout={patience}), while it is held",
            lock.acquire(timeout=patience),
            False,
        )
        expect("seconds that it waited", stage.now - before, patience)
    expect("acquire(False) of the owner afterwards", lock.acquire(False), True)
    lock.release()


def _not_theirs(stage: Stage, lock) -> None:
    why = "Only its owner may give it back; a raw lock would not mind."
    with expect_raises(RuntimeError, "release() of a lock that nobody holds", why):
        lock.release()
    lock.acquire()
    with (
        stage.playing(OTHER),
        expect_raises(RuntimeError, "release() by a thread that is not the owner", why),
    ):
        lock.release()
    lock.release()
    expect("count, after that", lock._count, 0)
    for arguments in ((False, 1), (True, -2)):
        with expect_raises(ValueError, f"acquire{arguments} of a free lock"):
            lock.acquire(*arguments)
    expect("acquire(False) after these two", lock.acquire(False), True)
    lock.release()


def _forgets_before_it_gives_back(stage: Stage, lock) -> None:
    def snatch():
        lock.acquire()

    lock.acquire()
    lock._lock.given_up = snatch
    lock.release()
    what = "in release(), another thread takes it the moment the raw lock is free"
    with stage.playing(OTHER):
        expect_true(
            f"{what}; who owns it then",
            lock._is_owned(),
            "the other thread",
            "nobody, or still the first",
            "Once the raw lock is given back, owner and count belong to the next one: "
            "change them before.",
        )
        expect(f"{what}; its count", lock._count, 1)
        lock.release()


@check(
    "It is given up whole, and taken back whole",
    step=1,
    read="A lock that knows its owner",
    hints=[
        "A condition sleeps without the lock. If its owner has taken it three times, "
        "three calls of release() would be needed.",
        "_release_save answers how often it was taken, and frees it; _acquire_restore "
        "gets that number back.",
        "count, self._count = self._count, 1; self.release(); return count. And back: "
        "self.acquire(), then self._count = count.",
    ],
)
def given_up_whole(bench: Bench) -> None:
    stage = Stage(bench)
    lock = bench.threads.locks.RLock()
    times = bench.random.randint(3, 6)
    for _ in range(times):
        lock.acquire()
    kept = lock._release_save()
    with stage.playing(OTHER):
        expect(
            f"taken {times} times, then _release_save(): another thread's "
            "acquire(False)",
            lock.acquire(False),
            True,
            "It must be free, however often it was taken.",
        )
        lock.acquire()
        with (
            stage.playing(THIRD),
            expect_raises(RuntimeError, "_release_save() of one that is not ours"),
        ):
            lock._release_save()
        expect(
            "_recursion_count() of its owner, who has taken it twice, after that",
            lock._recursion_count(),
            2,
            "Who does not hold it is refused before anything has changed.",
        )
        lock.release()
        lock.release()
    with sleeping_ends("_acquire_restore() of a free lock"):
        lock._acquire_restore(kept)
    expect(
        "_recursion_count() after _acquire_restore()",
        lock._recursion_count(),
        times,
        "It is held again as often as before.",
    )
    for _ in range(times):
        lock.release()
    expect("acquire(False), given back as often", lock.acquire(False), True)


# Condition


def hold(condition, times: int = 1) -> None:
    for _ in range(times):
        condition.acquire()


def wake(condition, number: int = 1):
    """What another thread does to wake somebody."""

    def turn():
        if not condition.acquire(False):
            raise Wrong(
                "wait(), while it sleeps: another thread takes the lock\n"
                "  expected: it is free\n  got:      it is still held\n"
                "Whoever sleeps with the lock can't be woken: nobody else gets in."
            )
        condition.notify(number)
        condition.release()

    return turn


@check(
    "To let go and to fall asleep are one step",
    step=2,
    read="Sleep until there is something to do",
    hints=[
        "Somebody may come by in the very moment in which the lock is given up. What "
        "must he find?",
        "A waiter is a raw lock that is taken, and hangs in self._waiting. To sleep is "
        "to take it once more. All of that except the sleeping comes before the lock "
        "is given up.",
        "waiter = Lock(); waiter.acquire(); self._waiting.append(waiter); held = "
        "self._give_up(); then waiter.acquire(…), and at last self._take_back(held).",
    ],
)
def one_step(bench: Bench) -> None:
    stage = Stage(bench)
    condition = bench.threads.locks.Condition()
    for name in ("wait", "notify"):
        with expect_raises(RuntimeError, f"{name}() without holding the lock"):
            getattr(condition, name)()
    times = bench.random.randint(2, 4)
    hold(condition, times)
    stage.while_asleep(wake(condition))
    what = "wait(); another thread notifies while it sleeps"
    with sleeping_ends(what):
        expect(f"{what}; it returns", condition.wait(), True)
    expect(
        f"{what}; how often the lock is held then, which was held {times} times",
        condition._recursion_count(),
        times,
    )
    expect(f"{what}; waiters left in self._waiting", len(condition._waiting), 0)

    stage.while_asleep(stage.an_hour, wake(condition))
    what = "wait(); another thread notifies an hour later"
    with sleeping_ends(what):
        expect(f"{what}; it returns", condition.wait(), True, "It has no timeout.")

    condition._lock._lock.given_up = wake(condition)
    what = "wait(); another thread notifies the moment the lock is free"
    why = (
        "The notification came before there was a waiter, and is lost. Hang up the "
        "waiter before you give up the lock."
    )
    with sleeping_ends(what, why):
        expect(f"{what}; it returns", condition.wait(), True)


@check(
    "Too late, or just in time",
    step=2,
    read="The real condition",
    hints=[
        "wait(timeout) can end in two ways. Whichever it was: what is left behind in "
        "self._waiting, and who holds the lock?",
        "Whoever was not notified takes his waiter away, or the next notification goes "
        "to one where nobody sleeps. And it is not too late until the lock is ours "
        "again.",
        "try: waiter.acquire(timeout=-1 if timeout is None else max(timeout, 0)); "
        "finally: self._take_back(held); notified = waiter not in self._waiting; if "
        "not notified: self._waiting.remove(waiter).",
    ],
)
def too_late(bench: Bench) -> None:
    stage = Stage(bench)
    condition = bench.threads.locks.Condition()
    hold(condition)
    patience = bench.random.randint(2, 9)
    for timeout, seconds in ((patience, patience), (0, 0), (-1, 0)):
        before = stage.now
        what = f"wait({timeout}), and nobody notifies"
        with sleeping_ends(what):
            expect(f"{what}; it returns", condition.wait(timeout), False)
        expect(f"{what}; seconds it slept", stage.now - before, seconds)
        expect(
            f"{what}; waiters left in self._waiting",
            len(condition._waiting),
            0,
            "A waiter in which nobody lies would get the next notification.",
        )
        expect(f"{what}; the lock is held", condition._is_owned(), True)
    _just_in_time(stage, condition)
    _interrupted(stage, condition)


def _just_in_time(stage: Stage, condition) -> None:
    restore = condition._lock._acquire_restore

    def late(held):
        with stage.playing(OTHER):
            wake(condition)()
        restore(held)

    condition._lock._acquire_restore = late
    expect(
        "wait(1): the time is up, and before the lock is ours again somebody notifies; "
        "it returns",
        condition.wait(1),
        True,
        "Whoever notified believes that one thread was woken. It is for us to say so.",
    )
    del condition._lock._acquire_restore


def _interrupted(stage: Stage, condition) -> None:
    def interrupt():
        raise KeyboardInterrupt

    stage.while_asleep(interrupt)
    with expect_raises(KeyboardInterrupt, "Ctrl-C comes while wait() sleeps"):
        condition.wait()
    expect_true(
        "Ctrl-C comes while wait() sleeps; afterwards",
        condition._is_owned() and not condition._waiting,
        "the lock is held again, and no waiter is left",
        "the lock is held: "
        f"{'yes' if condition._is_owned() else 'no'}, waiters left: "
        f"{len(condition._waiting)}",
        "The with statement around wait() will give the lock back, whatever happened.",
    )


@check(
    "The first who came is the first to be woken",
    step=2,
    read="Sleep until there is something to do",
    hints=[
        "self._waiting holds the waiters in the order in which they were hung up.",
        "notify wakes n of them, or all if there are fewer. To wake one: take his "
        "waiter out of the queue, and release it.",
        "for _ in range(min(n, len(self._waiting))): self._waiting.popleft().release()",
    ],
)
def in_order(bench: Bench) -> None:
    stage = Stage(bench)
    condition = bench.threads.locks.Condition()
    hold(condition)
    condition.notify()
    expect("notify() with nobody there; waiters", len(condition._waiting), 0)
    names = [bench.word() for _ in range(bench.random.randint(5, 8))]
    waiters = {}
    for name in names:
        waiters[name] = MadeUpLock(stage)
        waiters[name].acquire()
        condition._waiting.append(waiters[name])

    def woken():
        return [name for name in names if not waiters[name].taken]

    said = f"{', '.join(names)} sleep, in this order"
    condition.notify()
    expect(f"{said}; woken by notify()", woken(), names[:1])
    condition.notify(2)
    expect(f"{said}; woken after notify(2) more", woken(), names[:3])
    expect("waiters still in self._waiting", len(condition._waiting), len(names) - 3)
    condition.notify(100)
    expect(f"{said}; woken after notify(100)", woken(), names)
    expect("waiters still in self._waiting", len(condition._waiting), 0)


@check(
    "Who wakes up looks again, and one timeout is for all attempts",
    step=3,
    read="After the notification",
    hints=[
        "To be woken says that something has changed. It does not say that it is what "
        "we waited for, or that it is still there.",
        "A loop: as long as the predicate does not hold, wait. The time that is left "
        "is counted from the beginning, with monotonic().",
        "deadline = monotonic() + timeout, once; while not (answer := predicate()): "
        "left = deadline - monotonic(); if left <= 0: break; self.wait(left). Without "
        "a timeout, self.wait(None).",
    ],
)
def looks_again(bench: Bench) -> None:
    stage = Stage(bench)
    condition = bench.threads.locks.Condition()
    hold(condition)
    word = bench.word()
    with sleeping_ends("wait_for() of something that is true already"):
        got = condition.wait_for(lambda: word)
    expect("wait_for(predicate) returns what the predicate says", got, word)
    answers = iter([0, [], "", word])
    stage.while_asleep(wake(condition), wake(condition), wake(condition))
    what = "wait_for() of what comes true after the third notification"
    with sleeping_ends(what):
        expect(what, condition.wait_for(lambda: next(answers)), word)
    expect("turns of other threads that were left over", len(stage.turns), 0)
    answers = iter([0, word])
    stage.while_asleep(stage.an_hour, wake(condition))
    what = "wait_for() of what comes true with the first notification, an hour later"
    with sleeping_ends(what):
        expect(what, condition.wait_for(lambda: next(answers)), word)
    expect(
        f"{what}; how often it was notified",
        1 - len(stage.turns),
        1,
        "It gave up before: without a timeout it waits as long as it takes.",
    )
    _one_timeout(bench, stage, condition)


def _one_timeout(bench: Bench, stage: Stage, condition) -> None:
    step = bench.random.randint(2, 5)

    def later():
        stage.now += step
        wake(condition)()

    began = stage.now
    patience = 3 * step + 1
    stage.while_asleep(*[later] * 3)
    what = f"wait_for(never, {patience}), notified in vain every {step} s, three times"
    with sleeping_ends(what):
        expect(f"{what}; it returns", condition.wait_for(lambda: "", patience), "")
    expect(
        f"{what}; seconds until it gives up",
        stage.now - began,
        patience,
        "The timeout is for the whole, and not for each attempt."
        if stage.now - began > patience
        else "",
    )
    began = stage.now
    for timeout in (0, -1):
        with sleeping_ends(f"wait_for(never, {timeout})"):
            got = condition.wait_for(lambda: 0, timeout)
        expect(f"wait_for(never, {timeout}) returns", got, 0)
    expect("seconds that these two took", stage.now - began, 0)
    true_at_last = iter([0, 1])
    with sleeping_ends("wait_for(predicate, 5): the time passes without notification"):
        got = condition.wait_for(lambda: next(true_at_last), 5)
    expect(
        "wait_for(predicate, 5), never notified, but true when the time is up",
        got,
        1,
        "It looks a last time: its answer is what the predicate says at the end.",
    )


# Semaphore


@check(
    "So many get a place, and the others wait",
    step=4,
    read="The real condition",
    hints=[
        "self._value is the number of free places. It must not be looked at in one "
        "moment and changed in another: do both under the lock of self._changed.",
        "acquire: with self._changed, wait_for a place (a timeout of 0 for one who "
        "does not want to block), and take it. release: add, and notify as many.",
        "if not self._changed.wait_for(lambda: self._value > 0, timeout if blocking "
        "else 0): return False; self._value -= 1; return True.",
    ],
)
def places(bench: Bench) -> None:
    stage = Stage(bench)
    number = bench.random.randint(2, 5)
    semaphore = bench.threads.locks.Semaphore(number)
    what = f"Semaphore({number}), {number} times acquire()"
    with sleeping_ends(what):
        expect(what, [semaphore.acquire() for _ in range(number)], [True] * number)
    before, patience = stage.now, bench.random.randint(2, 9)
    expect("acquire(False), no place left", semaphore.acquire(False), False)
    expect("seconds that it waited", stage.now - before, 0)
    expect(
        f"acquire(timeout={patience}), no place left",
        semaphore.acquire(timeout=patience),
        False,
    )
    expect("seconds that it waited", stage.now - before, patience)
    with expect_raises(ValueError, "acquire(False, 1)"):
        semaphore.acquire(False, 1)
    stage.while_asleep(semaphore.release)
    what = "acquire(), no place left; another thread gives one back meanwhile"
    with sleeping_ends(what, "release() has to notify those who wait."):
        expect(what, semaphore.acquire(), True)
    expect("acquire(False) right after it", semaphore.acquire(False), False)
    _snatched(stage, semaphore)
    _several_back(bench, stage, semaphore, number)


def _snatched(stage: Stage, semaphore) -> None:
    def snatch():
        semaphore.release()
        semaphore.acquire(False)

    stage.while_asleep(snatch, semaphore.release)
    what = (
        "acquire(), no place left; one is given back, and a third thread takes it "
        "before we wake; then another one"
    )
    with sleeping_ends(what):
        expect(what, semaphore.acquire(), True)
    expect(
        "free places after that",
        semaphore._value,
        0,
        "To be woken is not yet to have a place: look again.",
    )


def _several_back(bench: Bench, stage: Stage, semaphore, number: int) -> None:
    waiters = [MadeUpLock(stage) for _ in range(6)]
    for waiter in waiters:
        waiter.acquire()
        semaphore._changed._waiting.append(waiter)
    many = bench.random.randint(2, 4)
    semaphore.release(many)
    expect(f"free places after release({many})", semaphore._value, many)
    expect(
        f"of six who wait, woken by release({many})",
        sum(not waiter.taken for waiter in waiters),
        many,
        "As many as there are places now.",
    )
    semaphore._changed._waiting.clear()
    for wrong in (0, -1):
        with expect_raises(ValueError, f"release({wrong})"):
            semaphore.release(wrong)
    expect("free places after these two", semaphore._value, many)
    expect_true(
        "the condition's lock after all this",
        semaphore._changed.acquire(False),
        "it is free",
        "somebody holds it still",
    )


@check(
    "It notices when too much is given back, even by two at once",
    step=4,
    read="The real condition",
    hints=[
        "self._most is how many places there are in all. Nothing may change when it "
        "would be exceeded.",
        "Another thread may give back between your look at self._value and the adding. "
        "Both belong under one hold of the lock.",
        "with self._changed: if self._value + n > self._most: raise ValueError(…), and "
        "still inside of the with: super().release(n). The lock is an RLock.",
    ],
)
def too_many(bench: Bench) -> None:
    Stage(bench)
    number = bench.random.randint(3, 5)
    semaphore = bench.threads.locks.BoundedSemaphore(number)
    taken = bench.random.randint(2, number)
    for _ in range(taken):
        semaphore.acquire()
    with expect_raises(ValueError, f"{taken} places taken, release({taken + 1})"):
        semaphore.release(taken + 1)
    expect("free places after that", semaphore._value, number - taken)
    what = f"release({taken}), and then release() once more"
    with sleeping_ends(what):
        semaphore.release(taken)
    with expect_raises(ValueError, what):
        semaphore.release()
    expect(f"{what}; free places", semaphore._value, number)
    # The second thread comes when the first has let go of the lock, and then, in
    # another round, just before the first takes it.
    for moment in ("given_up", "wanted"):
        _two_at_once(semaphore, number, moment)


def _two_at_once(semaphore, number: int, moment: str) -> None:
    semaphore.acquire()
    refused = []

    def give_back():
        try:
            semaphore.release()
        except ValueError as error:
            refused.append(error)

    setattr(semaphore._changed._lock._lock, moment, give_back)
    what = "one place is taken, and two threads give it back at the same moment"
    with sleeping_ends(what):
        give_back()
    expect(
        f"{what}; free places of {number}",
        semaphore._value,
        number,
        "Both looked, both found room for one, and both added it. To look and to add "
        "must be under one hold of the lock.",
    )
    expect(f"{what}; how many were told ValueError", len(refused), 1)


# Event


@check(
    "A flag can be neither missed nor late",
    step=5,
    read="The real condition",
    hints=[
        "self._up is the flag, self._cond has the lock and the waiters. Look at the "
        "flag and go to sleep under one hold of the lock.",
        "set: raise the flag and wake all. wait: nobody sleeps while it is up; and who "
        "was woken was told, even if it is down again by then.",
        "with self._cond: return self._up or self._cond.wait(timeout)",
    ],
)
def flag(bench: Bench) -> None:
    stage = Stage(bench)
    event = bench.threads.locks.Event()
    before, patience = stage.now, bench.random.randint(2, 9)
    expect(f"wait({patience}), never set", event.wait(patience), False)
    expect("seconds that it waited", stage.now - before, patience)
    stage.while_asleep(event.set)
    what = "wait(); another thread calls set() meanwhile"
    with sleeping_ends(what):
        expect(what, event.wait(), True)
    expect("is_set()", event.is_set(), True)
    with sleeping_ends("wait(), the flag is up"):
        expect("wait(), the flag is up", event.wait(), True)
    event.clear()
    expect("is_set() after clear()", event.is_set(), False)

    def up_and_down():
        event.set()
        event.clear()

    stage.while_asleep(up_and_down)
    what = "wait(); another thread calls set() and clear() while it sleeps"
    with sleeping_ends(what, "Whoever was woken need not look at the flag again."):
        expect(
            what,
            event.wait(5),
            True,
            "It was set, and we were woken for it. That it is down again is news for "
            "those who come now.",
        )
    stage.while_asleep(stage.an_hour, event.set)
    what = "wait(); another thread calls set() an hour later"
    with sleeping_ends(what):
        expect(what, event.wait(), True, "It has no timeout.")
    event.clear()
    event._cond._lock.wanted = event.set
    what = "wait(); the flag goes up just before it takes the lock"
    why = (
        "It looked at the flag, and went to sleep later. In between the flag went up, "
        "and nobody was there to be woken."
    )
    with sleeping_ends(what, why):
        expect(what, event.wait(), True)
    event.clear()
    waiters = [MadeUpLock(stage) for _ in range(bench.random.randint(3, 5))]
    for waiter in waiters:
        waiter.acquire()
        event._cond._waiting.append(waiter)
    event.set()
    expect(
        f"{len(waiters)} sleep; woken by set()",
        sum(not waiter.taken for waiter in waiters),
        len(waiters),
        "A flag is for everybody.",
    )


@check(
    "Real threads: nothing is lost and nobody sleeps for ever",
    step=5,
    read="The real condition",
    hints=[
        "All the pieces are used together here. If the checks above pass, look at what "
        "happens when wait() ends in two ways at once.",
        "Does every way out of wait(), acquire() and release() leave the lock as it "
        "should be?",
        "Compare your functions with `workshop lab solution 9 --step 2`.",
    ],
)
def real_threads(bench: Bench) -> None:
    locks = bench.threads.locks
    shelf, room, goods = [], locks.Semaphore(3), locks.Condition()
    over, sold, fullest = locks.Event(), [], 0
    sys.setswitchinterval(1e-5)
    each = bench.random.randint(40, 60)

    def producer(name):
        nonlocal fullest
        for number in range(each):
            room.acquire()
            with goods:
                shelf.append((name, number))
                fullest = max(fullest, len(shelf))
                goods.notify()

    def consumer():
        while True:
            with goods:
                goods.wait_for(lambda: shelf or over.is_set())
                if not shelf:
                    return
                sold.append(shelf.pop(0))
            room.release()

    producers = [
        threading.Thread(target=producer, args=[name], daemon=True) for name in range(3)
    ]
    consumers = [threading.Thread(target=consumer, daemon=True) for _ in range(3)]
    for thread in consumers + producers:
        thread.start()
    _join(producers, "three producers that wait for room on a shelf of three")
    over.set()
    with goods:
        goods.notify_all()
    _join(consumers, "three consumers that wait for goods, told that it is over")
    expect("pieces sold", len(sold), 3 * each)
    expect("different pieces among them", len(set(sold)), 3 * each)
    expect_true(
        "pieces on the shelf, at most",
        fullest <= 3,
        "3: there was room for as many",
        f"{fullest}",
    )


def _join(threads, what: str) -> None:
    for thread in threads:
        thread.join(PATIENCE)
    left = sum(thread.is_alive() for thread in threads)
    expect_true(what, not left, "all come to their end", f"{left} still sleep")


# Threads


class Thread:
    """A made-up thread: it is counted, and never runs."""

    made = 0

    def __init__(self, target, name="", daemon=None):
        type(self).made += 1

    def start(self):
        pass


def a_pool(bench: Bench, size: int, backlog: int):
    """A pool on a real loop, whose threads are made up; we play them."""
    Thread.made = 0
    bench.threads.pool.Thread = Thread
    loop = bench.loop.eventloop.Loop()
    errors: list = []
    loop.on_error = lambda error, where: errors.append((error, where))
    pool = bench.threads.pool.ThreadPool(size, backlog, loop)
    return loop, pool, errors


def turns(loop, number: int = 6) -> None:
    """Some turns of the loop, none of which may sleep."""
    for _ in range(number):
        loop.call_soon(int)
        loop.turn()


def take(pool):
    """The next call that lies ready for a thread, or a failed check."""
    expect_true(
        "a call that lies ready in self._calls",
        not pool._calls.empty(),
        "one: (future, call)",
        "the queue is empty",
    )
    return pool._calls.get()


@check(
    "A call lies ready when the loop has seen to all its sockets",
    step=6,
    read="The call goes over",
    hints=[
        "A call is put into self._calls together with the future of its result. A "
        "thread is started if all those there are may be busy, and no more than size.",
        "Not at once, but by self.loop.call_soon: the turn is finished first. The "
        "context variables are copied now.",
        "future = Future(self.loop); self._pending.add(future); start a thread if "
        "len(self._threads) < min(self.size, len(self._pending)); "
        "self.loop.call_soon(self._calls.put, (future, partial(copy_context().run, "
        "call))).",
    ],
)
def lies_ready(bench: Bench) -> None:
    size = bench.random.randint(2, 4)
    loop, pool, _ = a_pool(bench, size, 10)
    who = contextvars.ContextVar("who", default="nobody")
    names = [bench.word() for _ in range(size + 2)]
    futures = []
    for count, name in enumerate(names, 1):
        token = who.set(name)
        futures.append(pool.call(lambda: who.get()))
        who.reset(token)
        expect(
            f"a pool of {size}: threads after {count} calls, none of them finished",
            Thread.made,
            min(size, count),
            "Each is started when it is needed first, and there are at most as many.",
        )
    expect(
        "calls in the queue before the turn is over",
        pool._calls.qsize(),
        0,
        "A thread that is woken now wants the GIL, and gets it at the next recv().",
    )
    turns(loop, 1)
    expect("calls in the queue after it", pool._calls.qsize(), len(names))
    got = [take(pool) for _ in names]
    expect_true(
        "the futures in the queue",
        [future for future, _ in got] == futures,
        "those that were returned, in the order of the calls",
        "others, or another order",
    )
    expect(
        "a context variable, as each call sees it",
        [call() for _, call in got],
        names,
        "The call sees the variables as they were when it was asked for.",
    )
    _when_closed(pool)
    loop, pool, _ = a_pool(bench, size, 10)
    for _ in range(3):
        pool._finish(pool.call(int), 0, None)
    expect(
        f"a pool of {size}: threads after three calls, each finished before the next",
        Thread.made,
        1,
        "The one that there is has nothing else to do.",
    )


def _when_closed(pool) -> None:
    pool.close()
    room = pool._room._value
    with expect_raises(RuntimeError, "call() of a pool that is closed"):
        pool.call(int)
    expect(
        "free places after a call() that was refused",
        pool._room._value,
        room,
        "Room had been made for it: it has to be given back.",
    )


@check(
    "Who asks for too much waits, and who goes away is forgotten",
    step=6,
    read="The call goes over",
    hints=[
        "run is a coroutine. It may wait twice: for room, and for the result.",
        "await self._room.acquire() comes first. When we are cancelled while we wait "
        "for the result, the call should not begin any more.",
        "future = self._put(partial(function, *args, **kwargs)); try: return await "
        "future; finally: future.cancel()",
    ],
)
def waits_its_turn(bench: Bench) -> None:
    size, backlog = bench.random.randint(1, 2), bench.random.randint(1, 3)
    loop, pool, _ = a_pool(bench, size, backlog)
    loop.run(_asks_for_too_much(bench, loop, pool, size, backlog))


async def _asks_for_too_much(bench: Bench, loop, pool, size: int, backlog: int) -> None:
    async def pause():
        for _ in range(6):
            await bench.coroutine.let_others_run()

    words = [bench.word() for _ in range(size + backlog + 2)]
    tasks = [loop.spawn(pool.run(str, word)) for word in words]
    await pause()
    expect(
        f"a pool of {size} with a backlog of {backlog}, asked {len(words)} times: "
        "calls that are out",
        pool._calls.qsize(),
        size + backlog,
        "Past both, run() waits: self._room knows how many there may be.",
    )
    future, call = take(pool)
    expect("what the first call returns", call(), words[0])
    pool._finish(future, words[0], None)
    await pause()
    expect_true(
        "the one who asked first, when his call is finished",
        tasks[0].done(),
        "he has the answer",
        "he still waits",
    )
    expect("his answer", tasks[0].result(), words[0])
    expect("calls that are out then", pool._calls.qsize(), size + backlog)
    second, _ = take(pool)
    tasks[1].cancel()
    await pause()
    expect_true(
        "the second one goes away while he waits; the future of his call",
        second.done(),
        "it is cancelled: no thread need begin",
        "it still waits for a result",
    )
    last = loop.spawn(pool.run(dict, function=1, self=2))
    pool._finish(second, None, None)
    for _ in words:
        await pause()
        while not pool._calls.empty():
            future, call = take(pool)
            pool._finish(future, call(), None)
    await pause()
    expect_true("who asked last", last.done(), "he has an answer", "he still waits")
    expect("run(dict, function=1, self=2)", last.result(), {"function": 1, "self": 2})


@check(
    "The result is handed over in the loop's thread",
    step=7,
    read="The result comes back",
    hints=[
        "_make runs in a thread. A future is the loop's: it calls back those who wait, "
        "and nobody else may touch it.",
        "Whatever the call returns or raises goes over by self.loop.call_from_thread, "
        "which wakes the loop, to self._finish. A call whose future is done already is "
        "not made.",
        "value, error = None, None; if not future.done(): try: value = call(); except "
        "BaseException as raised: error = trimmed(raised). Then "
        "self.loop.call_from_thread(self._finish, future, value, error); return True.",
    ],
)
def handed_over(bench: Bench) -> None:
    loop, pool, _ = a_pool(bench, 2, 10)
    told = []
    loop.call_from_thread = lambda *call: told.append(call)
    expect("_make(None)", pool._make(None), False, "None says: this was all.")
    expect("calls to the loop for it", len(told), 0)
    word = bench.word()
    future = pool.call(str.upper, word)
    turns(loop, 1)
    answer = pool._make(take(pool))
    expect_true(
        "_make() of a call; the future, as long as the loop has not had its turn",
        not future.done(),
        "it has no result yet",
        "it is done: it was set in the thread",
        "set_result() calls back whoever waits; that would run in the wrong thread.",
    )
    expect("_make() of a call returns", answer, True, "The thread goes on.")
    _run_told(told, "a call that returns")
    expect_true("the future after that", future.done(), "it is done", "it waits")
    expect("its result", future.result(), word.upper())
    _errors_too(bench, loop, pool, told)
    _never_begun(bench, loop, pool, told)


def _run_told(told: list, what: str) -> None:
    expect(
        f"{what}: how often loop.call_from_thread() was called",
        len(told),
        1,
        "The loop has to hear how it ended, each time, and this call alone wakes it."
        if not told
        else "",
    )
    callback, *args = told.pop()
    callback(*args)


def _errors_too(bench: Bench, loop, pool, told: list) -> None:
    for kind in (ValueError, KeyboardInterrupt, SystemExit):
        error = kind(bench.word())

        def fail(error=error):
            raise error

        future = pool.call(fail)
        turns(loop, 1)
        what = f"a call that raises {kind.__name__}"
        try:
            answer = pool._make(take(pool))
        except BaseException as raised:
            raise Wrong(
                f"{what}\n  expected: the exception goes to the one who asked\n"
                f"  got:      it comes out of _make: {type(raised).__name__}\n"
                "It would end the thread, and whoever waits would wait for ever."
            ) from None
        expect(f"{what}; _make() returns", answer, True)
        _run_told(told, what)
        expect_true(
            f"{what}; the future's exception",
            future.exception() is error,
            "that very exception",
            repr(future.exception()),
        )
        names = []
        trace = error.__traceback__
        while trace is not None:
            names.append(trace.tb_frame.f_code.co_name)
            trace = trace.tb_next
        expect_true(
            f"{what}; its traceback",
            "_make" not in names,
            "begins with the function that was called",
            "begins with _make",
            "trimmed() takes our own frame out.",
        )


def _never_begun(bench: Bench, loop, pool, told: list) -> None:
    made = []
    future = pool.call(made.append, bench.word())
    turns(loop, 1)
    future.cancel()
    expect("_make() of a call that was cancelled", pool._make(take(pool)), True)
    expect("calls made, of one that was cancelled before", len(made), 0)
    room = pool._room._value
    _run_told(told, "a call that was cancelled before it began")
    expect(
        "free places after it",
        pool._room._value,
        room + 1,
        "It takes no room any more: the loop has to hear of it too.",
    )


@check(
    "What it came to, and room for the next",
    step=7,
    read="The result comes back",
    hints=[
        "_finish runs in the loop's thread. It makes room for the next call, and tells "
        "the one who waits.",
        "Room is made once for each call: close() may have done it already, and then "
        "the future is not in self._pending any more. An error that nobody waits for "
        "is told to self.loop.on_error.",
        "if future in self._pending: discard it and self._room.release(). Then: if "
        "future.done(): on_error(error, future) if there is one; elif error: "
        "future.set_exception(error); else: future.set_result(value).",
    ],
)
def finished(bench: Bench) -> None:
    _, pool, errors = a_pool(bench, 2, 3)
    word = bench.word()
    free = pool._room._value
    first, second, third, fourth = (pool.call(int) for _ in range(4))
    pool._finish(first, word, None)
    expect_true("_finish(future, value, None)", first.done(), "it is done", "it waits")
    expect("_finish(future, value, None); its result", first.result(), word)
    error = ValueError(word)
    pool._finish(second, None, error)
    expect_true(
        "_finish(future, None, error); the future's exception",
        second.done() and second.exception() is error,
        "that error",
        "another, or none",
    )
    expect("free places, after two of four", pool._room._value, free - 2)
    expect("calls that are pending then", len(pool._pending), 2)
    third.cancel()
    pool._finish(third, word, None)
    expect("errors reported, for a result that nobody wants any more", errors, [])
    fourth.cancel()
    lost = KeyError(word)
    pool._finish(fourth, None, lost)
    expect_true(
        "an error that nobody waits for any more",
        errors == [(lost, fourth)],
        "loop.on_error() is told of it, and of its future",
        "; ".join(f"it is told of {e!r} and {name_of(f)}" for e, f in errors)
        or "loop.on_error() is told nothing",
        "The visitor is gone, and the mistake is still there: somebody should read of "
        "it.",
    )
    expect("free places in the end", pool._room._value, free)
    late = pool.call(int)
    pool.close()
    free = pool._room._value
    pool._finish(late, word, None)
    expect(
        "free places after a call that ends when the pool has been closed",
        pool._room._value,
        free,
        "close() has given its place back already.",
    )


@check(
    "Real threads: the loop goes on meanwhile",
    step=7,
    read="In the server",
    hints=[
        "The call waits for something that the loop does next. If the loop waits for "
        "the call, nobody will ever do it.",
        "The call is made by _make, in a thread of the pool, and not by run or _put.",
        "Compare your functions with `workshop lab solution 9 --step 7`.",
    ],
)
def goes_on(bench: Bench) -> None:
    loop = bench.loop.eventloop.Loop()
    gate, names = threading.Event(), []
    words = [bench.word() for _ in range(4)]

    def blocks(word):
        names.append(threading.current_thread())
        return word if gate.wait(PATIENCE) else "the loop stood still"

    async def opens():
        gate.set()

    async def main():
        run = bench.threads.pool.run_in_thread
        tasks = [loop.spawn(run(blocks, word)) for word in words]
        opener = loop.spawn(opens())
        got = [await task for task in tasks]
        await opener
        return got

    got = loop.run(main())
    expect("four calls that wait for what the loop does next", got, words)
    expect_true(
        "the threads in which they ran",
        threading.main_thread() not in names,
        "threads of the pool",
        "the loop's own",
    )
    loop.close()
