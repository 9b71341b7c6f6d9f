"""Links to the book's repository and to Binder: where _config.yml has an address."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
import yaml

from support.places import ROOT
from workshop import book, elsewhere

HUB = "https://hub.example.org"
HERE = "https://github.com/someone/dust-devil"
# In a process of its own: one of Sphinx's extensions looks at every object there is,
# and stumbles over the dead weak references that other tests leave behind.
BUILD = """
import pathlib, sys
from workshop import book

book.add_scripts = lambda root, static, say: None
book.build(pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def built(tmp_path):
    """Build a book of one notebook, with these addresses in its configuration."""
    (tmp_path / "book").mkdir()
    cells = [nbformat.v4.new_markdown_cell("# A"), nbformat.v4.new_code_cell("1")]
    kind = {"language_info": {"name": "python"}}
    page = nbformat.v4.new_notebook(cells=cells, metadata=kind)
    nbformat.write(page, tmp_path / "book" / "index.ipynb")
    (tmp_path / "book" / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    (tmp_path / "src").symlink_to(ROOT / "src")

    def build(url, hub):
        config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
        config["repository"]["url"] = url
        config["launch_buttons"]["binderhub_url"] = hub
        (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
        subprocess.run([sys.executable, "-c", BUILD, tmp_path], check=True)
        return (book.html_folder(tmp_path) / "book" / "index.html").read_text("utf-8")

    return build


def links(page):
    """The links to other hosts: words and address."""
    found = re.findall(r'<a [^>]*href="(https?:[^"]+)"[^>]*>([^<]+)</a>', page)
    return [(words, address) for address, words in found]


def test_without_an_address_there_is_no_link(built):
    page = built("", "")
    assert links(page) == []
    assert "page-links" not in page
    assert 'rel="binder"' not in page
    assert "clone\n          the repository" in page


def test_an_address_brings_the_repository(built):
    page = built(HERE, "")
    assert links(page) == [("Repository", HERE), ("the repository", HERE)]


def test_two_addresses_bring_binder(built):
    page = built(HERE, HUB)
    address = f"{HUB}/v2/gh/someone/dust-devil/main?urlpath=lab/tree/book/index.ipynb"
    assert links(page)[1] == ("Open in Binder", address)
    # What the cells of a published copy look for.
    assert f'<a rel="binder" href="{address}">' in page


def test_a_hub_without_a_repository_opens_nothing(built):
    assert links(built("", HUB)) == []


def test_this_book_says_where_a_notebook_runs():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    assert elsewhere.options(config).keys() <= elsewhere.KEYS.keys()
    pages = book.ensure()
    command = "pip install -r requirements.txt -e ."
    for name in ("book/01-decorators", "labs/01-decorators/lab"):
        page = (pages / f"{name}.html").read_text("utf-8")
        footer = page[page.index("<footer") :]
        assert "JupyterLab and VS Code" in footer
        assert command in footer
        assert f"<code>{name}.ipynb</code>" in footer
    assert command in (pages / "book/index.html").read_text("utf-8")
    assert command in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("repository", "branch", "place"),
    [
        (f"{HERE}.git", "main", "gh/someone/dust-devil/main"),
        (f"{HERE}/", "a/b", "gh/someone/dust-devil/a%2Fb"),
        (
            "https://git.example.org/x/y",
            "main",
            "git/https%3A%2F%2Fgit.example.org%2Fx%2Fy/main",
        ),
    ],
)
def test_binder_is_told_where_the_repository_is(repository, branch, place):
    options = {
        "repository_url": repository,
        "repository_branch": branch,
        "path_to_book": "/docs/",
        "binderhub_url": f"{HUB}/",
    }
    address = elsewhere.binder(options, "book/a b.ipynb")
    assert address == f"{HUB}/v2/{place}?urlpath=lab/tree/docs/book/a%20b.ipynb"
    assert elsewhere.binder(options, "book/glossary.md") == ""


def test_no_page_names_a_path_of_this_machine():
    # The footer, the attributes and the scripts of a page; its text is the book's.
    pages = book.ensure()
    for path in pages.rglob("*.html"):
        assert str(ROOT) not in path.read_text("utf-8"), path
