"""A number in the prose is held to what a cell measured."""

import pytest

from workshop.quotes import QuoteError, implied, quote


@pytest.mark.parametrize(
    ("words", "good", "bad"),
    [
        ("three times", [2.5, 3.4], [2.4, 3.6, 5.9]),
        ("5.9 times", [5.86, 5.94], [5.8, 6]),
        ("a hundred times", [85, 119], [78, 130]),
        ("300", [260, 349], [240, 360]),
        ("349,177 refusals", [349177], [349178.6]),
        ("12 µs", [11.6, 12.4], [11, 13]),
        ("78 %", [77.8], [79]),
        ("twice", [1.8, 2.2], [1.5, 2.6]),
        ("a third", [0.3, 0.36], [0.25, 0.5]),
        ("two thirds of it", [0.6, 0.7], [0.5, 0.8]),
        ("half", [0.45, 0.55], [0.3, 0.6]),
        ("two and a half times", [2.3, 2.7], [2, 3]),
        ("twenty-five thousand", [24600, 25400], [24000, 26000]),
        ("ten thousand clients", [9000, 11000], [7000, 13000]),
        ("1.2 million", [1.16e6, 1.24e6], [1.1e6, 1.3e6]),
        ("zero", [0], [1]),
        ("thirty times", [25, 34], [20, 40]),
        ("about three times", [2.1, 3.9], [1.9, 4.2]),
        ("nearly half", [0.41, 0.5], [0.39, 0.51]),
        ("more than ten times", [10, 19], [9, 30]),
        ("at least ten", [10, 4000], [9]),
        ("less than 5 µs", [2.6, 5], [5.1, 1]),
        ("at most seven", [0, 7], [8]),
        ("six hundred", [560, 640], [500, 700]),
    ],
)
def test_what_rounds_to_the_words_and_what_does_not(words, good, bad):
    low, high = implied(words)
    assert all(low <= value <= high for value in good), (low, high)
    assert not any(low <= value <= high for value in bad), (low, high)


def test_words_without_a_number_are_refused():
    with pytest.raises(ValueError, match="no number"):
        quote(3, "many times")


def test_the_band_holds_under_the_tests_and_not_when_outputs_are_stored(monkeypatch):
    quote(5.9, "three times", band=(1.5, 8))
    with pytest.raises(QuoteError, match=r"it may be 1\.5 to 8"):
        quote(9, "three times", band=(1.5, 8))
    monkeypatch.setenv("WORKSHOP_STORING", "1")
    quote(3.2, "three times", band=(1.5, 8))
    with pytest.raises(QuoteError, match=r"'three times', and here it is 5\.9"):
        quote(5.9, "three times", band=(1.5, 8))


def test_without_a_band_the_words_hold_always():
    quote(34, "34 strings")
    with pytest.raises(QuoteError):
        quote(33, "34 strings")


def test_a_reader_gets_a_sentence_and_no_error(monkeypatch, capsys):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    quote(4, "three times", band=(1.5, 8))
    assert capsys.readouterr().out == ""
    quote(9, "three times", band=(1.5, 8))
    assert "the text says 'three times', and here it is 9." in capsys.readouterr().out


def test_a_band_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="least value comes first"):
        quote(3, "three times", band=(8, 1.5))
