"""Forms: fields and files, their limits, and nothing left behind."""

import errno
import gc
import os
import tempfile

import httpx
import pytest

from dustdevil.web import Application, FormError, Values, forms
from support.asking import request, run
from support.serving import PATIENCE, Client, Latch, Running

URLENCODED = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data; boundary=b"


def field(name, value=b""):
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
    return head.encode() + value + b"\r\n"


def file(name, filename, value=b""):
    head = (
        f'--b\r\nContent-Disposition: form-data; name="{name}"; '
        f'filename="{filename}"\r\nContent-Type: image/png\r\n\r\n'
    )
    return head.encode() + value + b"\r\n"


def form(*parts, end=b"--b--\r\n", **limits):
    asked = request("/", MULTIPART, method="POST", body=b"".join(parts) + end)
    return run(asked.form(**limits))


def urlencoded(body, **limits):
    return run(request("/", URLENCODED, method="POST", body=body).form(**limits))


def status(read, *arguments, **limits):
    with pytest.raises(FormError) as caught:
        read(*arguments, **limits)
    return caught.value.status


@pytest.fixture
def folder(tmp_path):
    """Where temporary files go; at the end it must be empty, and none be open."""
    before = open_files(tmp_path)
    yield tmp_path
    gc.collect()
    assert list(tmp_path.iterdir()) == []
    assert open_files(tmp_path) == before


def open_files(folder):
    """The descriptors of files in that folder, those without a name too."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            continue  # that of the listing itself
        if target.startswith(str(folder)):
            found.append(target)
    return found


# Fields


def test_an_urlencoded_form():
    found = urlencoded(b"a=1&b=&a=2&c=%C3%A9+%26&d=\xc3\xa9")
    assert found == {"a": "1", "b": "", "c": "é &", "d": "é"}
    assert found.all("a") == ["1", "2"]
    assert found.files == {}
    assert urlencoded(b"") == {}


def test_a_form_is_read_once():
    asked = request("/", URLENCODED, method="POST", body=b"a=1")
    assert run(asked.form()) is run(asked.form(max_fields_size=1))


def test_limits_of_urlencoded_forms():
    assert urlencoded(b"a=1&b=2", max_parts=2) == {"a": "1", "b": "2"}
    assert status(urlencoded, b"a=1&b=2&c=3", max_parts=2) == 413
    assert status(urlencoded, b"&" * 1000) == 413
    assert urlencoded(b"a=123", max_fields_size=5) == {"a": "123"}
    assert status(urlencoded, b"a=1234", max_fields_size=5) == 413
    assert status(urlencoded, b"a=1234", max_body=5) == 413


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", b"%ff=1"])
def test_what_is_not_utf_8(body):
    assert status(urlencoded, body) == 400


def test_what_is_no_form():
    for lines in ([], ["Content-Type: application/json"], ["Content-Type: text/x; y"]):
        with pytest.raises(FormError) as caught:
            run(request("/", *lines, method="POST", body=b"a=1").form())
        assert caught.value.status in (400, 415)


def test_values_of_many_names_are_sorted_out_once():
    values = Values([(str(i % 10), str(i)) for i in range(100)])
    assert values["3"] == "3"
    assert values.all("3") == [str(i) for i in range(3, 100, 10)]
    assert values._lists is values._lists
    assert values.all("x") == []


# Parts


def test_a_form_of_parts(folder):
    found = form(
        field("title", "Grüße".encode()),
        file("picture", r"C:\me\..\x.png", b"\x89PNG\r\n--in"),
        field("title", b"again"),
        file("picture", "y.png"),
        file("nothing", ""),
        folder=str(folder),
    )
    assert found == {"title": "Grüße"}
    assert found.all("title") == ["Grüße", "again"]
    picture = found.files["picture"]
    assert (picture.filename, picture.content_type) == ("x.png", "image/png")
    assert (picture.size, picture.file.read()) == (10, b"\x89PNG\r\n--in")
    assert [u.filename for u in found.uploads] == ["x.png", "y.png"]
    assert repr(picture) == "<Upload 'x.png', 10 bytes>"


def test_a_large_file_goes_to_the_disk_and_a_small_one_does_not(folder):
    small, large = b"x" * 1000, os.urandom(1001)
    found = form(
        file("small", "s", small),
        file("large", "l", large),
        max_in_memory=1000,
        folder=str(folder),
    )
    assert len(open_files(folder)) == 1
    assert list(folder.iterdir()) == []  # it has no name
    assert found.files["small"].file.read() == small
    assert found.files["large"].file.read() == large
    found.files["large"].close()
    assert open_files(folder) == []


def test_limits_of_parts(folder):
    two = field("a", b"12"), field("b", b"34")
    files = file("f", "x", b"123"), file("g", "y", b"456")
    assert form(*two, max_parts=2, max_fields_size=6) == {"a": "12", "b": "34"}
    assert status(form, *two, max_parts=1) == 413
    assert status(form, *two, max_fields_size=5) == 413
    assert len(form(*files, max_files=2, max_file=3).uploads) == 2
    assert status(form, *files, max_files=1) == 413
    assert status(form, *files, max_file=2, max_in_memory=1, folder=str(folder)) == 413
    assert status(form, *two, max_part_head=64, max_fields_size=100, max_body=90) == 413
    long = field("a" * 100)
    assert status(form, long, max_part_head=64) == 413
    assert status(form, file("f", "x")[:-2], end=b"") == 400
    assert status(form, field("a", b"\xff")) == 400


def test_an_uploaded_file_is_saved_all_or_nothing(
    folder, tmp_path_factory, monkeypatch
):
    monkeypatch.setattr(forms, "COPY_SIZE", 1000)
    target = tmp_path_factory.mktemp("saved")
    content = os.urandom(2500)
    limits = {"max_in_memory": 10, "folder": str(folder)}
    upload = form(file("f", "x", content), **limits).files["f"]
    run(upload.save(target / "x"))
    assert (target / "x").read_bytes() == content
    with pytest.raises(FileExistsError):
        run(upload.save(target / "x"))
    assert (target / "x").read_bytes() == content
    upload.file = Broken(upload.file)
    with pytest.raises(OSError, match="gone"):
        run(upload.save(target / "y"))
    assert os.listdir(target) == ["x"]


class Broken:
    """A file that fails in the middle."""

    def __init__(self, file):
        self.file, self.reads = file, 0

    def seek(self, place):
        self.file.seek(place)

    def read(self, size):
        self.reads += 1
        if self.reads > 1:
            raise OSError(errno.EIO, "gone")
        return self.file.read(size)

    def close(self):
        self.file.close()


# A full disk


@pytest.fixture
def full_disk(monkeypatch):
    """Have temporary files on a device that is always full, full(4)."""

    def open_full(*_, **options):
        return open("/dev/full", "r+b")

    monkeypatch.setattr(tempfile, "TemporaryFile", open_full)


@pytest.mark.parametrize("size", [1000, 5000, 100_000])
def test_a_full_disk_is_a_507_at_the_end_or_before(full_disk, size):
    before = len(os.listdir("/proc/self/fd"))
    assert status(form, file("f", "x", bytes(size)), max_in_memory=10) == 507
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_other_errors_of_the_system_are_not_called_that(tmp_path):
    with pytest.raises(FileNotFoundError):
        form(file("f", "x", b"12"), max_in_memory=1, folder=str(tmp_path / "missing"))


def test_no_room_for_a_saved_file_leaves_none(tmp_path, monkeypatch):
    upload = form(file("f", "x", b"12")).files["f"]

    def full(path, mode):
        open(path, mode).close()
        return open("/dev/full", "wb", buffering=0)

    monkeypatch.setattr("dustdevil.web.forms.FileIO", full)
    with pytest.raises(FormError) as caught:
        run(upload.save(tmp_path / "x"))
    assert caught.value.status == 507
    assert list(tmp_path.iterdir()) == []


# Served


@pytest.fixture
def served(folder):
    """A server that takes uploads, and what became of them."""
    app, heard = Application(), Latch()

    @app.post("/")
    async def take(request):
        try:
            found = await request.form(
                max_in_memory=10, max_file=10**6, folder=str(folder)
            )
            return {name: u.file.read().decode() for name, u in found.files.items()}
        finally:
            heard.set(open_files(folder))

    server = Running(app)
    server.heard = heard
    yield server
    server.stop()
    server.loop.close()


def test_httpx_sends_files(served):
    files = {"a": ("a.txt", b"x" * 100_000), "b": ("b.txt", b"short")}
    answer = httpx.post(served.url, files=files, data={"c": "1"}, timeout=PATIENCE)
    assert answer.json() == {"a": "x" * 100_000, "b": "short"}


def test_a_form_that_is_refused_is_answered_with_its_status(served):
    files = {"a": ("a.txt", bytes(1_000_001))}
    answer = httpx.post(served.url, files=files, timeout=PATIENCE)
    assert (answer.status_code, "the file is too large" in answer.text) == (413, True)
    answer = httpx.post(served.url, json=1, timeout=PATIENCE)
    assert answer.status_code == 415


def test_a_full_disk_while_uploading(served, full_disk):
    files = {"a": ("a.txt", bytes(500_000))}
    answer = httpx.post(served.url, files=files, timeout=PATIENCE)
    assert answer.status_code == 507


@pytest.mark.parametrize("leave", [Client.reset, Client.__exit__])
def test_a_client_that_goes_away_leaves_nothing(served, leave):
    client = Client(served.port)
    lines = (
        f"POST / HTTP/1.1\r\nHost: a\r\n{MULTIPART}\r\nContent-Length: 99999\r\n\r\n"
    )
    client.send(lines.encode() + file("a", "x", b"y" * 5000))
    leave(client)
    # It was on the disk; that it is gone now the fixture looks at.
    assert len(served.heard.wait()) == 1
