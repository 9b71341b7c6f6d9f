"""Signed cookies: what a client can't change, rename or keep for too long."""

import hmac
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dustdevil.web import Response, SignedCookies
from dustdevil.web import cookies as module
from support.asking import header, request

KEY, OTHER = "k" * 16, b"o" * 16
ALPHABET = string.ascii_letters + string.digits + "-_."


class Clock:
    now = 1_700_000_000.5

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def signer(clock):
    return SignedCookies(KEY, clock=clock)


@given(st.text(max_size=50))
def test_what_is_signed_is_read_again(value):
    signer = SignedCookies(KEY)
    signed = signer.sign("a", value)
    assert signer.unsign("a", signed) == value
    Response().set_cookie("a", signed)  # it fits into a cookie


def test_every_change_is_noticed(signer):
    signed = signer.sign("user", "ada")
    for place, old in enumerate(signed):
        for new in ALPHABET:
            if new != old:
                changed = signed[:place] + new + signed[place + 1 :]
                assert signer.unsign("user", changed) is None, changed
        assert signer.unsign("user", signed[:place]) is None
    for more in (signed + "A", signed + "=", signed + "\n", "A" + signed, " " + signed):
        assert signer.unsign("user", more) is None


@pytest.mark.parametrize(
    "text", ["", "..", "a.b.c", "é.1." + "A" * 43, "." * 1000, "a." + "9" * 5000]
)
def test_what_was_never_signed(signer, text):
    assert signer.unsign("user", text) is None


def test_the_name_is_signed_too(signer):
    assert signer.unsign("admin", signer.sign("user", "ada")) is None
    # Nothing can be moved between name and value.
    assert signer.unsign("a", signer.sign("ab", "")) is None


def test_it_expires(signer, clock):
    signed = signer.sign("user", "ada", max_age=10)
    clock.now += 9
    assert signer.unsign("user", signed) == "ada"
    clock.now += 1
    assert signer.unsign("user", signed) is None


def test_keys_are_changed_one_after_the_other():
    signer = SignedCookies(KEY)
    signed = signer.sign("user", "ada")
    both = SignedCookies(OTHER, KEY)
    assert SignedCookies(KEY.encode()).unsign("user", signed) == "ada"
    assert both.unsign("user", signed) == "ada"
    assert SignedCookies(OTHER).unsign("user", signed) is None
    assert signer.unsign("user", both.sign("user", "ada")) is None


def test_signatures_are_compared_in_constant_time(signer, monkeypatch):
    signed = signer.sign("user", "ada")
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert signer.unsign("user", signed) == "ada"
    assert signer.unsign("user", signed[:-43] + "A" * 43) is None
    assert compared == [(43, 43)] * 2


@pytest.mark.parametrize("keys", [(), ("",), ("short",), (KEY, b"15 bytes of key")])
def test_weak_keys_are_refused(keys):
    with pytest.raises(ValueError, match="at least 16 bytes"):
        SignedCookies(*keys)


def test_in_responses_and_requests(signer):
    response = Response()
    signer.set(response, "user", "Ada L.; x=y", max_age=60, secure=True)
    [cookie] = header(response, "set-cookie")
    signed, *attributes = cookie.split("; ")
    assert attributes == ["Path=/", "SameSite=Lax", "Max-Age=60", "Secure", "HttpOnly"]
    assert signer.get(request("/", f"Cookie: x=1; {signed}"), "user") == "Ada L.; x=y"
    # One that somebody else planted does not hide it.
    planted = f"Cookie: user=evil; {signed}"
    assert signer.get(request("/", planted), "user") == "Ada L.; x=y"
    assert signer.get(request("/", "Cookie: user=evil"), "user") is None
    assert signer.get(request(), "user") is None


def test_a_cookie_is_not_larger_than_clients_keep(signer):
    response = Response()
    signer.set(response, "a", "x" * 2900)
    with pytest.raises(ValueError, match="too large"):
        signer.set(response, "a", "x" * 3100)
    assert len(header(response, "set-cookie")) == 1


def test_forgetting_a_cookie():
    response = Response()
    response.delete_cookie("a", path="/x")
    [cookie] = header(response, "set-cookie")
    assert cookie == "a=; Path=/x; SameSite=Lax; Max-Age=0; HttpOnly"


def test_a_long_line_of_cookies_is_looked_through_once(signer, monkeypatch):
    calls = []
    real = module.signature
    monkeypatch.setattr(
        module, "signature", lambda *args: calls.append(1) or real(*args)
    )
    signed = signer.sign("user", "ada")
    calls.clear()
    asked = request("/", "Cookie: " + "user=x; " * 900 + f"user={signed}")
    assert signer.get(asked, "user") == "ada"
    assert calls == [1]  # what does not look like one costs no HMAC
    assert signer.get(asked, "user") == "ada"
    assert len(asked.cookies.pairs) == 901
