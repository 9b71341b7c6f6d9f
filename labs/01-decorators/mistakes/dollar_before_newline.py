"""Ends the expression with "$", which lets one last newline pass."""

import re

CAUGHT_BY = "the_whole_path"
MESSAGE = """\
wrong: Route('/netotubi/{id:int}').params('/netotubi/7\\n')
  expected: None
  got:      {'id': 7}
In a regular expression '$' also stands before a newline that ends the text.
"""


class Route:
    def params(self, path):
        found = re.match(self.regex.pattern + "$", path)
        if found is None:
            return None
        return {
            name: self.convert[name](text) for name, text in found.groupdict().items()
        }
