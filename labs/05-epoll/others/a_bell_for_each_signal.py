"""Signals asked for anew each time, a flag that is read and set in one line, an ear
emptied to the last byte."""


class Loop:
    def on_signal(self, number, callback, *args):
        earlier = signal.signal(number, self._ignore)
        wakeup = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        if not self._signals:
            self._earlier_bell = wakeup
        if number in self._signals:
            _, _, earlier = self._signals[number]
        self._signals[number] = (callback, args, earlier)

    def _ignore(self, number, frame):
        """The byte at the ear says it all."""

    def call_from_thread(self, callback, *args):
        self.ready.append((callback, args))
        rung, self._rung = self._rung, True
        if not rung:
            self._ring()

    def _on_bell(self, events):
        numbers = bytearray()
        while True:
            try:
                numbers += self._ear.recv(16)
            except BlockingIOError:
                break
        self._rung = False
        for number in filter(self._signals.get, numbers):
            self.call_soon(self._signals[number][0], *self._signals[number][1])
