"""Mark-sweep: starts from a root, which it takes the first node to be."""

CAUGHT_BY = "rescues"
MESSAGE = """\
wrong: popu → radava; radava → popu; rikeraro → redi; redi → rikeraro; held from outside: rikeraro; the nodes of the steps "outside"
  expected: ['rikeraro']
  got:      ['popu']
Who has something left of its count is held from outside, nobody else.
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
    alive = list(references)[:1]
    for node in alive:
        yield Step("outside", node, None, left[node])
    for node in alive:
        for other in references[node]:
            if other in left and other not in alive:
                alive.append(other)
                yield Step("reach", other, node, left[other])
    for node in references:
        if node not in alive:
            yield Step("garbage", node, None, left[node])
