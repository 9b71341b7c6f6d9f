"""Keeps the referents in a list, and so raises the counts that it is about to ask
for."""

CAUGHT_BY = "explores"
MESSAGE = """\
wrong: the counts of the nodes: each is in our list, and in the node's
  expected: [3, 2, 2, 2]
  got:      [5, 3, 3, 3]
What the graph itself has is subtracted for each alike: keep the objects in self.objects only.
"""


class Graph:
    def _explore(self, queue, limit):
        self.objects = {id(thing): thing for thing in queue}
        self.neighbours = []
        while queue:
            thing = queue.popleft()
            others = [other for other in gc.get_referents(thing) if is_node(other)]
            self.neighbours.append(others)
            self.references[id(thing)] = [id(other) for other in others]
            for other in others:
                if id(other) not in self.objects and len(self.objects) < limit:
                    self.objects[id(other)] = other
                    queue.append(other)
