"""Templates, with Jinja2 and without it."""

import os
import subprocess
import sys

import pytest

from dustdevil.web import Application, SafeHTML, Sessions, templates, xsrf_field
from support.asking import ask, header


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "base.html").write_text(
        "<title>{% block title %}{% endblock %}</title>"
    )
    (tmp_path / "hello.html").write_text(
        "{% extends 'base.html' %}{% block title %}Hello, {{ name }}!{% endblock %}"
    )
    return tmp_path


def test_a_template_is_filled_in_and_what_is_filled_in_escaped(folder):
    pages = Application().templates(folder)
    page = pages.render("hello.html", name="<b>Ada & 'Bob'</b>")
    assert header(page, "content-type") == ["text/html; charset=utf-8"]
    assert page.body == (
        b"<title>Hello, &lt;b&gt;Ada &amp; &#39;Bob&#39;&lt;/b&gt;!</title>"
    )
    (folder / "note.txt").write_text("{{ text }}")
    assert pages.text("note.txt", text="<") == "&lt;"


def test_templates_know_where_things_are(folder):
    app = Application()
    pages = app.templates(folder, site="Dust")

    @app.get("/hello/{name}")
    def hello(request, name):
        return pages.render("link.html", name=name)

    (folder / "link.html").write_text("{{ site }} {{ url_for('hello', name=name) }}")
    assert ask(app, "/hello/a%20b").body == b"Dust /hello/a%20b"


def test_the_hidden_field_is_html(folder):
    app = Application()
    app.use(Sessions("a key for the tests"))
    pages = app.templates(folder, xsrf_field=xsrf_field)
    (folder / "form.html").write_text("{{ xsrf_field(request) }}{{ text }}")

    @app.get("/")
    def form(request):
        return pages.render("form.html", request=request, text=SafeHTML("<hr>"))

    body = ask(app).body
    assert body.startswith(b'<input type="hidden" name="_xsrf" value="')
    assert body.endswith(b'"><hr>')


def test_a_value_that_is_missing_is_an_error(folder, caplog):
    app = Application()
    pages = app.templates(folder)
    app.get("/")(lambda request: pages.render("hello.html"))
    assert ask(app).status == 500
    assert "'name' is undefined" in caplog.text


@pytest.mark.parametrize("name", ["missing.html", "../secret.html", "/etc/passwd"])
def test_no_other_files_are_read(folder, name):
    pages = templates.Templates(folder / "sub")
    (folder / "secret.html").write_text("secret")
    with pytest.raises(LookupError):
        pages.text(name)


@pytest.mark.parametrize("reload", [True, False])
def test_a_template_that_changes(folder, reload):
    pages = templates.Templates(folder, reload=reload)
    path = folder / "x.html"
    path.write_text("old")
    assert pages.text("x.html") == "old"
    path.write_text("newer")
    # Some file systems would not tell two moments this close apart.
    os.utime(path, ns=(0, 0))
    assert pages.text("x.html") == ("newer" if reload else "old")


def test_without_jinja2_one_sentence_says_so(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ModuleNotFoundError, match=r"^templates need Jinja2: pip inst"):
        templates.Templates(folder)


def test_jinja2_is_imported_only_for_templates():
    program = "import dustdevil.web.application, sys; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
