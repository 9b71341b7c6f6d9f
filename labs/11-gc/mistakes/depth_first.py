"""Goes as deep as it can: a way back is found, and it may be the long one."""

CAUGHT_BY = "goes_round"
MESSAGE = """\
wrong: shortest_cycle('fatafa'), fatafa → tabepebo, sirema, zibeda; tabepebo → belagu; belagu → levefilu, belagu; levefilu → bakona; bakona → fatafa; sirema → midapaki, vototiva; midapaki → fatafa, sirema; vototiva → vototiva, sirema
  expected: ['fatafa', 'sirema', 'midapaki']
  got:      ['fatafa', 'tabepebo', 'belagu', 'levefilu', 'bakona']
There is a shorter one.
"""


def shortest_cycle(start, references):
    stack, seen = [[start]], set()
    while stack:
        way = stack.pop()
        for other in reversed(references.get(way[-1], ())):
            if other == start:
                return way
        for other in reversed(references.get(way[-1], ())):
            if other not in seen:
                seen.add(other)
                stack.append([*way, other])
    return []
