"""The contract of dustdevil.threads.locks is CPython's: its own tests run here.

They come with the interpreter, in its package `test`, and are loaded from there.
"""

import gc
import os
import threading

import pytest

from dustdevil.threads import locks

try:
    from test import lock_tests
except ImportError:
    why = (
        "this interpreter comes without test.lock_tests (Debian: libpython3-testsuite)"
    )
    if os.environ.get("CI"):
        pytest.fail(why, pytrace=False)
    pytest.skip(why, allow_module_level=True)


@pytest.fixture(autouse=True, scope="module")
def _little_garbage():
    """They collect garbage again and again: spare them that of all other tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class TestLock(lock_tests.LockTests):
    locktype = staticmethod(locks.Lock)


class TestRLock(lock_tests.RLockTests):
    locktype = locks.RLock


class TestEvent(lock_tests.EventTests):
    eventtype = locks.Event


class TestCondition(lock_tests.ConditionTests):
    class condtype(locks.Condition):
        """Newer ones look at who waits, under CPython's own name for it."""

        @property
        def _waiters(self):
            return self._waiting


class TestConditionAsRLock(lock_tests.RLockTests):
    """A condition hands on what its lock can do."""

    locktype = locks.Condition
    # Since 3.14: a lock refuses arguments. A condition takes one, its lock.
    test_constructor_noargs = None


class TestSemaphore(lock_tests.SemaphoreTests):
    semtype = locks.Semaphore


class TestBoundedSemaphore(lock_tests.BoundedSemaphoreTests):
    semtype = locks.BoundedSemaphore


class TestBarrier(lock_tests.BarrierTests):
    barriertype = locks.Barrier


# What CPython's tests leave open


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_a_notification_that_comes_after_the_timeout_is_not_lost():
    class Contended(locks.RLock):
        """Somebody else has it first, between the timeout and our waking up."""

        def _acquire_restore(self, count):
            in_thread(notify)
            super()._acquire_restore(count)

    def notify():
        with condition:
            condition.notify()

    condition = locks.Condition(Contended())
    with condition:
        assert condition.wait(0) is True
    condition._lock = locks.RLock()
    with condition:
        assert condition.wait(0) is False


@pytest.mark.parametrize("make", [locks.Lock, locks.RLock, locks.Condition])
def test_a_lock_says_whether_somebody_holds_it(make):
    lock = make()
    assert not lock.locked()
    in_thread(lock.acquire)
    assert lock.locked()


def test_a_condition_of_a_plain_lock():
    condition = locks.Condition(locks.Lock())
    for call in condition.wait, condition.notify:
        with pytest.raises(RuntimeError, match="does not hold"):
            call()
    with condition:
        assert condition.wait_for(lambda: "", 0) == ""
        assert not condition.acquire(False)
    assert condition.acquire(False)


def test_two_who_give_back_at_once_do_not_add_a_place():
    class Interrupted(locks.RLock):
        """Somebody else comes whenever the lock is free."""

        def release(self):
            super().release()
            if not self._count and visits:
                in_thread(visits.pop())

    def give_back():
        with pytest.raises(ValueError, match="more was given back"):
            semaphore.release()

    semaphore = locks.BoundedSemaphore(1)
    semaphore.acquire()
    visits = [give_back]
    semaphore._changed = locks.Condition(Interrupted())
    semaphore.release()
    assert not visits
    assert semaphore._value == 1


def test_a_barrier_whose_action_fails_is_broken():
    barrier = locks.Barrier(1, action=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        barrier.wait()
    assert barrier.broken
    with pytest.raises(threading.BrokenBarrierError):
        barrier.wait()
    barrier.reset()
    assert not barrier.broken


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: locks.Barrier(0), "one thread or more"),
        (lambda: locks.Semaphore(-1), "below zero"),
        (lambda: locks.Semaphore().release(0), "at least one"),
        (lambda: locks.BoundedSemaphore(2).release(), "more was given back"),
        (lambda: locks.Semaphore().acquire(False, 1), "no use for a timeout"),
    ],
)
def test_what_makes_no_sense_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()
