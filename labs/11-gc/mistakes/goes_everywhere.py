"""Does not ask is_node, and from the first class gets to all there is."""

CAUGHT_BY = "explores"
MESSAGE = """\
wrong: what a Graph finds: a node, with a list, in which are 4 nodes, the first of them twice, a module, a class, a text
  expected: 10 objects: the 5 nodes, and the list of each
  got:      5000 objects: texts, functions, classes and much else
From a module or a class one gets to everything there is.
"""


class Graph:
    def _explore(self, queue, limit):
        self.objects = {id(thing): thing for thing in queue}
        while queue:
            thing = queue.popleft()
            others = gc.get_referents(thing)
            self.references[id(thing)] = [id(other) for other in others]
            for other in others:
                if id(other) not in self.objects and len(self.objects) < limit:
                    self.objects[id(other)] = other
                    queue.append(other)
