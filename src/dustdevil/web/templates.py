"""Templates: pages with holes in them, filled in by Jinja2.

    pages = app.templates("templates")

    @app.get("/hello/{name}")
    def hello(request, name):
        return pages.render("hello.html", name=name)

Jinja2 is a package of its own, `pip install jinja2`, and imported when the first
`Templates` is made. What is filled in is escaped: a name of "<script>" is shown, and
not run.
"""

import os
from importlib import import_module
from typing import Any

from dustdevil.web.messages import Response, html


class Templates:
    """The templates in a folder; `names` are known to all of them, url_for for one.

    A template is compiled when it is first used. It is looked at again each time with
    `reload`, for while one writes it. A name without a value is an error, not a gap.
    Raises ModuleNotFoundError where Jinja2 is not installed.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, reload: bool = False, **names: Any
    ):
        try:
            jinja2 = import_module("jinja2")
        except ModuleNotFoundError:
            raise ModuleNotFoundError(
                "templates need Jinja2: pip install jinja2", name="jinja2"
            ) from None
        self.environment: Any = jinja2.Environment(
            loader=jinja2.FileSystemLoader(folder),
            # In files of every name: to choose by the ending is to forget one.
            autoescape=True,
            auto_reload=reload,
            undefined=jinja2.StrictUndefined,
        )
        self.environment.globals |= names

    def text(self, name: str, /, **values: Any) -> str:
        """The template `name`, a path in the folder, with these values in it.

        Raises jinja2.TemplateNotFound, and jinja2.UndefinedError for a value that is
        missing.
        """
        return self.environment.get_template(name).render(values)

    def render(self, name: str, /, **values: Any) -> Response:
        """The same as a page."""
        return html(self.text(name, **values))
