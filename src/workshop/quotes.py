"""Numbers that the prose quotes, checked against what a cell measured.

A chapter says "three times as fast", and on another day the measurement above says
5.9. `quote(factor, "three times")` ties the two together. When outputs are stored, the
value must round to the words. Under the tests it must lie within `band`, which also
holds on a busy machine and on another Python. For a reader whose machine leaves the
band, it prints a sentence that says so: the story was measured elsewhere.
"""

import math
import os
import re

# Set by `workshop run` for the kernels whose outputs it stores.
STORING = "WORKSHOP_STORING"
# Set by pytest for the time of a test, and so for the kernels that it starts.
TESTING = "PYTEST_CURRENT_TEST"

Band = tuple[float, float]


class QuoteError(Exception):
    """The prose says something else than the measurement."""


UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
    "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000}
PARTS = {
    "half": 1 / 2, "third": 1 / 3, "quarter": 1 / 4, "fifth": 1 / 5, "sixth": 1 / 6,
    "seventh": 1 / 7, "eighth": 1 / 8, "tenth": 1 / 10, "hundredth": 1 / 100,
}  # fmt: skip
MULTIPLES = {"once": 1, "twice": 2, "double": 2, "doubles": 2, "doubled": 2}

# How far a value may lie from the number in the words, by the word before it. Each
# takes the number and what rounding allows, and gives the band.
QUALIFIERS = {
    "about": lambda n, slack: (n - 2 * slack, n + 2 * slack),
    "some": lambda n, slack: (n - 2 * slack, n + 2 * slack),
    "around": lambda n, slack: (n - 2 * slack, n + 2 * slack),
    "roughly": lambda n, slack: (n - 2 * slack, n + 2 * slack),
    "nearly": lambda n, slack: (n * 0.8, n),
    "almost": lambda n, slack: (n * 0.8, n),
    "more than": lambda n, slack: (n, n * 2),
    "over": lambda n, slack: (n, n * 2),
    "at least": lambda n, slack: (n, math.inf),
    "less than": lambda n, slack: (n / 2, n),
    "under": lambda n, slack: (n / 2, n),
    "at most": lambda n, slack: (-math.inf, n),
}


def quote(value: float, words: str, *, band: Band | None = None) -> None:
    """Check a number that the prose quotes against what was measured.

    `words` stand in the prose as they are here: "three times", "about 12 µs", "more
    than a third", "78 %". `value` is in their unit: 12.3 for "about 12 µs", 0.4 for
    "more than a third", 78 for "78 %". `band` has the least and the greatest value
    that the tests let pass; without one, the value must always round to the words.

    Raises QuoteError when outputs are stored or a test runs and the two disagree;
    ValueError for words without a number. A reader gets a printed sentence instead.
    """
    exact = implied(words)
    if band is not None and not band[0] <= band[1]:
        raise ValueError(f"{band} is no band: the least value comes first")
    storing = STORING in os.environ
    allowed = exact if storing or band is None else band
    if allowed[0] <= value <= allowed[1]:
        return
    told = f"the text says {words!r}, and here it is {value:.3g}"
    if storing or TESTING in os.environ:
        low, high = allowed
        raise QuoteError(f"{told}; it may be {low:.3g} to {high:.3g}")
    print(f"On this machine, at this moment, the story differs: {told}.")


def implied(words: str) -> Band:
    """The least and the greatest value that round to the number in these words.

    "5.9" is 5.85 to 5.95, "three" 2.5 to 3.5, "300" 250 to 350: half of the last
    digit that counts. A round number is good for a fifth of itself at most, so that 78
    is no "hundred". A fraction or a multiple by name is good for an eighth.
    """
    plain = words.lower().replace("\N{NO-BREAK SPACE}", " ")
    for qualifier in sorted(QUALIFIERS, key=len, reverse=True):
        if found := re.match(rf"{qualifier} (.*)", plain):
            return QUALIFIERS[qualifier](*number_in(found[1]))
    number, slack = number_in(plain)
    return number - slack, number + slack


def number_in(words: str) -> tuple[float, float]:
    """The first number in the words, and how far a value may be from it."""
    if found := re.search(r"\d[\d,]*(?:\.\d+)?(?:e-?\d+)?", words):
        scale = re.match(r"\s+(hundred|thousand|million)\b", words[found.end() :])
        digits = found[0].replace(",", "")
        return _rounded(digits, SCALES[scale[1]] if scale else 1)
    tokens = re.findall(r"[a-z]+", words)
    for name, factor in MULTIPLES.items():
        if name in tokens:
            return factor, factor / 8
    return _in_words(tokens, words)


def _rounded(digits: str, scale: int) -> tuple[float, float]:
    """A number in digits, and half of its last digit that counts."""
    number = float(digits)
    if "." in digits:
        step = 10.0 ** -len(digits.partition(".")[2])
    else:
        step = 10.0 ** (len(digits) - len(digits.rstrip("0")))
    return number * scale, min(step / 2 * scale, max(number * scale / 5, 0.5))


def _in_words(tokens: list[str], words: str) -> tuple[float, float]:
    """A number in words: "twenty-five thousand", "two thirds", "a quarter"."""
    total, seen = 0.0, False
    for token in tokens:
        singular = token.removesuffix("s")
        if token in UNITS:
            total += UNITS[token]
        elif singular in SCALES:
            total = max(total, 1) * SCALES[singular]
        elif singular in PARTS:
            return _part(total, seen, PARTS[singular])
        elif seen and token not in ("and", "a"):
            break
        else:
            continue
        seen = True
    if not seen:
        raise ValueError(f"there is no number in {words!r}")
    return _rounded(f"{total:.0f}", 1)


def _part(whole: float, seen: bool, part: float) -> tuple[float, float]:
    """ "a third", "two thirds"; and "two and a half", which is not two halves."""
    if part == 1 / 2 and seen:
        return whole + part, part / 2
    number = max(whole, 1) * part
    return number, number / 8
