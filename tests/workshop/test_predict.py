"""Answers are computed; a wrong or double one fails."""

import html.parser

import pytest

from workshop.claims import Claim
from workshop.quiz import PredictionError, evaluate, predict

CHOICES = {"3": "Added.", "12": "Joined as text."}


class Page(html.parser.HTMLParser):
    """Start tags with their attributes, and the nesting checked."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("input", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_right_choice_is_the_computed_one():
    assert predict("?", code="print(1 + 2)", choices=CHOICES).right == 0
    assert predict("?", code="print('1' + '2')", choices=CHOICES).right == 1


def test_a_last_expression_counts_by_its_repr_and_an_exception_by_its_name():
    assert evaluate("x = 'a'\nx") == "'a'"
    assert evaluate("x = 1") == "None"
    assert evaluate("print('a')\n[1]") == "a\n"
    assert evaluate("1 / 0") == "ZeroDivisionError"
    assert evaluate("print('so far')\nint('x')").split() == ["so", "far", "ValueError"]


def test_code_may_define_what_it_uses_and_sees_nothing_of_ours():
    assert evaluate("def f(n):\n    return n and f(n - 1)\nf(3)") == "0"
    assert evaluate("CHOICES") == "NameError"


def test_code_is_moved_to_the_margin():
    quiz = predict(
        "?",
        code="""
            if True:
                print(3)
        """,
        choices=CHOICES,
    )
    assert quiz.code == "if True:\n    print(3)"


def test_none_and_two_right_choices_fail():
    with pytest.raises(PredictionError, match="0 choices"):
        predict("?", code="print(4)", choices=CHOICES)
    with pytest.raises(PredictionError, match="2 choices"):
        predict("?", code="print(3)", choices={"3": "", " 3 ": ""})


def test_a_function_can_compute_the_choice():
    choices = {"Ada first.": "Yes.", "Bob first.": "He came later."}
    order = ["Ada", "Bob"]
    quiz = predict("Who?", run=lambda: f"{min(order)} first.", choices=choices)
    assert quiz.right == 0
    with pytest.raises(PredictionError):
        predict("Who?", run=lambda: "Nobody.", choices=choices)


def test_the_form_works_by_keyboard_and_hides_nothing_without_scripts():
    quiz = predict("What is `1 + 2`?", code="print(1 + 2)", choices=CHOICES)
    page = Page(quiz._repr_html_())
    radios = page.all("input")
    assert [radio["type"] for radio in radios] == ["radio", "radio"]
    assert len({radio["name"] for radio in radios}) == 1
    assert len(page.all("label")) == 2
    assert page.all("legend")
    assert page.all("fieldset")
    right = [item for item in page.all("li") if "data-right" in item]
    assert [item["data-choice"] for item in right] == ["0"]
    assert page.open == []
    assert "hidden" not in quiz._repr_html_()
    assert "<code>1 + 2</code>" in quiz._repr_html_()


def test_texts_are_escaped():
    quiz = predict("<b>?", run=lambda: "<i>", choices={"<i>": "a & b"})
    page = quiz._repr_html_()
    assert "&lt;b&gt;?" in page
    assert "<i>" not in page
    assert "a &amp; b" in page


def test_a_word_can_be_stressed_and_code_keeps_its_asterisks():
    choices = {"x": "It is *wholly* `f(*args, **kwargs)`, and 2*3*4 as well."}
    page = predict("?", run=lambda: "x", choices=choices)._repr_html_()
    assert "It is <em>wholly</em> <code>f(*args, **kwargs)</code>, and 2*3*4" in page


def test_the_same_question_gives_the_same_page():
    made = [predict("?", code="3", choices=CHOICES) for _ in range(2)]
    assert made[0]._repr_html_() == made[1]._repr_html_()
    assert repr(made[0]) == repr(made[1])


def test_the_card_of_a_claim_is_sound_html():
    card = Claim("x", "A `b`.", "nuance", "So.", "Not <so>.", printed="1 < 2")
    page = card._repr_html_()
    assert Page(page).all("section")[0]["id"] == "claim-x"
    assert "Not &lt;so&gt;." in page
    assert "<code>b</code>" in page
    assert "needs nuance" in page
