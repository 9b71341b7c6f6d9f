"""The one part of the package that is compiled. All else stands in pyproject.toml.

`optional`: where there is no C compiler, or where Python's headers are missing, the
installation goes on without it, and `dustdevil --version` says so.
"""

from setuptools import Extension, setup

SOURCES = ["src/dustdevil/_speedups.c"]

setup(ext_modules=[Extension("dustdevil._speedups", SOURCES, optional=True)])
