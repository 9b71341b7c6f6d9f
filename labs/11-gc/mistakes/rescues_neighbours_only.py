"""Rescues those to whom a living one refers, and not those to whom they refer."""

CAUGHT_BY = "rescues"
MESSAGE = """\
wrong: lobomo → nobody; taloso → dizidupe; sovideke → taloso, elsewhere; paborada → sovideke, poli; bapeme → kilesi, dizidupe, lobomo, bapeme; poli → paborada; kilesi → bapeme; dizidupe → poli; held from outside: dizidupe; the nodes of the steps "reach"
  expected: ['paborada', 'poli', 'sovideke', 'taloso']
  got:      ['poli']
Who is reached may reach others.
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
    seen = set(alive)
    for node in list(alive):
        for other in references[node]:
            if other in left and other not in seen:
                seen.add(other)
                yield Step("reach", other, node, left[other])
    for node in references:
        if node not in seen:
            yield Step("garbage", node, None, left[node])
