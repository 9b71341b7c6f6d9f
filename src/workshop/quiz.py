"""Predictions: a question whose right answer is computed, never typed in.

`predict` runs the code (or calls the function) and compares the result with the
choices. Exactly one must be equal to it; otherwise the cell fails, here and in the
tests. So an answer cannot be wrong, and cannot become wrong unnoticed.

The form works in the built page with `_static/quiz.js` and with the keyboard alone.
Without JavaScript the answer folds out of a `<details>`, and without the book's styles
each choice still stands on a line of its own.
"""

import ast
import contextlib
import hashlib
import html
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workshop.listings import highlighted


class PredictionError(Exception):
    """No choice, or more than one, is equal to what the code gave."""


@dataclass(frozen=True)
class Quiz:
    """A rendered prediction: the question, the choices and the computed answer."""

    question: str
    code: str
    choices: tuple[tuple[str, str], ...]
    right: int
    as_code: bool

    def __repr__(self) -> str:
        letters = "abcdefgh"
        lines = [f"Predict: {_plain(self.question)}"]
        lines += [self.code] if self.code else []
        for letter, (choice, _) in zip(letters, self.choices, strict=False):
            lines.append(f"  {letter}) {choice}")
        choice, why = self.choices[self.right]
        lines.append(f"Computed: {letters[self.right]}) {choice}")
        lines.append(_plain(why))
        return "\n".join(lines)

    def _set(self, choice: str) -> str:
        """A choice as HTML: as code, when it is a program's output."""
        if not self.as_code:
            return inline(choice)
        return f"<code>{html.escape(choice)}</code>"

    def _repr_html_(self) -> str:
        name = "q" + hashlib.sha256(repr(self).encode()).hexdigest()[:8]
        options = "".join(
            f'<div><label><input type="radio" name="{name}" value="{n}"> '
            f"<span>{self._set(choice)}</span></label></div>"
            for n, (choice, _) in enumerate(self.choices)
        )
        whys = "".join(
            f'<li data-choice="{n}"{" data-right" if n == self.right else ""}>'
            f"<strong>{self._set(choice)}</strong> "
            f"{'Yes. ' if n == self.right else 'No. '}{inline(why)}</li>"
            for n, (choice, why) in enumerate(self.choices)
        )
        code = highlighted(self.code) if self.code else ""
        return (
            f'<form class="dd-quiz"><fieldset>'
            f"<legend><b>Predict.</b> {inline(self.question)}</legend>"
            f'{code}<div class="dd-choices">{options}</div></fieldset>'
            f"<details><summary>The answer, computed when this cell ran</summary>"
            f"<ul>{whys}</ul></details></form>"
        )


def predict(
    question: str,
    *,
    choices: Mapping[str, str],
    code: str = "",
    run: Callable[[], object] | None = None,
) -> Quiz:
    """Ask the reader for a prediction, and compute the answer.

    `choices` maps each answer, as text, to its explanation: why it is right, or which
    misunderstanding leads to it. The right one is the one equal to what `code` prints
    (or, if it prints nothing, to the repr of its last expression). With `run`, a
    function without arguments, the right one is equal to `str(run())`; `code` is then
    only shown. An exception counts as its class's name, as in `TypeError`.

    In the question and the explanations, `backquotes` mark code and *asterisks* stress.
    Raises PredictionError unless exactly one choice is right.
    """
    code = _dedent(code)
    result = (str(run()) if run else evaluate(code)).strip()
    matching = [n for n, choice in enumerate(choices) if choice.strip() == result]
    if len(matching) != 1:
        raise PredictionError(
            f"{len(matching)} choices equal the computed {result!r}: {list(choices)}"
        )
    return Quiz(question, code, tuple(choices.items()), matching[0], run is None)


def evaluate(code: str) -> str:
    """What `code` prints; if nothing, the repr of its last expression."""
    tree = ast.parse(code)
    ends_in_value = bool(tree.body) and isinstance(tree.body[-1], ast.Expr)
    last = tree.body.pop() if ends_in_value else None
    scope: dict[str, object] = {"__name__": "prediction"}
    value: object = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        try:
            exec(compile(tree, "<prediction>", "exec"), scope)
            if last is not None:
                expression = ast.Expression(last.value)
                value = eval(compile(expression, "<prediction>", "eval"), scope)
        except Exception as exc:
            return printed.getvalue() + type(exc).__name__
    return printed.getvalue() or repr(value)


def _dedent(code: str) -> str:
    lines = code.strip("\n").splitlines()
    indent = min((len(s) - len(s.lstrip()) for s in lines if s.strip()), default=0)
    return "\n".join(line[indent:].rstrip() for line in lines).rstrip()


def inline(text: str) -> str:
    """Escaped text with `code` in backquotes, and *emphasis*."""

    def marked(found: re.Match[str]) -> str:
        code, stressed = found.groups()
        return f"<code>{code}</code>" if code else f"<em>{stressed}</em>"

    return re.sub(r"`([^`]+)`|(?<!\w)\*(\w[^*`]*)\*(?!\w)", marked, html.escape(text))


def _plain(text: str) -> str:
    return text.replace("`", "")
