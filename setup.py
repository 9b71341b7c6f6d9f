"""The one part of the package that is compiled. All else stands in pyproject.toml.

`optional`: where there is no C compiler, or where Python's headers are missing, the
installation goes on without it, and `dustdevil --version` says so.
"""

from setuptools import Extension, setup

NAMES = "_speedups", "_fastpath", "_tasks"

setup(
    ext_modules=[
        Extension(
            f"dustdevil.{name}",
            [f"src/dustdevil/{name}.c"],
            depends=["src/dustdevil/_slots.h"],
            optional=True,
        )
        for name in NAMES
    ]
)
