"""Whoever has nothing left is garbage. Believes that zero is zero."""

CAUGHT_BY = "rescues"
MESSAGE = """\
wrong: popu → radava; radava → popu; rikeraro → redi; redi → rikeraro; held from outside: rikeraro; the nodes of the steps "reach"
  expected: ['redi']
  got:      []
Nothing left does not mean garbage: one that is alive may refer to it.
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
    for node in references:
        yield Step("outside" if left[node] else "garbage", node, None, left[node])
