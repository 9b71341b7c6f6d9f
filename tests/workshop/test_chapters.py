"""Every finished chapter has the anatomy of a chapter, and its outputs are true."""

import json
import pathlib
import re
import tempfile
from collections import Counter

import pytest

from workshop import claims, pieces
from workshop.listings import calls_of, show, shown_by
from workshop.pictures import FIGURE

BOOK = pieces.ROOT / "book"
READY = [piece for piece in pieces.load() if piece.ready]

SECTIONS = [
    "missing",
    "small",
    "experiment",
    "real",
    "server",
    "then-and-now",
    "when",
    "recap",
    "questions",
    "lab",
    "sources",
]
# A cell is hidden for what it draws or asks; its output is compared unless tagged.
TAGS = {
    "claim",
    "hide-input",
    "nbval-ignore-output",
    "raises-exception",
    "remove-input",
}
# Words that make a reader stumble: actors without a name, and turns of phrase that no
# native writer of the field uses. To let one stand, give the sentence and the reason.
STUMBLES = re.compile(
    r"\b(somebody|nobody|whoever|(?<=[.!?] )whatever|for ever|dear|dearer|belongs? into"
    r"|by and by|therein|thereof|thereby|hereby|lest|whilst|amongst|betwixt)\b",
    re.IGNORECASE,
)
ALLOWED: dict[str, str] = {}  # the words around it -> why they stay
WORDS = range(2000, 3501)  # of prose in a chapter
LINES, COLUMNS = 25, 80  # of a cell that shows its code


class Chapter:
    """A notebook, its cells and the sections they stand in."""

    def __init__(self, piece):
        self.piece = piece
        self.path = pieces.ROOT / piece.chapter
        self.notebook = json.loads(self.path.read_text(encoding="utf-8"))
        # No page has the cell that asks for an installation.
        self.cells = [c for c in self.notebook["cells"] if c["id"] != "setup"]
        self.code = [cell for cell in self.cells if cell["cell_type"] == "code"]

    @property
    def prose(self):
        """All markdown as text: no code blocks, no addresses of links."""
        cells = [source(c) for c in self.cells if c["cell_type"] == "markdown"]
        text = re.sub(r"^```.*?^```", "", "\n".join(cells), flags=re.M | re.S)
        return re.sub(r"\]\([^)]*\)|<[^>]*>", " ", text)

    @property
    def visible(self):
        """The code cells that show their code."""
        hidden = {"hide-input", "remove-input"}
        return [cell for cell in self.code if not hidden & set(tags(cell))]

    def section(self, name):
        """The text of the markdown cells of one section."""
        inside, texts = False, []
        for cell in self.cells:
            heads = set(tags(cell)) & set(SECTIONS)
            inside = name in heads if heads else inside
            if inside and cell["cell_type"] == "markdown":
                texts.append(source(cell))
        return "\n".join(texts)

    def calls(self, function):
        """(cell, arguments, keywords) for every call of one of the kit's functions."""
        for cell in self.code:
            for names, words in calls_of(function, source(cell)):
                yield cell, names, words


def source(cell):
    return "".join(cell["source"])


def tags(cell):
    return cell["metadata"].get("tags", [])


def outputs(cell, kind):
    for output in cell["outputs"]:
        if kind in output.get("data", {}):
            yield "".join(output["data"][kind])


@pytest.fixture(scope="module", params=READY, ids=[piece.slug for piece in READY])
def chapter(request):
    return Chapter(request.param)


def test_its_prose_is_read_in_half_an_hour(chapter):
    assert len(chapter.prose.split()) in WORDS


def test_it_says_how_long_it_takes(chapter):
    opening = source(chapter.cells[0])
    assert re.search(r"^\*\d+ minutes · .+ · .+\*$", opening, re.MULTILINE | re.DOTALL)


def test_what_is_shown_of_the_code_is_seen_at_one_look(chapter):
    for cell in chapter.visible:
        lines = source(cell).splitlines()
        assert len(lines) <= LINES, f"{cell['id']}: {len(lines)} lines"
        assert all(len(line) <= COLUMNS for line in lines), cell["id"]


def test_a_listing_shows_no_input_of_its_own(chapter):
    listings = [cell for cell, _ in shown_by(chapter.path)]
    maps = [cell for cell, _, _ in chapter.calls("module_map")]
    assert 1 <= len(listings) <= 12
    assert len(maps) >= 1
    for cell in [*listings, *maps]:
        assert "remove-input" in tags(cell), cell["id"]
    real = next(n for n, cell in enumerate(chapter.cells) if "real" in tags(cell))
    assert real < chapter.cells.index(maps[0]) < chapter.cells.index(listings[0])


def test_every_number_that_is_checked_stands_in_the_prose(chapter):
    quoted = list(chapter.calls("quote"))
    assert quoted
    captions = [source(cell) for cell in chapter.code if "quote(" not in source(cell)]
    text = re.sub(r"[\s*]+", " ", chapter.prose + " ".join(captions)).lower()
    for cell, (_, words), _ in quoted:
        assert words.lower() in text, f"{cell['id']}: {words!r} is not in the text"
        assert "remove-input" in tags(cell), cell["id"]


def test_it_asks_several_times_and_gives_nothing_away_by_length(chapter):
    asked = list(chapter.calls("predict"))
    assert len(asked) >= 4
    for cell, _, words in asked:
        (page,) = outputs(cell, "text/html")
        right = re.search(r"<li data-choice=\"(\d+)\" data-right", page)[1]
        sizes = [len(choice) for choice in words["choices"]]
        longest = [n for n, size in enumerate(sizes) if size == max(sizes)]
        assert longest != [int(right)] or "code" in words, f"{cell['id']}: {sizes}"


def test_it_has_three_claims_of_2013_at_most(chapter):
    assert 1 <= len(list(chapter.calls("claim"))) <= 3


def test_no_word_makes_a_reader_stumble(chapter):
    asked = [page for cell in chapter.code for page in outputs(cell, "text/html")]
    text = " ".join([chapter.prose, *(page for page in asked if "dd-quiz" in page)])
    found = [
        text[max(0, m.start() - 40) : m.end() + 40] for m in STUMBLES.finditer(text)
    ]
    assert not [words for words in found if not any(map(words.count, ALLOWED))]


def test_results_are_numbers_and_not_verdicts(chapter):
    verdicts = [
        cell["id"]
        for cell in chapter.visible
        for output in cell["outputs"]
        for line in "".join(output.get("text", "")).splitlines()
        if line.strip() in {"True", "False"}
    ]
    assert len(verdicts) <= 3, verdicts


def test_it_begins_with_its_title_and_asks_a_question(chapter):
    opening = source(chapter.cells[0])
    assert opening.startswith(f"# {chapter.piece.title}\n")
    asked = re.search(r"^\*\*([^*]+)\?\*\*", opening, re.MULTILINE)[1]
    assert asked.startswith(chapter.piece.question.rstrip("?"))


def test_the_sections_stand_in_their_order(chapter):
    found = [tag for cell in chapter.cells for tag in tags(cell) if tag not in TAGS]
    assert found == SECTIONS
    for cell in chapter.cells:
        if set(tags(cell)) & set(SECTIONS):
            assert cell["cell_type"] == "markdown"
            assert source(cell).startswith("## ")
        else:
            assert not re.match(r"##? ", source(cell)) or cell is chapter.cells[0]


def test_every_section_says_something(chapter):
    for name in SECTIONS:
        _, _, text = chapter.section(name).partition("\n")
        assert len(text.split()) > 20, name


def test_it_has_figures_and_all_of_them_have_alt_text(chapter):
    pages = [page for cell in chapter.code for page in outputs(cell, FIGURE)]
    figures = re.findall(r"<svg [^>]*>.*?</svg>", "".join(pages), re.DOTALL)
    assert len(figures) >= 2
    for figure in figures:
        assert 'role="img"' in figure
        alt = re.search(r"<desc [^>]*>(.*?)</desc>", figure, re.DOTALL)[1]
        assert len(alt.split()) >= 8, alt


def test_the_reader_predicts_before_a_run(chapter):
    asked = list(chapter.calls("predict"))
    for cell, _, _ in asked:
        assert "hide-input" in tags(cell), "the source tells the answer"
    assert any("run" in words for _, _, words in asked), "none asks why or which order"
    first = next(cell for cell in chapter.cells if "predict(" in source(cell))
    small = next(cell for cell in chapter.cells if "small" in tags(cell))
    assert chapter.cells.index(first) < chapter.cells.index(small)


def test_every_prediction_explains_each_choice(chapter):
    for cell, _, _ in chapter.calls("predict"):
        (page,) = outputs(cell, "text/html")
        whys = re.findall(r"<li data-choice=.*?</strong>(.*?)</li>", page, re.DOTALL)
        assert len(whys) >= 3
        assert page.count(" data-right") == 1
        assert all(len(why.split()) >= 6 for why in whys), whys


def test_every_claim_has_a_probe_and_a_tag(chapter):
    calls = list(chapter.calls("claim"))
    assert calls
    for cell, _, words in calls:
        assert {"claim", "hide-input"} <= set(tags(cell))
        assert list(outputs(cell, "text/html"))
        assert words["proof"] is not True, "what is computed can fail"
    for cell in chapter.code:
        assert ("claim" in tags(cell)) == bool(list(calls_of("claim", source(cell))))


def test_every_claim_is_one_of_the_notes(chapter):
    found = list(claims.shown_in(chapter.path))
    assert len(set(found)) == len(found)
    assert all(map(claims.find, found))


def test_the_lab_is_linked_and_there(chapter):
    assert f"](../{chapter.piece.lab})" in chapter.section("lab")
    assert (pieces.ROOT / chapter.piece.lab).is_file()


def test_three_questions_have_folded_answers(chapter):
    text = chapter.section("questions")
    assert re.findall(r"^\*\*(\d)\.\*\*", text, re.MULTILINE) == ["1", "2", "3"]
    answers = re.findall(
        r"<details>\n<summary>Answer</summary>\n\n.*?</details>", text, re.DOTALL
    )
    assert len(answers) == 3
    assert all(len(answer.split()) > 20 for answer in answers)


def test_the_sources_are_named(chapter):
    text = chapter.section("sources")
    assert len(re.findall(r"^- ", text, re.MULTILINE)) >= 3
    assert re.findall(r"\]\(https://", text)


def test_the_stored_listings_are_the_source(chapter):
    for cell, _ in shown_by(chapter.path):
        (call,) = calls_of("show", source(cell))
        names, words = call
        (stored,) = outputs(cell, "text/plain")
        assert stored == repr(show(*names, **words)), names


def test_what_is_stored_depends_on_the_chapter_alone(chapter):
    assert chapter.notebook["metadata"] == {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    counts = [cell["execution_count"] for cell in chapter.code]
    assert counts == list(range(1, len(counts) + 1))
    for cell in chapter.cells:
        assert set(cell["metadata"]) <= {"tags"}
    stored = json.dumps([cell["outputs"] for cell in chapter.code])
    for place in (str(BOOK.parent), str(pathlib.Path.home()), tempfile.gettempdir()):
        assert place == "/" or place + "/" not in stored


def test_no_cell_complains(chapter):
    for cell in chapter.code:
        for output in cell["outputs"]:
            if "raises-exception" not in tags(cell):
                assert output["output_type"] != "error", cell["id"]
                assert output.get("name") != "stderr", cell["id"]


def test_few_outputs_are_left_uncompared(chapter):
    count = Counter(tag for cell in chapter.code for tag in tags(cell))
    assert set(count) <= TAGS
    assert count["nbval-ignore-output"] <= len(chapter.code) / 4
    assert "NBVAL_" not in "".join(map(source, chapter.code))


def test_no_two_elements_of_the_page_have_one_id(chapter):
    pages = [page for cell in chapter.code for page in outputs(cell, "text/html")]
    ids = Counter(re.findall(r' id="([^"]+)"', "".join(pages)))
    assert [name for name, times in ids.items() if times > 1] == []
