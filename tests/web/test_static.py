"""Files: conditions, ranges and compression by RFC 9110, and no way out of the root."""

import gzip
import os
import shutil
import time
from email.utils import formatdate

import pytest

from dustdevil.coroutine import Scheduler, let_others_run
from dustdevil.speedups import fs64
from dustdevil.web import Application, HTTPError, StaticFiles, static
from support.asking import ask, header, request, run

TEXT = "".join(f"line {i}\n" for i in range(200)).encode()
NOON = 1_700_000_000  # a moment in the past
DATE = formatdate(NOON, usegmt=True)


@pytest.fixture
def root(tmp_path):
    """A folder to serve, and beside it what nobody may see."""
    (tmp_path / "secret.txt").write_text("secret")
    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "index.html").write_text("<p>front</p>")
    (root / "docs" / "index.html").write_text("<p>docs</p>")
    (root / "empty folder").mkdir()
    (root / "digits.bin").write_bytes(b"0123456789")
    (root / "text.txt").write_bytes(TEXT)
    (root / "empty.txt").write_bytes(b"")
    (root / ".hidden").write_text("hidden")
    (root / "..also").write_text("hidden")
    for file in root.rglob("*"):
        os.utime(file, (NOON, NOON))
    return root


@pytest.fixture
def app(root):
    app = Application()
    app.files("/", root)
    return app


def etag(app, path, *fields):
    [tag] = header(ask(app, path, *fields), "etag")
    return tag


# Files and folders


def test_a_file(app):
    response = ask(app, "/digits.bin")
    assert (response.status, response.body) == (200, b"0123456789")
    assert header(response, "content-type") == ["application/octet-stream"]
    assert header(response, "last-modified") == [DATE]
    assert header(response, "accept-ranges") == ["bytes"]
    assert header(response, "cache-control") == ["no-cache"]
    assert header(response, "vary") == []
    [tag] = header(response, "etag")
    assert static.ETAG.fullmatch(tag)


def test_a_folder_is_its_index(app):
    assert ask(app, "/").body == b"<p>front</p>"
    assert ask(app, "/docs/").body == b"<p>docs</p>"
    assert ask(app, "/docs/index.html").body == b"<p>docs</p>"
    assert ask(app, "/empty%20folder/").status == 404


def test_a_folder_without_its_slash_is_redirected(app):
    response = ask(app, "/empty%20folder?q=%2F&r=a")
    assert response.status == 308
    assert header(response, "location") == ["/empty%20folder/?q=%2F&r=a"]
    assert header(ask(app, "/docs"), "location") == ["/docs/"]


def test_a_redirect_never_leads_to_another_host():
    for path in ("//docs", "/docs", "///docs//"):
        location = header(static.to_folder(request(path)), "location")
        assert location == ["/docs/"]


def test_under_a_prefix(root):
    app = Application()
    app.files("/book/", root, cache_control="max-age=60")
    response = ask(app, "/book/docs/")
    assert response.body == b"<p>docs</p>"
    assert header(response, "cache-control") == ["max-age=60"]
    assert ask(app, "/book/").body == b"<p>front</p>"
    assert header(ask(app, "/book?x"), "location") == ["/book/?x"]
    assert ask(app, "/bookdocs/").status == 404
    assert app.url_for("files", path="docs/a b.txt") == "/book/docs/a%20b.txt"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.html", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.md", "text/markdown; charset=utf-8"),
        ("a.json", "application/json"),
        ("a.map", "application/json"),
        ("a.ipynb", "application/x-ipynb+json"),
        ("a.svg", "image/svg+xml"),
        ("a.PNG", "image/png"),
        ("a.webp", "image/webp"),
        ("a.wasm", "application/wasm"),
        ("a.woff2", "font/woff2"),
        ("a.tar.gz", "application/gzip"),
        ("a.txt.bz2", "application/octet-stream"),
        ("a", "application/octet-stream"),
        ("a.nonsense", "application/octet-stream"),
    ],
)
def test_content_types(name, kind, app, root):
    (root / name).write_bytes(b"x")
    response = ask(app, f"/{name}")
    assert header(response, "content-type") == [kind]
    assert header(response, "x-content-type-options") == ["nosniff"]
    assert header(response, "content-encoding") == []


# No way out


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/docs/../../secret.txt",
        "/docs/../index.html",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/docs/%2e%2e/%2e%2e/secret.txt",
        "/%252e%252e/secret.txt",
        "/..%5csecret.txt",
        "/docs%5c..%5c..%5csecret.txt",
        "/%5c%5cserver%5cshare",
        "/./index.html",
        "/%2e/index.html",
        "/docs//index.html",
        "//index.html",
        "//docs",
        "/%2fetc/passwd",
        "/%2f%2fetc/passwd",
        "/etc/passwd",
        "/text.txt%00",
        "/text.txt%00.html",
        "/%00",
        "/text.txt/",
        "/text.txt/x",
        "/index.html/index.html",
        "/.hidden",
        "/..also",
        "/~root",
        "/" + "x" * 300,
        "/" + "x/" * 2000,
        "/%ff%fe",
        "/%c0%ae%c0%ae/secret.txt",
        "/...",
        "/docs/.../secret.txt",
    ],
)
def test_nothing_but_files_of_the_root(app, path):
    response = ask(app, path)
    assert response.status == 404
    assert b"secret" not in response.body.replace(path.encode(), b"")


def test_links_within_the_root_only(app, root, tmp_path):
    (root / "out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    (root / "dangling").symlink_to("nothing")
    (root / "within.txt").symlink_to("text.txt")
    (root / "folder").symlink_to("docs")
    # A folder whose name only begins like the root's is outside, too.
    (tmp_path / "root2").mkdir()
    (tmp_path / "root2" / "file").write_text("secret")
    (root / "sibling").symlink_to(tmp_path / "root2")
    for path in ("/out.txt", "/up/secret.txt", "/up/", "/loop", "/dangling", "/up",
                 "/sibling/file", "/sibling/", "/sibling"):  # fmt: skip
        assert ask(app, path).status == 404, path
    assert ask(app, "/within.txt").body == TEXT
    assert ask(app, "/folder/").body == b"<p>docs</p>"


def test_a_link_that_comes_in_between_is_not_followed(root, tmp_path):
    (root / "swapped").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(HTTPError) as caught:
        static.open_file(str(root / "swapped"))
    assert caught.value.status == 404


def test_only_regular_files(app, root):
    os.mkfifo(root / "pipe")
    assert ask(app, "/pipe").status == 404


def test_an_unreadable_file_looks_like_none(app, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "no")

    monkeypatch.setattr(static.os, "open", refuse)
    assert ask(app, "/text.txt").status == 404


def test_out_of_descriptors_is_not_missing(app, monkeypatch, caplog):
    def refuse(*args):
        raise OSError(24, "too many open files")

    monkeypatch.setattr(static.os, "open", refuse)
    assert ask(app, "/text.txt").status == 500


# Conditions (RFC 9110, section 13)


def test_if_none_match(app):
    tag = etag(app, "/text.txt")
    for condition in (tag, f"W/{tag}", "*", f'"a,b", W/"c" ,{tag}', f'"x",{tag},"y"'):
        response = ask(app, "/text.txt", f"If-None-Match: {condition}")
        assert (response.status, response.body) == (304, b""), condition
    for condition in ('"x"', 'W/"x"', tag.strip('"'), '"*"', f'"x{tag[1:]}', ""):
        response = ask(app, "/text.txt", f"If-None-Match: {condition}")
        assert response.status == 200, condition


def test_a_304_says_what_a_cache_needs(app):
    response = ask(app, "/text.txt", "If-None-Match: *")
    names = {name for name, _ in response.headers.items()}
    assert names == {
        "Cache-Control",
        "ETag",
        "Last-Modified",
        "Vary",
        "X-Content-Type-Options",
    }


def test_the_tag_changes_with_the_file(app, root):
    tag = etag(app, "/text.txt")
    os.utime(root / "text.txt", ns=(0, NOON * 10**9 + 1))
    changed = etag(app, "/text.txt")
    (root / "text.txt").write_bytes(b"shorter")
    os.utime(root / "text.txt", ns=(0, NOON * 10**9 + 1))
    assert len({tag, changed, etag(app, "/text.txt")}) == 3


def test_the_tag_is_the_signature_of_what_changes_with_the_content(app, root):
    size = (root / "text.txt").stat().st_size
    high, low = fs64(b"%d %d " % (NOON * 10**9, size))
    assert etag(app, "/text.txt") == f'"{high:08x}{low:08x}"'


def test_a_copy_of_the_file_has_the_same_tag(app, root):
    shutil.copy2(root / "text.txt", root / "copy.txt")
    assert etag(app, "/copy.txt") == etag(app, "/text.txt")


@pytest.mark.parametrize(
    ("seconds", "status"), [(-1, 200), (0, 304), (1, 304), (10**6, 304)]
)
@pytest.mark.parametrize("form", ["imf", "rfc850", "asctime"])
def test_if_modified_since(app, seconds, status, form):
    moment = time.gmtime(NOON + seconds)
    date = {
        "imf": formatdate(NOON + seconds, usegmt=True),
        "rfc850": time.strftime("%A, %d-%b-%y %H:%M:%S GMT", moment),
        "asctime": time.asctime(moment),
    }[form]
    assert ask(app, "/text.txt", f"If-Modified-Since: {date}").status == status


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Tue, 99 Nov 2023 25:61:61 GMT",
        "0",
        "Tue, 14 Nov 10000 01:01:01 GMT",
    ],
)
def test_a_date_that_is_none_is_no_condition(app, date):
    assert ask(app, "/text.txt", f"If-Modified-Since: {date}").status == 200
    assert ask(app, "/text.txt", f"If-Unmodified-Since: {date}").status == 200


@pytest.mark.parametrize(
    "date",
    [
        "Tue, 14 Nov {} 12:00:00 -1200",
        "Tue, 14 Nov {} 12:00:00",
        "Tue, 14 Nov {} 12:00 GMT",
        "tue, 14 nov {} 12:00:00 gmt",
        "Tue, 1 Nov {} 12:00:00 GMT",
        "Tuesday, 14-Nov-{} 12:00:00 GMT",
        "Tue, 14 Nov {0} 12:00:00 GMT, Tue, 14 Nov {0} 12:00:00 GMT",
    ],
)
def test_a_date_of_mail_is_no_condition_and_two_are_none(app, date):
    """RFC 9110, 5.6.7 and 13.1.3: one date, in one of the three forms of HTTP."""
    fields = f"If-Modified-Since: {date}", f"If-Unmodified-Since: {date}"
    assert ask(app, "/text.txt", fields[0].format(2030)).status == 200
    assert ask(app, "/text.txt", fields[1].format(2010)).status == 200


def test_if_none_match_goes_before_if_modified_since(app):
    since = f"If-Modified-Since: {DATE}"
    assert ask(app, "/text.txt", since, 'If-None-Match: "x"').status == 200


def test_if_match_and_if_unmodified_since(app):
    tag = etag(app, "/text.txt")
    for condition in (tag, "*", f'"x", {tag}'):
        assert ask(app, "/text.txt", f"If-Match: {condition}").status == 200
    for condition in (f"W/{tag}", '"x"', ""):
        assert ask(app, "/text.txt", f"If-Match: {condition}").status == 412
    earlier = formatdate(NOON - 1, usegmt=True)
    assert ask(app, "/text.txt", f"If-Unmodified-Since: {DATE}").status == 200
    assert ask(app, "/text.txt", f"If-Unmodified-Since: {earlier}").status == 412
    both = f"If-Match: {tag}", f"If-Unmodified-Since: {earlier}"
    assert ask(app, "/text.txt", *both).status == 200


def test_a_file_of_the_future_is_dated_now(app, root):
    os.utime(root / "text.txt", (NOON, time.time() + 10**6))
    [date] = header(ask(app, "/text.txt"), "last-modified")
    assert static.parse_date(date, 0) <= time.time()


# Ranges (RFC 9110, section 14)


@pytest.mark.parametrize(
    ("range_", "part", "described"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=0-", b"0123456789", "bytes 0-9/10"),
        ("bytes=9-99", b"9", "bytes 9-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
        ("BYTES=2-4", b"234", "bytes 2-4/10"),
    ],
)
def test_a_range(app, range_, part, described):
    response = ask(app, "/digits.bin", f"Range: {range_}")
    assert (response.status, response.body) == (206, part)
    assert header(response, "content-range") == [described]
    assert header(response, "etag") == [etag(app, "/digits.bin")]


@pytest.mark.parametrize(
    "range_", ["bytes=10-", "bytes=10-11", "bytes=99-", "bytes=-0"]
)
def test_a_range_behind_the_end(app, range_):
    response = ask(app, "/digits.bin", f"Range: {range_}")
    assert response.status == 416
    assert header(response, "content-range") == ["bytes */10"]


@pytest.mark.parametrize(
    "range_",
    [
        "bytes=0-1,3-4",
        "bytes=0-1, -1",
        "bytes=3-2",
        "bytes=-",
        "bytes=",
        "bytes=a-b",
        "bytes=+1-2",
        "bytes=1_0-",
        "bytes=٣-",
        "bytes 0-1",
        "lines=0-1",
        "bytes=0x1-2",
        "bytes=--1",
        "bytes=0-" + "9" * 5000,
    ],
)
def test_other_ranges_are_answered_with_everything(app, range_):
    fields = f"Range: {range_}".encode().decode("latin-1")
    response = ask(app, "/digits.bin", fields)
    assert (response.status, response.body) == (200, b"0123456789")


def test_a_range_is_for_get(app):
    assert ask(app, "/digits.bin", "Range: bytes=0-1", method="HEAD").status == 200


def test_an_empty_file_has_no_ranges(app):
    for range_ in ("bytes=0-", "bytes=-1"):
        response = ask(app, "/empty.txt", f"Range: {range_}")
        assert (response.status, response.body) == (200, b"")


def test_if_range(app):
    tag = etag(app, "/digits.bin")
    for condition in (tag, DATE):
        fields = "Range: bytes=0-1", f"If-Range: {condition}"
        assert ask(app, "/digits.bin", *fields).status == 206
    later = formatdate(NOON + 1, usegmt=True)
    for condition in ('"x"', f"W/{tag}", later, "rubbish", ""):
        fields = "Range: bytes=0-1", f"If-Range: {condition}"
        assert ask(app, "/digits.bin", *fields).status == 200


def test_conditions_go_before_ranges(app):
    fields = "Range: bytes=0-1", "If-None-Match: *"
    assert ask(app, "/digits.bin", *fields).status == 304


# Compression


@pytest.mark.parametrize(
    "accepted", ["gzip", "GZIP", "br, gzip;q=0.5", "*", "deflate,*;q=1", "gzip ; q=1"]
)
def test_text_is_compressed(app, accepted):
    response = ask(app, "/text.txt", f"Accept-Encoding: {accepted}")
    assert gzip.decompress(response.body) == TEXT
    assert len(response.body) < len(TEXT) / 2
    assert header(response, "content-encoding") == ["gzip"]
    assert header(response, "vary") == ["Accept-Encoding"]
    assert header(response, "content-type") == ["text/plain; charset=utf-8"]


@pytest.mark.parametrize(
    "accepted",
    [
        "",
        "br",
        "gzip;q=0",
        "gzip; q=0.000",
        "*;q=0",
        "identity",
        "*, gzip;q=0",
        "br, " * 50 + "gzip",
    ],
)
def test_unless_the_client_cant_have_it(app, accepted):
    response = ask(app, "/text.txt", f"Accept-Encoding: {accepted}")
    assert response.body == TEXT
    assert header(response, "vary") == ["Accept-Encoding"]
    assert header(response, "content-encoding") == []


def test_what_does_not_pay_is_not_compressed(app):
    for path in ("/digits.bin", "/docs/"):
        response = ask(app, path, "Accept-Encoding: gzip")
        assert header(response, "content-encoding") == []


def test_the_compressed_form_has_its_own_tag(app):
    plain, squeezed = etag(app, "/text.txt"), etag(app, "/text.txt", GZIP)
    assert plain != squeezed
    assert ask(app, "/text.txt", GZIP, f"If-None-Match: {squeezed}").status == 304
    assert ask(app, "/text.txt", GZIP, f"If-None-Match: {plain}").status == 200
    whole = ask(app, "/text.txt", GZIP).body
    fields = GZIP, "Range: bytes=5-9", f"If-Range: {squeezed}"
    response = ask(app, "/text.txt", *fields)
    assert (response.status, response.body) == (206, whole[5:10])
    fields = GZIP, "Range: bytes=5-9", f"If-Range: {plain}"
    assert ask(app, "/text.txt", *fields).body == whole


GZIP = "Accept-Encoding: gzip"


def test_a_file_is_compressed_once(app, root, monkeypatch):
    calls = []
    compressed = static.compressed

    def count(content):
        calls.append(content)
        return compressed(content)

    monkeypatch.setattr(static, "compressed", count)
    first = ask(app, "/text.txt", GZIP).body
    assert ask(app, "/text.txt", GZIP).body == first
    assert len(calls) == 1
    (root / "text.txt").write_bytes(TEXT * 2)
    assert gzip.decompress(ask(app, "/text.txt", GZIP).body) == TEXT * 2
    assert len(calls) == 2


def test_others_have_a_turn_while_a_file_is_compressed(loop):
    content, turns = os.urandom(1 << 19), []

    async def others():
        while True:
            turns.append("another")
            await let_others_run()

    async def compress():
        running = loop.spawn(others())
        try:
            return await static.compressed(content)
        finally:
            running.cancel()

    assert gzip.decompress(loop.run(compress())) == content
    assert len(turns) >= len(content) / static.GZIP_BLOCK


def test_the_memory_for_compressed_files_is_bounded(root, monkeypatch, loop):
    monkeypatch.setattr(static, "GZIP_KEPT", 1500)
    files = StaticFiles(root)
    for i in range(10):
        (root / f"{i}.txt").write_bytes(os.urandom(250).hex().encode())
        loop.run(files(request("/", GZIP), f"{i}.txt"))
        assert sum(len(content) for _, content in files._zipped.values()) <= 1500
    assert f"{os.path.realpath(root)}/9.txt" in files._zipped


def test_a_compressed_file_beside_is_taken(app, root):
    beside = root / "text.txt.gz"
    beside.write_bytes(gzip.compress(b"prepared" * 100))
    response = ask(app, "/text.txt", GZIP)
    assert gzip.decompress(response.body) == b"prepared" * 100
    assert header(response, "content-encoding") == ["gzip"]
    assert header(response, "content-type") == ["text/plain; charset=utf-8"]
    assert ask(app, "/text.txt").body == TEXT
    # Not one older than the file, and not one that is a link.
    os.utime(beside, (NOON - 1, NOON - 1))
    assert gzip.decompress(ask(app, "/text.txt", GZIP).body) == TEXT
    beside.unlink()
    beside.symlink_to(root.parent / "secret.txt")
    assert gzip.decompress(ask(app, "/text.txt", GZIP).body) == TEXT


# Large files


@pytest.fixture
def large(root):
    data = bytes(i % 251 for i in range(static.READ_SIZE * 2 + 17))
    (root / "large.bin").write_bytes(data)
    return data


async def collect(body):
    return [block async for block in body]


def test_a_large_file_comes_in_blocks(app, large):
    response = ask(app, "/large.bin")
    assert response.length == len(large)
    blocks = run(collect(response.body))
    assert b"".join(blocks) == large
    assert max(map(len, blocks)) <= static.READ_SIZE
    assert response.body.file.closed


def test_others_have_a_turn_between_two_blocks(app, large):
    scheduler = Scheduler()
    order = []

    async def read():
        async for _ in ask(app, "/large.bin").body:
            order.append("block")

    async def other():
        for _ in range(3):
            order.append("other")
            await let_others_run()

    async def both():
        reading, waiting = scheduler.spawn(read()), scheduler.spawn(other())
        await reading
        await waiting

    scheduler.run(both())
    assert sorted(order) == ["block"] * 3 + ["other"] * 3
    assert order[:2] != ["block"] * 2
    assert "block block" not in " ".join(order[:4])


def test_a_range_of_a_large_file(app, large):
    response = ask(app, "/large.bin", f"Range: bytes=5-{static.READ_SIZE + 9}")
    assert response.length == static.READ_SIZE + 5
    assert b"".join(run(collect(response.body))) == large[5 : static.READ_SIZE + 10]
    response = ask(
        app, "/large.bin", f"Range: bytes={static.READ_SIZE}-{static.READ_SIZE + 1}"
    )
    assert response.body == large[static.READ_SIZE : static.READ_SIZE + 2]


def test_a_body_that_nobody_reads_is_closed(app, large):
    response = ask(app, "/large.bin", method="HEAD")
    run(response.body.aclose())
    assert response.body.file.closed


def test_a_file_that_shrinks_is_not_padded(app, large, root):
    response = ask(app, "/large.bin")
    os.truncate(root / "large.bin", static.READ_SIZE + 1)
    with pytest.raises(OSError, match="gone meanwhile"):
        run(collect(response.body))
    run(response.body.aclose())
