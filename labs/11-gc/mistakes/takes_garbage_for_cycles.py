"""Believes that only what is in a cycle is garbage: what hangs on one is kept."""

CAUGHT_BY = "rescues"
MESSAGE = """\
wrong: lobomo → nobody; taloso → dizidupe; sovideke → taloso, elsewhere; paborada → sovideke, poli; bapeme → kilesi, dizidupe, lobomo, bapeme; poli → paborada; kilesi → bapeme; dizidupe → poli; held from outside: dizidupe; the nodes of the steps "garbage"
  expected: ['bapeme', 'kilesi', 'lobomo']
  got:      ['bapeme', 'kilesi']
Garbage need not be in a cycle: who is held by garbage only is garbage.
"""


def trial_deletion(references, counts):
    left = {node: counts[node] for node in references}
    for node, others in references.items():
        for other in others:
            if other in left:
                left[other] -= 1
                yield Step("subtract", other, node, left[other])
    if min(left.values(), default=0) < 0:
        raise ValueError("a count is less than the references in the graph")
    alive = [node for node in references if left[node] > 0]
    for node in alive:
        yield Step("outside", node, None, left[node])
    for node in alive:
        for other in references[node]:
            if other in left and other not in alive:
                alive.append(other)
                yield Step("reach", other, node, left[other])
    for node in references:
        if node not in alive and shortest_cycle(node, references):
            yield Step("garbage", node, None, left[node])
