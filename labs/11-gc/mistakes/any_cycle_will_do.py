"""Stops at the first node that it meets twice, whosever cycle that is."""

CAUGHT_BY = "goes_round"
MESSAGE = """\
wrong: shortest_cycle('fatafa'), fatafa → tabepebo, sirema, zibeda; tabepebo → belagu; belagu → levefilu, belagu; levefilu → bakona; bakona → fatafa; sirema → midapaki, vototiva; midapaki → fatafa, sirema; vototiva → vototiva, sirema
  expected: ['fatafa', 'sirema', 'midapaki']
  got:      ['belagu']
The cycle that is asked for goes through fatafa.
"""


def shortest_cycle(start, references):
    queue, seen = deque([[start]]), set()
    while queue:
        way = queue.popleft()
        for other in references.get(way[-1], ()):
            if other in way:
                return way[way.index(other) :]
            if other not in seen:
                seen.add(other)
                queue.append([*way, other])
    return []
