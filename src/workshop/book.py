"""`workshop build`: the HTML of the book, in `build/html`.

Jupyter Book's own configuration (`_config.yml`, `_toc.yml`) is read by Jupyter Book;
Sphinx is then run by us, which gives one line a page while it works, one sentence
when something is wrong, and pages without the parts of Jupyter Book that would ask
other hosts for scripts. The pages are made in a folder beside the old ones and take
their place only when all went well.
"""

import argparse
import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from workshop import elsewhere, npm
from workshop.checkout import ROOT

# Extensions that Jupyter Book loads and that our pages do without: themes with icon
# fonts, buttons and comments served by other hosts, other books' inventories.
UNWANTED = {
    "sphinx_book_theme",
    "sphinx_comments",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_jupyterbook_latex",
    "sphinx_multitoc_numbering",
    "sphinx_thebe",
    "sphinx_togglebutton",
    "sphinx.ext.intersphinx",
}

# What of MathJax a cell that runs in the page can ask for; the formulas of the text
# are set by the build.
MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")

# What the pages are made of, as patterns from the root.
INPUTS = (
    "_config.yml",
    "book/*.*",
    "book/2013/*.*",
    "book/_static/**/*",
    "labs/*/lab.ipynb",
    "frontend/*.*",
    "frontend/src/**/*",
    "src/dustdevil/**/*.py",
    "src/dustdevil/**/*.[ch]",
    "src/workshop/annotated.py",
    "src/workshop/book.py",
    "src/workshop/elsewhere.py",
    "src/workshop/formulas.*",
    "src/workshop/glossary.py",
    "src/workshop/listings.py",
    "src/workshop/maps.py",
    "src/workshop/npm.py",
    "src/workshop/pieces.py",
    "src/workshop/sources.py",
    "src/workshop/sphinx_ext.py",
    "src/workshop/theme/**/*",
)
TOOLS = ("jupyter-book", "Sphinx", "myst-nb", "sphinx-external-toc", "Pygments")

Say = Callable[[str], None]


class BuildError(Exception):
    """The book cannot be built; the message is one sentence for the reader."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `workshop build`."""
    parser.add_argument(
        "--force", action="store_true", help="build even if nothing changed"
    )
    parser.add_argument(
        "--draft", action="store_true", help="for writing: only print the warnings"
    )


def run(args: argparse.Namespace) -> int:
    """Build if needed; return the exit code."""
    started = time.monotonic()
    try:
        if not (args.force or args.draft) and is_fresh():
            print("The book is built and up to date.")
            return 0
        pages = build(say=lambda line: print(line, flush=True), draft=args.draft)
    except (BuildError, npm.NpmError) as error:
        print(f"workshop build: {error}", file=sys.stderr)
        return 1
    took = time.monotonic() - started
    print(f"Built in {took:.0f} s: {os.path.relpath(pages)}/index.html")
    return 0


def html_folder(root: Path = ROOT) -> Path:
    """Where the built pages are."""
    return root / "build" / "html"


def is_fresh(root: Path = ROOT) -> bool:
    """Whether the pages were built from the sources as they are now."""
    stamp = html_folder(root) / ".stamp"
    return stamp.is_file() and stamp.read_text() == digest(root)


def ensure(root: Path = ROOT) -> Path:
    """Return the folder of the pages; build them first if their sources changed.

    The build runs in a process of its own, so that a server that calls this does not
    carry Sphinx with it. Raises BuildError; the reason is on the terminal by then.
    """
    if not is_fresh(root):
        done = subprocess.run([sys.executable, "-m", "workshop", "build"], cwd=root)
        if done.returncode:
            raise BuildError("the book could not be built; the reason is above")
    return html_folder(root)


def digest(root: Path = ROOT) -> str:
    """One hash over all inputs and the versions of the tools."""
    total = hashlib.sha256()
    for tool in TOOLS:
        total.update(f"{tool} {metadata.version(tool)}\n".encode())
    for path in sorted(_inputs(root)):
        total.update(f"{path.relative_to(root)}\n".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _inputs(root: Path) -> Iterator[Path]:
    for pattern in INPUTS:
        yield from (path for path in root.glob(pattern) if path.is_file())


def build(root: Path = ROOT, say: Say = lambda line: None, draft: bool = False) -> Path:
    """Build all pages; return their folder.

    A draft is finished in spite of warnings, and never counts as fresh.
    Raises BuildError or NpmError.
    """
    pages = html_folder(root)
    fresh = pages.with_name("html.new")
    with _one_at_a_time(root):
        stamp = digest(root)
        shutil.rmtree(fresh, ignore_errors=True)
        add_scripts(root, fresh / "_static", say)
        warnings = write_pages(root, fresh, say)
        if warnings and not draft:
            raise BuildError(_in_one_line(warnings))
        for line in warnings:
            say(line)
        write_start_page(fresh)
        if not warnings:
            (fresh / ".stamp").write_text(stamp)
        shutil.rmtree(pages, ignore_errors=True)
        fresh.rename(pages)
    return pages


@contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Two builds at once would write into the same folder: the second one waits."""
    (root / "build").mkdir(exist_ok=True)
    with open(root / "build" / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def add_scripts(root: Path, static: Path, say: Say) -> None:
    """Fetch the third-party scripts, bundle the live cells' front end, copy both."""
    modules = npm.install(root / "frontend", root / "build" / "frontend", say)
    mathjax = modules / "mathjax" / "es5"
    for name in MATHJAX:
        _copy(mathjax / name, static / "mathjax" / name)
    say("bundling the front end of the live cells")
    npm.run("build", modules.parent)
    _copy(modules.parent / "dist", static / "live")


def _copy(source: Path, target: Path) -> None:
    if not source.exists():
        raise BuildError(f"{source.name} is missing after npm ran; is frontend/ whole?")
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)


def _in_one_line(warnings: list[str]) -> str:
    """The first warning; the others go to the terminal."""
    for line in warnings[1:]:
        print(line, file=sys.stderr)
    more = f" (and {len(warnings) - 1} more, above)" if warnings[1:] else ""
    return warnings[0] + more


def write_pages(root: Path, target: Path, say: Say) -> list[str]:
    """Run Sphinx; return its warnings."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.console import nocolor
    from sphinx.util.docutils import docutils_namespace, patch_docutils

    nocolor()
    warnings = io.StringIO()
    try:
        config = sphinx_config(root)
        with patch_docutils(str(root)), docutils_namespace():
            app = Sphinx(
                srcdir=root,
                confdir=None,
                outdir=target,
                doctreedir=root / "build" / "doctrees",
                buildername="html",
                confoverrides=config,
                status=None,
                warning=warnings,
                freshenv=True,
            )
            _report_progress(app, say)
            app.build(force_all=True)
    except SphinxError as error:
        raise BuildError(_readable(f"{error}", root)) from error
    return _readable(warnings.getvalue(), root).splitlines()


def sphinx_config(root: Path) -> dict[str, Any]:
    """What Jupyter Book makes of _config.yml, less what our pages do not use.

    Raises BuildError if the file cannot be read.
    """
    import jsonschema
    import yaml
    from jupyter_book.config import get_final_config

    try:
        config, _ = get_final_config(
            user_yaml=root / "_config.yml",
            cli_config={
                "latex_individualpages": False,
                "external_toc_path": "book/_toc.yml",
                "html_js_files": _scripts(root),
                "html_css_files": _own(root, "*.css", "style.css"),
            },
            sourcedir=root,
            raise_on_invalid=True,
        )
    except (OSError, yaml.YAMLError, jsonschema.ValidationError) as error:
        first = str(error).splitlines()[0]
        raise BuildError(f"_config.yml cannot be read: {first}") from error
    config["extensions"] = [
        name for name in config["extensions"] if name not in UNWANTED
    ]
    # Jupyter Book writes these for its own theme and for an extension left out.
    config["html_theme_options"] = elsewhere.options(_yaml(root))
    config.pop("comments_config", None)
    config["mathjax_package"] = str(root / config["mathjax_package"])
    return config


def _yaml(root: Path) -> dict[str, Any]:
    """What _config.yml itself says; Jupyter Book adds an address of its own to it."""
    import yaml

    return yaml.safe_load((root / "_config.yml").read_text("utf-8"))


def _scripts(root: Path) -> list[tuple[str, dict[str, str]]]:
    """The scripts of every page; theme.js runs before the first paint."""
    others = _own(root, "*.js", "theme.js")
    return [("theme.js", {})] + [(name, {"defer": "defer"}) for name in others]


def _own(root: Path, pattern: str, known: str) -> list[str]:
    """Our scripts or style sheets, less the one that is named elsewhere."""
    files = (root / "book" / "_static").glob(pattern)
    return sorted(path.name for path in files if path.name != known)


def _report_progress(app: Any, say: Say) -> None:
    def read(app: Any, docname: str, source: list[str]) -> None:
        say(f"reading {docname}")

    def write(app: Any, pagename: str, *rest: Any) -> None:
        say(f"writing {pagename}.html")

    app.connect("source-read", read)
    app.connect("html-page-context", write)


def _readable(text: str, root: Path) -> str:
    return text.strip().replace(f"{root}{os.sep}", "")


def write_start_page(pages: Path) -> None:
    """The first page is book/index.html: a request for the root is sent there.

    It takes along what follows the path: the token, in the address that is printed.
    """
    (pages / "index.html").write_text(
        "<!DOCTYPE html>\n"
        '<html lang="en"><head><meta charset="utf-8"><title>Dust Devil</title>\n'
        "<script>"
        'location.replace("book/index.html" + location.search + location.hash)'
        "</script>\n"
        '<noscript><meta http-equiv="refresh" content="0; url=book/index.html">'
        "</noscript></head>\n"
        '<body><p><a href="book/index.html">Dust Devil</a></p></body></html>\n'
    )
