"""Follows the notes back from the end, and forgets to turn the way round."""

CAUGHT_BY = "goes_round"
MESSAGE = """\
wrong: shortest_cycle('fatafa'), fatafa → tabepebo, sirema, zibeda; tabepebo → belagu; belagu → levefilu, belagu; levefilu → bakona; bakona → fatafa; sirema → midapaki, vototiva; midapaki → fatafa, sirema; vototiva → vototiva, sirema
  expected: ['fatafa', 'sirema', 'midapaki']
  got:      ['midapaki', 'sirema', 'fatafa']
It begins with fatafa, and each refers to the next.
"""


def shortest_cycle(start, references):
    came_from = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for other in references.get(node, ()):
            if other == start:
                way = [node]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return way
            if other not in came_from:
                came_from[other] = node
                queue.append(other)
    return []
