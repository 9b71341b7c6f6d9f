"""Conditions turned round, lists in the place of loops, a match over what was yielded."""


class Scheduler:
    def call_soon(self, callback, *args):
        self.ready += [(callback, args)]

    def run_ready(self):
        now = [self.ready.popleft() for _ in list(self.ready)]
        while now:
            callback, args = now.pop(0)
            try:
                callback(*args)
            except Exception as error:
                self.on_error(error, callback)
            except BaseException:
                self.ready.extendleft(reversed(now))
                raise


class Future:
    def _finish(self, value, error):
        if not self._done:
            self._result, self._error, self._done = value, error, True
            while self._callbacks:
                self.scheduler.call_soon(self._callbacks.pop(0), self)
        else:
            raise InvalidState("done is done")

    def add_done_callback(self, callback):
        self._callbacks.append(callback)
        if self._done:
            self._callbacks.remove(callback)
            self.scheduler.call_soon(callback, self)

    def remove_done_callback(self, callback):
        try:
            self._callbacks.remove(callback)
        except ValueError:
            return False
        return True

    def result(self):
        if self.exception() is None:
            return self._result
        raise self._error.with_traceback(self._traceback)

    def exception(self):
        if self._done:
            self._heard = True
            return self._error
        raise InvalidState("too early")

    def __await__(self):
        sent = None
        if not self._done:
            sent = yield self
        else:
            sent = self.result()
        return sent


class Task:
    def step(self, value=None, error=None):
        self._waits_for = None
        note, self._cancelling = self._cancelling, None
        error = note or error
        try:
            if error:
                yielded = self._coroutine.throw(error)
            else:
                yielded = self._coroutine.send(value)
        except StopIteration as stop:
            return self.set_result(stop.value)
        except BaseException as raised:
            self.set_exception(trimmed(raised))
            if not isinstance(raised, Exception | CancelledError):
                raise
            return None
        return self.wait_for(yielded)

    def wait_for(self, yielded):
        soon = self.scheduler.call_soon
        if self._cancelling:
            return soon(self.step)
        if isinstance(yielded, GeneratorType | CoroutineType):
            yielded = self.scheduler.spawn(yielded)
        match yielded:
            case None:
                soon(self.step)
            case Future() if yielded is not self:
                self._waits_for = yielded
                yielded.add_done_callback(self._wake)
            case _ if yielded is CURRENT_TASK:
                soon(self.step, self)
            case _:
                soon(self.step, None, TypeError(f"{self} can't wait for {yielded}"))

    def _wake(self, future):
        try:
            value = future.result()
        except BaseException:
            self.step(None, future._error.with_traceback(future._traceback))
        else:
            self.step(value)

    def cancel(self, error=None):
        if not self._done:
            self._cancelling = CancelledError() if error is None else error
            if self._waits_for and self._waits_for.remove_done_callback(self._wake):
                self.scheduler.call_soon(self.step)
            return True
        return False


def trimmed(error):
    if error.__traceback__ is not None:
        error.__traceback__ = error.__traceback__.tb_next
    return error


def coroutine(function):
    if isgeneratorfunction(function):
        return awaitable_generator(function)
    raise TypeError(f"there is no yield in {function}")
