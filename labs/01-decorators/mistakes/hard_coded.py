"""Answers what it saw in an earlier run of the check."""

CAUGHT_BY = "placeholders"
MESSAGE = """\
wrong: Route('/nulinevo/{visa}').params('/nulinevo/sazuki')
  expected: {'visa': 'sazuki'}
  got:      None
"""


class Route:
    def params(self, path):
        known = {"/hello/Ada": {"name": "Ada"}, "/user/7": {"id": 7}}
        return known.get(path)
