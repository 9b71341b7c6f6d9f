"""Conditions turned round, loops for conditions, one way out of each function."""


class RLock:
    def acquire(self, blocking=True, timeout=-1):
        if self._owner != get_ident():
            taken = self._lock.acquire(blocking, timeout)
            if taken:
                self._count, self._owner = 1, get_ident()
            return taken
        self._count = self._count + 1
        return True

    def release(self):
        if self._owner != get_ident():
            raise RuntimeError("cannot release what this thread has not acquired")
        if self._count > 1:
            self._count -= 1
            return
        self._count, self._owner = 0, None
        self._lock.release()

    def _release_save(self):
        if self._owner != get_ident():
            raise RuntimeError("cannot release what this thread has not acquired")
        kept = self._count
        self._count, self._owner = 0, None
        self._lock.release()
        return kept

    def _acquire_restore(self, count):
        self._lock.acquire()
        self._count, self._owner = count, get_ident()


class Condition:
    def wait(self, timeout=None):
        self._check_owned()
        waiter = Lock()
        self._waiting.append(waiter)
        waiter.acquire()
        held = self._give_up()
        try:
            if timeout is None:
                waiter.acquire()
            elif timeout > 0:
                waiter.acquire(True, timeout)
        finally:
            self._take_back(held)
            try:
                self._waiting.remove(waiter)
                notified = False
            except ValueError:
                notified = True
        return notified

    def notify(self, n=1):
        self._check_owned()
        while n > 0 and self._waiting:
            waiter = self._waiting.popleft()
            waiter.release()
            n -= 1

    def wait_for(self, predicate, timeout=None):
        began = monotonic()
        answer = predicate()
        while not answer:
            if timeout is None:
                self.wait()
            else:
                left = began + timeout - monotonic()
                if left <= 0:
                    return answer
                self.wait(left)
            answer = predicate()
        return answer


class Semaphore:
    def acquire(self, blocking=True, timeout=None):
        if not blocking:
            if timeout is not None:
                raise ValueError("a timeout, and not to block: which of them?")
            timeout = 0
        with self._changed:
            free = self._changed.wait_for(lambda: self._value, timeout)
            if free:
                self._value -= 1
            return bool(free)

    def release(self, n=1):
        if n <= 0:
            raise ValueError("at least one place is given back")
        with self._changed:
            for _ in range(n):
                self._value += 1
                self._changed.notify()


class BoundedSemaphore:
    def release(self, n=1):
        with self._changed:
            if self._most - self._value < n:
                raise ValueError("more was given back than taken")
            Semaphore.release(self, n)


class Event:
    def set(self):
        self._cond.acquire()
        try:
            self._up = True
            self._cond.notify(len(self._cond._waiting))
        finally:
            self._cond.release()

    def wait(self, timeout=None):
        with self._cond:
            if self._up:
                return True
            return self._cond.wait(timeout)
