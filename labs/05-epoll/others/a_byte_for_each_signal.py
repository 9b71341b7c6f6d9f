"""Signals asked for anew each time, a flag that is read and set in one line, an ear
emptied to the last byte."""


class Loop:
    def on_signal(self, number, callback, *args):
        earlier = signal.signal(number, self._ignore)
        wakeup = signal.set_wakeup_fd(self._wake_send.fileno(), warn_on_full_buffer=False)
        if not self._signals:
            self._earlier_wakeup = wakeup
        if number in self._signals:
            _, _, earlier = self._signals[number]
        self._signals[number] = (callback, args, earlier)

    def _ignore(self, number, frame):
        """The byte that comes says it all."""

    def call_from_thread(self, callback, *args):
        self.ready.append((callback, args))
        rung, self._woken = self._woken, True
        if not rung:
            self._wake()

    def _on_wake(self, events):
        numbers = bytearray()
        while True:
            try:
                numbers += self._wake_recv.recv(16)
            except BlockingIOError:
                break
        self._woken = False
        for number in filter(self._signals.get, numbers):
            self.call_soon(self._signals[number][0], *self._signals[number][1])
