"""The guides run in an empty mystack/: their stored outputs are a beginner's."""

import atexit
import os
import shutil
import tempfile

from workshop.labs.lab import VARIABLE

_folder = tempfile.mkdtemp()
atexit.register(shutil.rmtree, _folder, ignore_errors=True)
os.environ[VARIABLE] = os.path.join(_folder, "mystack")
