"""Start a kernel: `python -m workshop.livebook.inkernel -f kernel.json`."""

import os
import sys

# With `-m`, Python puts the working directory first, where a file `random.py` of a
# reader would be imported in place of the standard library's. IPython appends the
# directory later, behind the library.
if sys.path[0] == os.getcwd():
    del sys.path[0]

from workshop.livebook.inkernel.app import App

App.launch_instance()
