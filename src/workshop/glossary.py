"""What the build adds to the glossary: its letters, and where each term is used."""

import html
from collections.abc import Iterable

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.environment import BuildEnvironment

PAGE = "book/glossary"


def improve(env: BuildEnvironment, doctree: nodes.document) -> None:
    """Put the letters above the entries, and links to the pages below each of them."""
    used = uses(env)
    for item in list(doctree.findall(nodes.definition_list_item)):
        pages = {page for term in terms(item) for page in used.get(term.lower(), ())}
        if pages:
            item[-1].append(_links(env, sorted(pages)))
    for entries in list(doctree.findall(nodes.definition_list)):
        parent = entries.parent
        parent.insert(parent.index(entries), _html(letters(entries)))


def terms(item: nodes.definition_list_item) -> list[str]:
    """The terms of one entry, as they are written."""
    return [term.astext() for term in item.findall(nodes.term)]


def uses(env: BuildEnvironment) -> dict[str, set[str]]:
    """The pages that link to each term, the glossary aside; terms in lower case."""
    found: dict[str, set[str]] = {}
    for page in env.found_docs - {PAGE}:
        for link in env.get_doctree(page).findall(pending_xref):
            if link.get("reftype") == "term":
                found.setdefault(link["reftarget"].lower(), set()).add(page)
    return found


def letters(entries: nodes.definition_list) -> str:
    """Links to the first entry of each letter."""
    first: dict[str, str] = {}
    for term in entries.findall(nodes.term):
        first.setdefault(term.astext()[0].upper(), term["ids"][0])
    links = " ".join(f'<a href="#{id}">{letter}</a>' for letter, id in first.items())
    return f'<nav class="letters" aria-label="Letters">{links}</nav>'


def _links(env: BuildEnvironment, pages: Iterable[str]) -> nodes.raw:
    links = ", ".join(
        f'<a href="{_address(page)}">{html.escape(env.titles[page].astext())}</a>'
        for page in pages
    )
    return _html(f'<p class="used-in">In {links}</p>')


def _address(page: str) -> str:
    """A page as seen from the glossary."""
    inside = page.removeprefix("book/")
    return f"{inside if inside != page else f'../{page}'}.html"


def _html(text: str) -> nodes.raw:
    return nodes.raw("", text, format="html")
