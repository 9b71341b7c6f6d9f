"""What the book's pages need beyond Jupyter Book: a Sphinx extension.

It hands our theme the contents, numbered as in `pieces.toml`; leaves out the scripts
and style sheets that no page of ours uses; takes each figure's form for our pages from
its stored output; adds the pages of the annotated source; and makes six small changes
to what MyST writes: tables that can scroll, call-outs that can open, words that show
their definition, links in stored outputs that lead to pages instead of notebooks and
of sources, an anchor for each cell, and no hole where a cell shows nothing.
Formulas are set by `workshop.formulas`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import new_document
from sphinx_external_toc.api import SiteMap

from workshop import annotated, elsewhere, formulas, glossary, pictures, pieces

NOTEBOOK_LINK = re.compile(
    r'(<a\b[^>]*?\bhref="(?![a-z]+:)[^"#]*?)\.(?:ipynb|md)(["#])'
)

# Sphinx's own scripts serve the search, whose template names them itself.
SEARCH = frozenset({"documentation_options.js", "doctools.js", "sphinx_highlight.js"})
# style.css has what these say, for light and dark.
REPLACED = frozenset({"basic.css", "pygments.css", "mystnb.css"})


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    formulas.connect(app)
    app.connect("source-read", choose_figures)
    app.connect("doctree-resolved", improve_page)
    app.connect("html-page-context", add_context)
    app.connect("html-collect-pages", collect_sources)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def choose_figures(app: Sphinx, docname: str, source: list[str]) -> None:
    """Show figures in the form made for our pages, instead of their pictures."""
    if pictures.FIGURE in source[0]:
        source[0] = json.dumps(pictures.for_the_page(json.loads(source[0])))


def improve_page(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Change the page before it is written."""
    for raw in doctree.findall(nodes.raw):
        text = annotated.link_to_sources(link_to_pages(raw.astext()), docname)
        raw[:] = [nodes.Text(text)]
    for table in list(doctree.findall(nodes.table)):
        surround(table, '<div class="table-scroll">', "</div>")
    for admonition in list(doctree.findall(nodes.admonition)):
        if "dropdown" in admonition["classes"]:
            make_dropdown(admonition)
    explain_terms(doctree, definitions(app.env))
    if docname == glossary.PAGE:
        glossary.improve(app.env, doctree)
    name_cells(doctree, Path(app.env.doc2path(docname)))


def name_cells(doctree: nodes.document, source: Path) -> None:
    """Make the id that a cell has in its notebook its anchor in the page."""
    if source.suffix != ".ipynb":
        return
    cells = json.loads(source.read_text("utf-8"))["cells"]
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            name = cells[node["cell_index"]].get("id")
            node["ids"] = [name] if name else []
            if not node.children:  # no input, no output
                node["classes"].append("nothing-to-see")


def definitions(env: BuildEnvironment) -> dict[str, str]:
    """The entries of the glossary: anchor -> its text."""
    if glossary.PAGE not in env.found_docs:
        return {}
    return {
        anchor: item[-1].astext().replace("\n", " ")
        for item in env.get_doctree(glossary.PAGE).findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for anchor in term["ids"]
    }


def explain_terms(doctree: nodes.document, explained: dict[str, str]) -> None:
    """Show the definition when the pointer rests on a link to it."""
    for link in doctree.findall(nodes.reference):
        anchor = link.get("refid") or link.get("refuri", "").rpartition("#")[2]
        if anchor in explained:
            link["reftitle"] = explained[anchor]


def link_to_pages(html: str) -> str:
    """Point relative links to notebooks at the pages made of them."""
    return NOTEBOOK_LINK.sub(r"\1.html\2", html)


def surround(node: nodes.Element, before: str, after: str) -> None:
    """Put HTML around a node."""
    _replace(node, [_html(before), node, _html(after)])


def make_dropdown(admonition: nodes.admonition) -> None:
    """Turn an admonition of class `dropdown` into <details>: no script needed."""
    title, *content = admonition.children
    _replace(
        admonition,
        [
            _html('<details class="admonition dropdown"><summary>'),
            *title.children,
            _html('</summary><div class="dropdown-content">'),
            *content,
            _html("</div></details>"),
        ],
    )


def _replace(node: nodes.Element, new: list[nodes.Node]) -> None:
    """Like docutils' replace_self, which would pass the node's classes on as well."""
    parent = node.parent
    index = parent.index(node)
    parent[index : index + 1] = new


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")


def add_context(
    app: Sphinx,
    pagename: str,
    templatename: str,
    context: dict[str, Any],
    doctree: nodes.document | None,
) -> None:
    """Give the theme the contents, this page's scripts and its source."""
    env = app.env
    context["book_nav"] = contents(env, pagename, context["pathto"])
    context["page_scripts"] = [
        script for script in context["script_files"] if not _named_in(script, SEARCH)
    ]
    context["page_styles"] = [
        style for style in context["css_files"] if not _named_in(style, REPLACED)
    ]
    context["page_source"] = ""
    if doctree is not None:
        paragraphs = doctree.findall(nodes.paragraph)
        context["description"] = next((p.astext() for p in paragraphs), "")
        # MyST-NB's label would hide the summary's own words from a screen reader.
        context["body"] = context["body"].replace(
            '<summary aria-label="Toggle hidden content">', "<summary>"
        )
        if pagename == _pages_in(env.external_site_map)[-1]:
            link = context["pathto"](annotated.INDEX)
            context["next"] = {"link": link, "title": annotated.TITLE}
        source = Path(env.doc2path(pagename))
        context["page_source"] = source.relative_to(app.srcdir).as_posix()
    context["binder"] = elsewhere.binder(
        app.config.html_theme_options, context["page_source"]
    )


def collect_sources(app: Sphinx) -> Iterator[tuple[str, dict[str, Any], str]]:
    """The pages of the annotated source, which the search finds too."""
    last = _pages_in(app.env.external_site_map)[-1]
    before = {"link": f"../{last}.html", "title": app.env.titles[last].astext()}
    for page in annotated.pages(Path(app.srcdir)):
        title = page.words[0][0]
        app.builder.indexer.feed(page.name, page.name, title, searchable(page))
        # From the index that it stores, Sphinx drops what it knows no document of.
        app.env.all_docs[page.name] = 0
        app.env.titles[page.name] = nodes.title("", title)
        yield page.name, {"prev": before} | page.context, "page.html"


def searchable(page: annotated.Page) -> nodes.document:
    """A page of the annotated source as the search wants it: headings and words."""
    document = new_document(page.name)
    for heading, anchor, text in page.words:
        section = nodes.section(ids=[anchor] if anchor else [])
        section += [nodes.title("", heading), nodes.paragraph("", text)]
        document += section
    return document


def _named_in(asset: Any, names: frozenset[str]) -> bool:
    """Whether an asset's file is one of `names`, with or without a hash in it."""
    name = PurePosixPath(str(asset.filename or "")).name
    return re.sub(r"\.[0-9a-f]{32,}\.", ".", name) in names


def contents(env: BuildEnvironment, current: str, pathto: Any) -> list[dict[str, Any]]:
    """The parts of the book, each with its pages."""
    site: SiteMap = env.external_site_map
    root = site.root
    parts = [{"caption": None, "pages": [root.docname]}]
    for tree in root.subtrees:
        parts.append({"caption": tree.caption, "pages": tree.files()})
    nav = [
        {
            "caption": part["caption"],
            "pages": [_entry(env, name, current, pathto) for name in part["pages"]],
        }
        for part in parts
    ]
    if nav[-1]["caption"] != "Reference":
        nav.append({"caption": "Reference", "pages": []})
    nav[-1]["pages"].append(
        {
            "title": annotated.TITLE,
            "href": pathto(annotated.INDEX),
            "current": current.startswith(f"{annotated.FOLDER}/"),
            "number": None,
        }
    )
    return nav


def _pages_in(site: SiteMap) -> list[str]:
    """The pages of the contents, in their order."""
    names = [site.root.docname]
    names += [name for tree in site.root.subtrees for name in tree.files()]
    return [_docname(name) for name in names]


def _docname(name: str) -> str:
    return name.removesuffix(".ipynb").removesuffix(".md")


def _entry(env: BuildEnvironment, name: str, current: str, pathto: Any) -> dict:
    name = _docname(name)
    return {
        "title": env.titles[name].astext(),
        "href": pathto(name),
        "current": name == current,
        "number": _number(name),
    }


def _number(docname: str) -> int | None:
    """The piece's number, for a chapter; a lab has it in its title."""
    for piece in pieces.load():
        if docname == f"book/{piece.name}":
            return piece.number
    return None
