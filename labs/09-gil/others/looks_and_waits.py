"""A semaphore that waits by hand, a flag that is waited for, two notifications of
half."""


class Condition:
    def notify(self, n=1):
        self._check_owned()
        waiters = [self._waiting.popleft() for _ in range(min(n, len(self._waiting)))]
        for waiter in waiters:
            waiter.release()

    def wait_for(self, predicate, timeout=None):
        if timeout is not None:
            end = monotonic() + timeout
        while True:
            answer = predicate()
            if answer:
                return answer
            patience = None
            if timeout is not None:
                patience = end - monotonic()
                if patience <= 0:
                    return answer
            self.wait(patience)


class Semaphore:
    def acquire(self, blocking=True, timeout=None):
        if timeout is not None and not blocking:
            raise ValueError("who does not wait has no use for a timeout")
        end = None if timeout is None else monotonic() + timeout
        with self._changed:
            while self._value <= 0:
                if not blocking:
                    return False
                left = None if end is None else end - monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            self._value -= 1
        return True


class BoundedSemaphore:
    def release(self, n=1):
        if n < 1:
            raise ValueError("at least one place is given back")
        with self._changed:
            if self._value > self._most - n:
                raise ValueError("more was given back than taken")
            self._value += n
            self._changed.notify(n)
