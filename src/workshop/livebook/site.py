"""The live book as one application: pages, kernels, and the guard before both."""

from pathlib import Path

from dustdevil.web import Application
from workshop.livebook.api import Api
from workshop.livebook.kernels import Kernels
from workshop.livebook.security import Guard


def make_app(pages: Path, kernels: Kernels, guard: Guard) -> Application:
    """The application that serves the folder of built pages and runs their cells."""
    app = Application()
    app.use(guard)
    Api(kernels).mount(app)
    app.files("/", pages)
    return app
