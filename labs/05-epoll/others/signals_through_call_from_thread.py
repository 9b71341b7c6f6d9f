"""A signal handler that does no more than call_from_thread() does."""


class Loop:
    def on_signal(self, number, callback, *args):
        earlier = signal.signal(
            number, lambda *_: self.call_from_thread(callback, *args)
        )
        self._earlier_bell = -1
        if number in self._signals:
            earlier = self._signals[number][2]
        self._signals[number] = callback, args, earlier

    def call_from_thread(self, callback, *args):
        self.ready.append((callback, args))
        self._bell.send(b"!")

    def _on_bell(self, events):
        self._ear.recv(1)
