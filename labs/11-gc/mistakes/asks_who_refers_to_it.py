"""Mistakes get_referrers for get_referents: who refers to it, not to whom it
refers."""

CAUGHT_BY = "explores"
MESSAGE = """\
wrong: what a Graph finds: a node, with a list, in which are 4 nodes, the first of them twice, a module, a class, a text
  expected: 10 objects: the 5 nodes, and the list of each
  got:      14 objects: 7 list, 3 cell, 2 Node, 1 dict, 1 Graph
"""


class Graph:
    def _explore(self, queue, limit):
        self.objects = {id(thing): thing for thing in queue}
        while queue:
            thing = queue.popleft()
            others = [other for other in gc.get_referrers(thing) if is_node(other)]
            self.references[id(thing)] = [id(other) for other in others]
            for other in others:
                if id(other) not in self.objects and len(self.objects) < limit:
                    self.objects[id(other)] = other
                    queue.append(other)
