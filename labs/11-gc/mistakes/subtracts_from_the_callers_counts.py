"""Keeps no copy: after the trial, the counts of the caller are wrong."""

CAUGHT_BY = "subtracts"
MESSAGE = """\
wrong: counts, after trial_deletion()
  expected: {'vizomato': 2, 'kalipako': 4, 'damoli': 0}
  got:      {'vizomato': 0, 'kalipako': 1, 'damoli': 0}
It is a trial: what the caller has given must stay as it is.
"""


def trial_deletion(references, counts):
    left = counts
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
        if node not in alive:
            yield Step("garbage", node, None, left[node])
