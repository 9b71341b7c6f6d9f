"""Depth first in the rescue: the order in which the living are reached does not
matter. The cycle is found from its end."""


def trial_deletion(references, counts):
    left = dict(counts)
    for node in references:
        for other in references[node]:
            if other in references:
                left[other] -= 1
                yield Step("subtract", other, node, left[other])
    for node in references:
        if left[node] < 0:
            raise ValueError(node)
    stack = []
    for node in references:
        if left[node] > 0:
            stack.append(node)
            yield Step("outside", node, None, left[node])
    alive = set(stack)
    while stack:
        node = stack.pop()
        for other in references[node]:
            if other in references and other not in alive:
                alive.add(other)
                stack.append(other)
                yield Step("reach", other, node, left[other])
    for node in references:
        if node not in alive:
            yield Step("garbage", node, None, left[node])


def shortest_cycle(start, references):
    referrers = {}
    for node, others in references.items():
        for other in others:
            referrers.setdefault(other, []).append(node)
    goes_to = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in referrers.get(node, ()):
            if other == start:
                way = [start]
                while node != start:
                    way.append(node)
                    node = goes_to[node]
                return way
            if other not in goes_to:
                goes_to[other] = node
                queue.append(other)
    return []
