"""Timers are called by the turn itself, in place of going through the ready queue."""


class Loop:
    def _release_timers(self):
        due = []
        while self._timers and self._timers[0][0] <= self.time():
            _, _, timer = heapq.heappop(self._timers)
            due.append(timer)
        self.ready.extend(self._calls_of(due))

    def _calls_of(self, timers):
        for timer in timers:
            if timer.callback is None:
                self._cancelled -= 1
                continue
            yield timer.callback, timer.args
            timer.callback = None

    def _patience(self):
        waits = [entry[0] - self.time() for entry in self._timers[:1]]
        if self.ready or self._stopping:
            waits = [0]
        return max(0, *waits) if len(waits) > 1 else self._not_negative(waits)

    def _not_negative(self, waits):
        return max(0, waits[0]) if waits else None
