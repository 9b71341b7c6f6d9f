"""Takes a list of references for a set: one from the same node twice counts once."""

CAUGHT_BY = "subtracts"
MESSAGE = """\
wrong: vizomato → kalipako, kalipako, gedibi; kalipako → vizomato, kalipako; damoli → vizomato; counts {'vizomato': 2, 'kalipako': 4, 'damoli': 0}; the steps that subtract: (action, node, by, left)
  expected: [('subtract', 'kalipako', 'vizomato', 3), ('subtract', 'kalipako', 'vizomato', 2), ('subtract', 'vizomato', 'kalipako', 1), ('subtract', 'kalipako', 'kalipako', 1), ('subtract', 'vizomato', 'damoli', 0)]
  got:      [('subtract', 'kalipako', 'vizomato', 3), ('subtract', 'vizomato', 'kalipako', 1), ('subtract', 'kalipako', 'kalipako', 2), ('subtract', 'vizomato', 'damoli', 0)]
A reference that is there twice is in the count twice.
"""


def trial_deletion(references, counts):
    left = {node: counts[node] for node in references}
    for node, others in references.items():
        for other in dict.fromkeys(others):
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
        if node not in alive:
            yield Step("garbage", node, None, left[node])
