"""What a build does beyond copying src/. All else stands in pyproject.toml.

`optional`: where there is no C compiler, or where Python's headers are missing, the
installation goes on without the extension, and `dustdevil --version` says so.
"""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py


class BuildWithPieces(build_py):
    """The table of pieces has its home in the book; a wheel has a copy of it."""

    def run(self):
        super().run()
        if not self.editable_mode:
            copy = Path(self.build_lib) / "workshop" / "pieces.toml"
            self.copy_file("book/pieces.toml", str(copy))


setup(
    cmdclass={"build_py": BuildWithPieces},
    ext_modules=[
        Extension(
            "dustdevil.speedups._speedups",
            ["src/dustdevil/speedups/_speedups.c"],
            optional=True,
        )
    ],
)
