"""The same in another hand: a Counter, whole ways in the queue, conditions turned
round."""

from collections import Counter


def trial_deletion(references, counts):
    inside = Counter()
    for by, targets in references.items():
        for node in targets:
            if node not in references:
                continue
            inside[node] += 1
            yield Step("subtract", node, by, counts[node] - inside[node])
    left = {node: counts[node] - inside[node] for node in references}
    if any(number < 0 for number in left.values()):
        raise ValueError("more references than the count says")
    reached = {}
    for node in left:
        if left[node]:
            reached[node] = None
            yield Step("outside", node, None, left[node])
    news = list(reached)
    while news:
        later = []
        for by in news:
            for node in references[by]:
                if node in references and node not in reached:
                    reached[node] = by
                    later.append(node)
                    yield Step("reach", node, by, left[node])
        news = later
    yield from (
        Step("garbage", node, None, left[node])
        for node in references
        if node not in reached
    )


def shortest_cycle(start, references):
    ways = [[start]]
    met = {start}
    while ways:
        longer = []
        for way in ways:
            others = list(references.get(way[-1], []))
            if start in others:
                return way
            for other in others:
                if other not in met:
                    met.add(other)
                    longer.append([*way, other])
        ways = longer
    return []


class Graph:
    def _explore(self, queue, limit):
        for thing in queue:
            self.objects[id(thing)] = thing
        for thing in iter(lambda: queue.popleft() if queue else None, None):
            targets = self.references.setdefault(id(thing), [])
            for other in filter(is_node, gc.get_referents(thing)):
                targets.append(id(other))
                if id(other) in self.objects or len(self.objects) >= limit:
                    continue
                self.objects[id(other)] = other
                queue.append(other)

    def garbage(self):
        lost = set()
        for step in trial_deletion(self.references, self.counts):
            if step.action == "garbage":
                lost.add(step.node)
        return lost


class LeakWatch:
    def look(self):
        said, before = [], self._seen
        self._seen = WeakSet(self._leftovers())
        for one in [ref(thing) for thing in self._seen]:
            if one() in before:
                self._told.add(one())
                said.append(explain(one))
                log.warning(said[-1])
        return said

    def _leftovers(self):
        alive = (one for one in gc.get_objects() if isinstance(one, self.kind))
        return [one for one in alive if one not in self._told and self.over(one)]


def freeze():
    while gc.collect():
        pass
    gc.freeze()
    return gc.get_freeze_count()


class Collector:
    def start(self):
        self._usual = gc.get_threshold()
        first, second, third = self._usual
        gc.set_threshold(first * self.net, second, third)
        self.loop.poller = IdlePoller(self.loop.poller, self.due)
        freeze()
        gc.callbacks.append(self._on_collection)

    def stop(self):
        gc.callbacks[:] = [c for c in gc.callbacks if c != self._on_collection]
        gc.unfreeze()
        self.loop.poller = self.loop.poller.inner
        gc.set_threshold(*self._usual)

    def due(self, timeout):
        reached = [
            counted > usual
            for counted, usual in zip(gc.get_count(), self._usual, strict=True)
        ]
        if not reached[0]:
            return None
        if perf_counter() < self._rest_until:
            reached[2] = False
        generation = max(n for n, yes in enumerate(reached) if yes)
        patient = timeout is None or timeout >= self._last[generation]
        return partial(gc.collect, generation) if patient else None

    def _on_collection(self, phase, info):
        if phase == "stop":
            pause = perf_counter() - self._began
            self._last[info["generation"]] = pause
            self.pauses[info["generation"]].observe(pause)
            if info["generation"] == 2:
                self._rest_until = self._began + pause + pause / self.share
        else:
            self._began = perf_counter()


class IdlePoller:
    def poll(self, timeout):
        if timeout == 0:
            return self.inner.poll(0)
        if (work := self._idle(timeout)) is None:
            return self.inner.poll(timeout)
        if ready := self.inner.poll(0):
            return ready
        work()
        return []
