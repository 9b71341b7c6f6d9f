"""The build, and the pages that it makes: whole, self-contained, light, accessible."""

import functools
import gzip
import http.server
import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
import yaml

from support.live_reader import Quiet, axe_violations, needs_chromium
from support.places import ROOT
from workshop import annotated, book, formulas, listings, npm, sphinx_ext
from workshop.listings import files, place_of

TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text("utf-8"))
CHAPTERS = [entry["file"] for part in TOC["parts"] for entry in part["chapters"]]
PAGES = [f"{name}.html" for name in [TOC["root"], *CHAPTERS, "search"]]
SOURCES = [f"{annotated.page_of(place_of(file))}.html" for file in files()]
SOURCES.append(f"{annotated.INDEX}.html")
# Pages that are looked at in a browser: of those made from sources, some.
SEEN = [*PAGES, "source/index.html", "source/loop/eventloop.html"]
STYLE = ROOT / "book" / "_static" / "style.css"

# --- the built book ------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages() -> Path:
    """The built book; built now if its sources changed."""
    return book.ensure()


def documents(pages: Path) -> list[Path]:
    """Every page of the book, without the redirect at the root."""
    found = [path for path in pages.rglob("*.html") if "_static" not in path.parts]
    return sorted(path for path in found if path != pages / "index.html")


class References(HTMLParser):
    """What a page loads by itself (`loaded`), where it links to, and its ids."""

    LOADING = frozenset({"src", "srcset", "data", "poster", "xlink:href"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            elif tag == "a" and name == "href":
                self.links.append(value)
            elif (tag in {"link", "image", "use"} and name == "href") or (
                name in self.LOADING
            ):
                self.loaded.append(value)


def references(page: Path) -> References:
    return References(page.read_text("utf-8"))


FOREIGN = re.compile(r"(?:[a-z]+:)?//(?!127\.0\.0\.1|localhost)", re.IGNORECASE)


def test_the_book_has_the_pages_of_its_contents(pages):
    names = [page.relative_to(pages).as_posix() for page in documents(pages)]
    assert names == sorted(PAGES + SOURCES)


def test_no_page_loads_anything_from_another_host(pages):
    for page in documents(pages):
        for target in references(page).loaded:
            assert not FOREIGN.match(target), f"{page.name} loads {target}"


def test_no_style_sheet_loads_anything_from_another_host(pages):
    url = re.compile(r"(?:url\(\s*|@import\s+)[\"']?([^\"')\s]+)")
    texts = {path: path.read_text("utf-8") for path in pages.rglob("*.css")}
    texts |= {path: path.read_text("utf-8") for path in documents(pages)}
    for path, text in texts.items():
        for target in url.findall(text):
            assert not FOREIGN.match(target), f"{path.name} loads {target}"


def test_no_script_of_ours_asks_another_host(pages):
    asks = re.compile(
        r"(?:fetch|import|importScripts|open|Worker|WebSocket|\.src\s*=|\.href\s*=)"
        r"\s*\(?\s*[\"'`](?:https?|wss?)?:?//"
    )
    for path in pages.rglob("*.js"):
        if "mathjax" not in path.parts:
            found = asks.search(path.read_text("utf-8"))
            assert not found, f"{path.name}: {found}"


def test_every_link_and_every_file_a_page_names_is_there(pages):
    known = {page: references(page) for page in pages.rglob("*.html")}
    for page, refs in known.items():
        for target in refs.links + refs.loaded:
            if urlsplit(target).scheme or not target:
                continue
            path, anchor = urldefrag(urljoin(page.as_uri(), target))
            file = Path(urlsplit(path).path)
            assert file.exists(), f"{page.name} names {target}"
            if anchor and file in known:
                assert anchor in known[file].ids, f"{page.name} names {target}"


def test_ids_are_unique(pages):
    for page in documents(pages):
        ids = references(page).ids
        twice = {name for name in ids if ids.count(name) > 1}
        assert not twice, f"{page.name}: {twice}"


def test_the_front_page_leads_to_the_book(pages):
    assert 'url=book/index.html"' in (pages / "index.html").read_text("utf-8")


def test_code_has_its_colours_from_variables(pages):
    page = (pages / "book" / "index.html").read_text("utf-8")
    assert 'class="highlight"' in page
    assert "pygments.css" not in page


def test_lock_file_has_hashes_and_names_no_registry():
    lock = json.loads((ROOT / "frontend" / "package-lock.json").read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


# --- contrast, from the style sheet --------------------------------------------------


def palette() -> dict[str, tuple[str, str]]:
    """The colours of style.css: name -> (light, dark)."""
    pairs = re.findall(
        r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", STYLE.read_text("utf-8")
    )
    return {name: (light, dark) for name, light, dark in pairs}


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1, as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """The ratio of WCAG 2.2, 1 to 21."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


TEXT_ON = [
    *[(ink, "paper") for ink in ("ink", "ink-soft", "ink-faint", "accent", "bad")],
    *[(ink, "paper-sunk") for ink in ("ink", "ink-soft", "ink-faint", "accent")],
    *[(ink, "paper-raised") for ink in ("ink", "ink-soft", "ink-faint", "accent")],
    ("accent-ink", "accent"),
    ("accent", "accent-wash"),
    *[(kind, f"{kind}-wash") for kind in ("good", "bad", "warn", "note")],
    *[("ink", f"{kind}-wash") for kind in ("good", "bad", "warn", "note")],
    *[("tok-error", "bad-wash"), ("tok-comment", "bad-wash")],
    *[(f"c{n}", "paper") for n in range(1, 7)],
]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_text_is_readable(mode):
    colours = palette()
    tokens = [(name, "code-paper") for name in colours if name.startswith("tok-")]
    assert len(tokens) == 10
    for ink, paper in TEXT_ON + tokens:
        ratio = contrast(colours[ink][mode], colours[paper][mode])
        assert ratio >= 4.5, f"{ink} on {paper}: {ratio:.2f}"


# --- the small changes to what MyST writes -------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<a href="05-epoll.ipynb">', '<a href="05-epoll.html">'),
        ('<a id="x" href="../labs/a/lab.ipynb#s">', None),
        ('<a href="glossary.md">', '<a href="glossary.html">'),
        (
            '<a href="https://example.org/a.ipynb">',
            '<a href="https://example.org/a.ipynb">',
        ),
        ('<a href="#a.ipynb">', '<a href="#a.ipynb">'),
        ("<code>a.ipynb</code>", "<code>a.ipynb</code>"),
    ],
)
def test_links_to_notebooks_become_links_to_pages(before, after):
    if after is None:
        after = before.replace(".ipynb", ".html")
    assert sphinx_ext.link_to_pages(before) == after


# --- building a small book -----------------------------------------------------------

INDEX = """# A small book

A word: {term}`loop`.

:::{admonition} Why?
:class: dropdown
Because of *that*.
:::

| a | b |
|---|---|
| 1 | 2 |

:::{glossary}
loop
  What comes around.
:::
"""


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a book with one page and our theme."""
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "index.md").write_text(INDEX)
    (tmp_path / "book" / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    shutil.copytree(ROOT / "book" / "_static", tmp_path / "book" / "_static")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    package = tmp_path / "src" / "dustdevil"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text('"""A small server."""\n')
    (package / "routing.py").write_text('"""Routes. More."""\n\n\ndef go(): ...\n')
    (tmp_path / "src" / "workshop").symlink_to(ROOT / "src" / "workshop")
    monkeypatch.setattr(listings, "package_folder", lambda: package)
    monkeypatch.setattr(book, "add_scripts", lambda root, static, say: None)
    return tmp_path


def built(root: Path) -> str:
    return (book.build(root) / "book" / "index.html").read_text("utf-8")


def test_build_says_what_it_does(small):
    said = []
    book.build(small, said.append)
    assert "reading book/index" in said
    assert "writing book/index.html" in said


def test_dropdowns_open_and_tables_scroll_without_a_script(small):
    page = built(small)
    assert re.search(r"<details class=.admonition dropdown.><summary>Why\?<", page)
    assert re.search(r'<div class="table-scroll"><table', page)


def test_a_word_of_the_glossary_shows_its_definition(small):
    (small / "book" / "index.md").write_text("# A\n\nThe {term}`bell` rings.\n")
    (small / "book" / "glossary.md").write_text(
        "# Words\n\n:::{glossary}\nbell\n  What\n  rings.\n:::\n"
    )
    (small / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: book/glossary\n"
    )
    assert 'href="glossary.html#term-bell" title="What rings."' in built(small)


def notebook(*cells: dict) -> str:
    """A notebook with a title and these cells, which have ids of their own."""
    title = {"cell_type": "markdown", "source": "# A\n"}
    whole = [
        {"metadata": {}, "id": f"cell-{number:03}", **cell}
        for number, cell in enumerate([title, *cells], 1)
    ]
    metadata = {"language_info": {"name": "python"}}
    return json.dumps(
        {"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    )


def code(source: str, *tags: str, html: str = "") -> dict:
    """A code cell, with its one output, if there is one."""
    shown = {"output_type": "display_data", "metadata": {}, "data": {"text/html": html}}
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "execution_count": 1,
        "outputs": [shown] if html else [],
    }


def test_a_cell_without_input_shows_its_output_alone(small):
    (small / "book" / "_toc.yml").write_text(
        "format: jb-book\nroot: book/index\nchapters:\n  - file: book/a\n"
    )
    (small / "book" / "a.ipynb").write_text(
        notebook(
            code("x = secret()", "remove-input", html="<p>shown</p>"),
            code("quiet()", "remove-input"),
            code("y = 1"),
        )
    )
    page = (book.build(small) / "book" / "a.html").read_text("utf-8")
    assert "secret" not in page
    assert "quiet" not in page
    assert page.count("cell_input") == 1
    assert "<p>shown</p>" in page
    empty = re.search(r'<div class="([^"]*)" id="cell-003">\s*</div>', page)
    assert "nothing-to-see" in empty[1].split()


def test_fresh_until_an_input_changes(small):
    assert not book.is_fresh(small)
    book.build(small)
    assert book.is_fresh(small)
    style = small / "book" / "_static" / "style.css"
    style.write_text(style.read_text("utf-8") + "/* new */")
    assert not book.is_fresh(small)
    book.build(small)
    (small / "src" / "dustdevil" / "routing.py").write_text('"""New."""\n')
    assert not book.is_fresh(small)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# A\n\n[there](nowhere.md)\n", r"^book/index\.md:3: WARNING: .*nowhere\.md"),
        ("# A\n\n{term}`unheard`\n", r"term not in glossary: 'unheard'"),
        ("# A\n\n```{figure} no.png\n```\n", r"no\.png"),
    ],
)
def test_a_warning_stops_the_build_and_keeps_the_old_pages(small, text, complaint):
    book.build(small)
    (small / "book" / "index.md").write_text(text)
    with pytest.raises(book.BuildError, match=complaint) as caught:
        book.build(small)
    assert "\n" not in str(caught.value)
    assert "A small book" in (small / "build/html/book/index.html").read_text("utf-8")


def test_a_draft_is_finished_but_never_fresh(small):
    (small / "book" / "index.md").write_text("# A\n\n[there](nowhere.md)\n")
    said = []
    book.build(small, said.append, draft=True)
    assert any("nowhere.md" in line for line in said)
    assert not book.is_fresh(small)


def test_a_page_that_the_contents_forget_stops_the_build(small):
    (small / "book" / "lost.md").write_text("# Lost\n")
    with pytest.raises(book.BuildError, match=r"lost\.md: .* any toctree"):
        book.build(small)


@pytest.mark.parametrize("text", ["title: [", "title: 3\n"])
def test_a_broken_configuration_is_one_sentence(small, text):
    (small / "_config.yml").write_text(text)
    with pytest.raises(book.BuildError, match=r"^_config\.yml cannot be read: .+$"):
        book.build(small)


def test_the_command_prints_one_line_for_an_error(monkeypatch, capsys):
    def fails(say: book.Say, draft: bool) -> Path:
        raise book.BuildError("the reason")

    monkeypatch.setattr(book, "is_fresh", lambda: False)
    monkeypatch.setattr(book, "build", fails)
    parser = __import__("argparse").ArgumentParser()
    book.add_arguments(parser)
    assert book.run(parser.parse_args([])) == 1
    assert capsys.readouterr().err == "workshop build: the reason\n"


# --- formulas ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mathjax() -> Path:
    modules = npm.install(ROOT / "frontend", ROOT / "build" / "frontend")
    return modules / "mathjax"


def test_a_formula_is_drawn_and_can_be_read_aloud(mathjax):
    with formulas.Setter(mathjax) as setter:
        inline = setter.set(r"O(\log n)")
        block = setter.set(r"\sum_{i=1}^n \frac{1}{i}", display=True)
    assert "<svg" in inline
    assert "<math" in inline
    assert 'display="true"' in block


def test_a_wrong_formula_stops_the_build(small, mathjax):
    (small / "book" / "index.md").write_text("# A\n\nThis: $\\frac{1$\n")
    (small / "build" / "frontend").mkdir(parents=True)
    (small / "build" / "frontend" / "node_modules").symlink_to(mathjax.parent)
    with pytest.raises(book.BuildError, match="formula is wrong: Missing close brace"):
        book.build(small)


def test_formulas_need_no_script_in_the_page(small, mathjax):
    (small / "book" / "index.md").write_text("# A\n\nThis: $\\frac{1}{2}$\n")
    (small / "build" / "frontend").mkdir(parents=True)
    (small / "build" / "frontend" / "node_modules").symlink_to(mathjax.parent)
    page = built(small)
    assert "<mjx-container" in page
    assert "tex-chtml" not in page


# --- npm -----------------------------------------------------------------------------


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put an `npm` of our own first on the path; it notes its calls."""

    def put(script: str) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        calls = tmp_path / "calls"
        for name in ("npm", "node"):
            file = folder / name
            file.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n{script}\n')
            file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return calls

    return put


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "frontend"
    folder.mkdir()
    (folder / "package.json").write_text("{}")
    (folder / "package-lock.json").write_text("{}")
    return folder


def test_install_fetches_once_for_each_lock(tmp_path, fake_npm, package):
    calls = fake_npm("mkdir -p node_modules")
    said: list[str] = []
    target = tmp_path / "build"
    assert npm.install(package, target, said.append) == target / "node_modules"
    npm.install(package, target, said.append)
    assert len(said) == len(calls.read_text().splitlines()) == 1
    assert calls.read_text().startswith("ci --ignore-scripts")
    (package / "package-lock.json").write_text('{"new": 1}')
    npm.install(package, target, said.append)
    assert len(said) == 2


def test_no_network_is_a_sentence_and_the_next_time_tries_again(
    tmp_path, fake_npm, package, capsys
):
    calls = fake_npm("mkdir -p node_modules; echo ENOTFOUND; exit 1")
    for attempt in (1, 2):
        with pytest.raises(npm.NpmError, match="is the package registry in reach"):
            npm.install(package, tmp_path / "build")
        assert len(calls.read_text().splitlines()) == attempt
    assert "ENOTFOUND" in capsys.readouterr().err


def test_without_a_system_npm_the_wheel_is_used(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    node, script = npm.client()
    assert Path(node).is_file()
    assert Path(script).name == "npm-cli.js"


# --- in a browser --------------------------------------------------------------------

MODES = ["light", "dark"]


@pytest.fixture(scope="module")
def site(pages: Path) -> Iterator[str]:
    """The built pages at a loopback address."""
    handler = functools.partial(Quiet, directory=pages)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def visit(browser, site) -> Iterator:
    """Open a page of the book; fails on errors in its console."""
    contexts, complaints = [], []

    def open_page(name: str, width: int = 1280, mode: str = "light"):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=mode
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(urljoin(site, name), wait_until="networkidle")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@needs_chromium
@pytest.mark.parametrize("name", SEEN)
def test_a_page_is_light_and_asks_only_its_own_host(browser, site, name):
    responses = loaded_by(browser, urljoin(site, name))
    asked = [url for url in responses if not url.startswith("data:")]
    assert all(url.startswith(site) for url in asked), asked
    weight = sum(len(gzip.compress(body)) for body in responses.values())
    assert weight <= 350_000


def loaded_by(browser, url: str) -> dict[str, bytes]:
    """What a page loads, with itself: URL -> body."""
    responses = []
    context = browser.new_context()
    page = context.new_page()
    page.on("response", lambda response: responses.append(response))
    page.goto(url, wait_until="networkidle")
    assert all(response.ok for response in responses)
    bodies = {response.url: response.body() for response in responses}
    context.close()
    return bodies


# What is opened is told to the page by an event, before the frame after next is drawn.
OPEN_ALL = """new Promise((done) => {
  document.querySelectorAll("details").forEach((d) => (d.open = true));
  requestAnimationFrame(() => requestAnimationFrame(done));
})"""


@needs_chromium
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SEEN)
def test_axe_finds_nothing_serious(visit, name, mode):
    page = visit(name, mode=mode)
    page.evaluate(OPEN_ALL)
    assert not [
        found for found in axe_violations(page) if found[1] in {"serious", "critical"}
    ]


@needs_chromium
@pytest.mark.parametrize("name", SEEN)
def test_nothing_is_wider_than_a_phone(visit, name):
    page = visit(name, width=390)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@needs_chromium
def test_the_colours_follow_the_system_and_the_reader(visit):
    page = visit("book/index.html", mode="dark")
    root = page.locator("html")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    assert root.get_attribute("data-theme") == "dark"
    button = page.get_by_role("button", name="Colours")
    button.click()
    assert root.get_attribute("data-theme") == "light"
    assert page.evaluate(background) != dark
    page.reload()
    assert root.get_attribute("data-theme") == "light"
    assert "light" in button.get_attribute("aria-label")


@needs_chromium
def test_the_contents_are_a_drawer_on_a_phone(visit):
    page = visit("book/glossary.html", width=390)
    contents = page.get_by_role("navigation", name="Contents of the book")
    menu = page.get_by_role("button", name="Contents")
    assert not contents.is_visible()
    menu.press("Enter")
    contents.wait_for(state="visible")
    page.keyboard.press("Escape")
    contents.wait_for(state="hidden")
    menu.click()
    contents.get_by_role("link", name="The notebook of 2013").click()
    page.wait_for_url("**/then-and-now.html")


@needs_chromium
def test_the_first_tab_skips_to_the_text(visit):
    page = visit("book/glossary.html")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


@needs_chromium
def test_the_search_works_from_any_page(visit):
    page = visit("book/glossary.html")
    page.keyboard.press("/")
    page.keyboard.type("backpressure")
    page.keyboard.press("Enter")
    hit = page.locator("#search-results a", has_text="Glossary").first
    hit.wait_for()
    hit.click()
    page.wait_for_url("**/book/glossary.html*")


def explained(name: str) -> list[str]:
    """The words of the glossary that a chapter links to."""
    text = (ROOT / f"{name}.ipynb").read_text("utf-8")
    roles = re.findall(r"\{term\}`([^`]+)`", text)
    return sorted({re.sub(r".*<(.*)>", r"\1", role) for role in roles})


@needs_chromium
@pytest.mark.parametrize(
    "name", [name for name in CHAPTERS if re.match(r"book/\d", name)]
)
def test_the_search_finds_the_words_of_a_chapter(visit, name):
    page = visit("search.html")
    for word in explained(name):
        page.evaluate(
            "word => { document.getElementById('search-results').replaceChildren();"
            " Search.performSearch(word); }",
            word,
        )
        page.locator("#search-results .search-summary", has_text="found").wait_for()
        found = page.locator("#search-results li > a").evaluate_all(
            "links => links.map(link => new URL(link.href).pathname)"
        )
        assert {"/book/glossary.html", f"/{name}.html"} <= set(found), word


@needs_chromium
def test_a_new_output_links_to_the_annotated_source(visit):
    page = visit("book/index.html")
    target = page.evaluate("""new Promise((done) => {
      const output = document.querySelector(".cell_output");
      output.innerHTML = '<a href="../src/dustdevil/loop/eventloop.py#Loop.turn">x</a>';
      setTimeout(() => done(output.firstChild.href), 0);
    })""")
    assert target.endswith("/source/loop/eventloop.html#Loop.turn")
    assert "/book/" not in target


@needs_chromium
def test_a_copy_of_a_source_is_the_source(visit):
    page = visit("source/loop/eventloop.html")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('pre'))")
    copied = page.evaluate("getSelection().toString()")
    source = (ROOT / "src" / "dustdevil" / "loop" / "eventloop.py").read_text("utf-8")
    assert copied.split() == source.split()
