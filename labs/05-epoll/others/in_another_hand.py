"""A sorted list searched by bisection, sets for select, conditions turned round."""

import bisect


class SelectPoller:
    def register(self, fd, events, edge=False):
        if fd >= self.LIMIT or fd < 0:
            raise ValueError(f"{fd} is too large for select()")
        if self._events.get(fd) is not None:
            raise FileExistsError(fd)
        self._set(fd, events, edge)

    def modify(self, fd, events, edge=False):
        self.unregister(fd)
        self.register(fd, events, edge)

    def unregister(self, fd):
        try:
            del self._events[fd]
        except KeyError:
            raise FileNotFoundError(fd) from None

    def poll(self, timeout):
        wanted = [
            {fd for fd, events in self._events.items() if events & bit}
            for bit in (READ | RDHUP, WRITE)
        ]
        readable, writable, _ = select.select(*wanted, (), timeout)
        return [
            (fd, READ * (fd in readable) + WRITE * (fd in writable))
            for fd in {*readable, *writable}
        ]


class EpollPoller:
    def register(self, fd, events, edge=False):
        self._epoll.register(fd, events + (select.EPOLLET if edge else 0))

    def modify(self, fd, events, edge=False):
        self._epoll.modify(fd, (EDGE * edge) | events)

    def poll(self, timeout):
        return self._epoll.poll(-1 if timeout is None else timeout)


class Timer:
    def cancel(self):
        if self.callback:
            self._loop.forget_timer()
        self.callback = self.args = None


class Loop:
    def watch(self, fd, events, on_ready, edge=False):
        self.poller.register(fd, events, edge)
        self._watched.update({fd: on_ready})
        (self._edges.add if edge else self._edges.discard)(fd)

    def rewatch(self, fd, events):
        self.poller.modify(fd, events, edge=fd in self._edges)

    def unwatch(self, fd):
        self._edges -= {fd}
        self.poller.unregister(fd)
        self._watched.pop(fd)

    def call_later(self, delay, callback, *args):
        return self.call_at(self.time() + delay, callback, *args)

    def call_at(self, when, callback, *args):
        timer = Timer(self, when, callback, args)
        bisect.insort(self._timers, (when, next(self._order), timer))
        return timer

    def _release_timers(self):
        now, due = self.time(), 0
        while due < len(self._timers) and self._timers[due][0] <= now:
            due += 1
        ripe, self._timers = self._timers[:due], self._timers[due:]
        for _, _, timer in ripe:
            if timer.callback:
                self.call_soon(timer.callback, *timer.args)
                timer.callback = None
            else:
                self._cancelled -= 1

    def _patience(self):
        if not self.ready and not self._stopping:
            if self._timers:
                left = self._timers[0][0] - self.time()
                return left if left > 0 else 0.0
            return None
        return 0.0

    def turn(self):
        for fd, events in self.poller.poll(self._patience()):
            if fd not in self._watched:
                continue
            try:
                self._watched[fd](events)
            except Exception as error:
                self.on_error(error, self._watched.get(fd))
        self._release_timers()
        self.run_ready()

    def _on_wake(self, events):
        try:
            while numbers := self._wake_recv.recv(64):
                for number in numbers:
                    if number in self._signals:
                        callback, args = self._signals[number][:2]
                        self.call_soon(callback, *args)
        except BlockingIOError:
            self._woken = False
