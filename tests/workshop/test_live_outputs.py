"""What cells show, without a kernel: messages go to the front end in a page.

The page's policy holds, as the server sends it. Screenshots are in
`build/screenshots`.
"""

import base64
import functools
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.live_reader import (
    SCREENSHOTS,
    TOKEN,
    axe_violations,
    expect,
    needs_chromium,
)
from workshop import npm

pytestmark = needs_chromium


@pytest.fixture(scope="session")
def bundle(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`frontend/test/page.js` as the build would bundle it."""
    frontend = pages.parent / "frontend"
    folder = tmp_path_factory.mktemp("bundle")
    words = [
        npm.node(),
        frontend / "node_modules" / "esbuild" / "bin" / "esbuild",
        frontend / "test" / "page.js",
        "--bundle",
        "--splitting",
        "--format=esm",
        "--loader:.css=text",
        f"--outdir={folder}",
        "--log-level=error",
    ]
    subprocess.run(words, check=True, cwd=frontend)
    return folder


class Shown:
    """A page of the book in which messages are shown as a cell's output."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.output = page.locator(".live-cell .cell_output").first

    def receive(self, *messages: dict[str, Any]) -> None:
        """Show messages, and draw at once."""
        self.page.evaluate("messages => outputs.replay(messages)", list(messages))

    def display(self, data: dict[str, Any]) -> None:
        self.receive(display(data))

    def repeat(self, count: int, message: str, frames: bool = True) -> None:
        """Receive `message`, JavaScript of `i`, many times while frames are drawn."""
        self.page.evaluate(
            f"""async () => {{
                for (let i = 0; i < {count}; i++) {{
                    outputs.receive({message});
                    if ({str(frames).lower()} && i % 100 === 99)
                        await new Promise((go) => setTimeout(go));
                }}
            }}"""
        )

    def flush(self) -> None:
        self.page.evaluate("outputs.flush()")

    def most(self, what: str) -> int:
        """The most `nodes` or `characters` that one drawing has put into the page."""
        self.page.evaluate("Promise.resolve()")
        return self.page.evaluate(f"Math.max(...frames.map((frame) => frame.{what}))")

    def text(self) -> str:
        return self.output.evaluate("node => node.textContent")

    def expect(self, text: str) -> None:
        expect(self.output).to_contain_text(text)

    def expect_hint(self, text: str) -> None:
        expect(self.output.locator(".live-hint", has_text=text)).to_be_visible()

    def picture(self, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def assert_accessible(self) -> None:
        assert not axe_violations(self.page, ".live-cell")


def stream(text: str, name: str = "stdout") -> dict[str, Any]:
    return {"header": {"msg_type": "stream"}, "content": {"name": name, "text": text}}


def display(data: dict[str, Any], kind: str = "display_data") -> dict[str, Any]:
    content = {"data": data, "metadata": {}, "transient": {"display_id": "one"}}
    return {"header": {"msg_type": kind}, "content": content}


def clear(wait: bool) -> dict[str, Any]:
    return {"header": {"msg_type": "clear_output"}, "content": {"wait": wait}}


Open = Callable[..., Shown]


@pytest.fixture
def open_page(browser: Any, live: Any, bundle: Path) -> Iterator[Open]:
    """Open a page. Errors that no output has told are complaints of ours."""
    contexts, complaints = [], []

    def open_page(width: int = 1280, mode: str = "light") -> Shown:
        context = browser.new_context(
            viewport={"width": width, "height": 844}, color_scheme=mode
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route(
            "**/_static/test/*",
            lambda route: route.fulfill(
                path=bundle / route.request.url.rpartition("/")[2]
            ),
        )
        page.goto(f"{live.address}book/cells.html?token={TOKEN}")
        page.evaluate("import('/_static/test/page.js').then((made) => made.begin())")
        return Shown(page)

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def shown(open_page: Open) -> Shown:
    return open_page()


# --- what is drawn, and how often -----------------------------------------------------

FLOODS = {
    "short lines": (
        3_000,
        "{header: {msg_type: 'stream'},"
        " content: {name: 'stdout', text: 'OK\\n'.repeat(1000)}}",
    ),
    "colours": (
        500,
        "{header: {msg_type: 'stream'}, content: {name: 'stdout',"
        " text: '\\x1b[31mred\\x1b[0m \\x1b[42mgreen\\x1b[0m\\n'.repeat(300)}}",
    ),
    "one line": (
        3_000,
        "{header: {msg_type: 'stream'},"
        " content: {name: 'stdout', text: 'x'.repeat(400)}}",
    ),
    "an hour of ticks": (
        36_000,
        "{header: {msg_type: 'stream'},"
        " content: {name: 'stderr', text: `\\r${i} of 36000`}}",
    ),
    "two streams in turns": (
        3_000,
        "{header: {msg_type: 'stream'},"
        " content: {name: i % 2 ? 'stdout' : 'stderr', text: `${i}\\n`}}",
    ),
    "displays": (
        3_000,
        "{header: {msg_type: 'display_data'},"
        " content: {data: {'text/html': `<b>${i}</b>`}, metadata: {}}}",
    ),
}


@pytest.mark.parametrize("kind", FLOODS)
def test_a_flood_draws_little_at_a_time_and_keeps_the_newest(shown, kind):
    count, message = FLOODS[kind]
    shown.repeat(count, message)
    shown.flush()
    last = {"short lines": "OK\n", "colours": "green\n", "one line": "xxx"}
    assert last.get(kind, str(count - 1)) in shown.text()[-60:]
    assert len(shown.text()) < 220_000
    assert shown.output.evaluate("node => node.querySelectorAll('*').length") < 12_000
    assert shown.most("nodes") < 12_000
    assert shown.most("characters") < 220_000
    draws = shown.page.evaluate("Outputs.work.draws")
    assert draws < count / 20, "drawn once a frame, not once a message"


def test_what_was_cut_is_said(shown):
    shown.receive(stream("".join(f"line {i}\n" for i in range(60_000))))
    first, _, rest = shown.text().partition("\n")
    said = re.fullmatch(
        r"… ([\d,]+) earlier lines are not kept \(([\d,]+) characters\)", first
    )
    assert said, first
    lines = int(said[1].replace(",", ""))
    assert rest.startswith(f"line {lines}\n")
    shown.receive(clear(wait=False), stream("x" * 1_000_000))
    cut = re.match(
        r"\[… ([\d,]+) characters of this line are not kept …\] ", shown.text()
    )
    kept = len(shown.text()) - len(cut[0])
    assert int(cut[1].replace(",", "")) + kept == 1_000_000
    shown.receive(
        clear(wait=False), *[display({"text/plain": str(i)}) for i in range(500)]
    )
    assert shown.text().startswith("… not kept: 300 earlier outputs300")


def test_heavy_outputs_are_let_go_by_their_weight(shown):
    heavy = [display({"text/html": f"<!--{'x' * 3_000_000}-->{i}"}) for i in range(10)]
    shown.receive(*heavy)
    assert shown.text().startswith("… not kept: 4 earlier outputs")
    shown.receive(display({"text/html": "<i></i>" * 60_000 + "many elements"}))
    shown.receive(stream("and text"))
    expect(shown.output.locator("i")).to_have_count(0)


def test_clear_and_show_in_a_loop_never_shows_nothing(shown):
    shown.receive(stream("first"))
    shown.page.evaluate(
        """async () => {
            for (let i = 0; i < 20000; i++) {
                const content = {name: "stdout", text: `${i}\\n`};
                outputs.receive({header: {msg_type: "clear_output"}, content: {wait: true}});
                outputs.receive({header: {msg_type: "stream"}, content});
                if (i % 100 === 99) await new Promise((go) => setTimeout(go));
            }
            outputs.flush();
        }"""  # noqa: E501
    )
    assert shown.text() == "19999\n"
    assert not shown.page.evaluate("frames.some((frame) => frame.isEmpty)")
    assert shown.most("nodes") < 10


def test_a_display_that_is_updated_often_is_drawn_once_a_frame(shown):
    shown.display({"text/html": "<b>first</b>"})
    shown.page.evaluate("""() => {
        const update = (i) => outputs.changeDisplay("one", {"text/html": `<b>${i}</b>`}, {});
        for (let i = 0; i < 10000; i++) update(i);
    }""")  # noqa: E501
    expect(shown.output.locator("b")).to_have_text("9999")
    assert shown.page.evaluate("frames.length") <= 3
    shown.receive(display({"text/plain": "by message"}, "update_display_data"))
    assert shown.text() == "by message"


def test_nothing_is_drawn_in_a_hidden_tab_and_memory_is_bounded(shown):
    """The browser gives a hidden tab no frames: neither does this test."""
    shown.page.evaluate("window.requestAnimationFrame = () => 0")
    shown.repeat(3_000, FLOODS["short lines"][1], frames=False)
    shown.page.evaluate("Promise.resolve()")
    assert shown.page.evaluate("frames.length") <= 1  # what begins takes away the old
    assert shown.text() == ""
    shown.flush()
    assert shown.text().startswith("… 2,99")
    assert shown.most("characters") < 220_000


def test_the_page_answers_between_two_drawings(shown):
    """A drawing that takes long is followed by a rest in proportion."""
    rests = shown.page.evaluate("""async () => {
        const times = [];
        const slow = outputs.draw.bind(outputs);
        outputs.draw = () => {
            const began = performance.now();
            slow();
            while (performance.now() - began < 50);
            times.push([began, performance.now()]);
        };
        while (times.length < 6) {
            outputs.receive({header: {msg_type: "stream"}, content: {name: "stdout", text: "OK"}});
            await new Promise((go) => setTimeout(go));
        }
        return times.slice(1).map(([began], i) => began - times[i][1]);
    }""")  # noqa: E501
    assert min(rests) > 100


# --- the order of things --------------------------------------------------------------


def test_elements_stand_where_they_were_added(shown):
    shown.page.evaluate("""() => {
        const stream = (text) => ({header: {msg_type: "stream"}, content: {name: "stdout", text}});
        outputs.receive(stream("before"));
        const form = document.createElement("form");
        form.append("asks");
        outputs.add(form);
        outputs.receive(stream("after"));
        outputs.flush();
    }""")  # noqa: E501
    assert shown.text() == "beforeasksafter"


def test_clear_takes_the_stored_output_away_and_dispose_draws_no_more(shown):
    shown.page.evaluate("outputs.clear(); outputs.flush()")
    assert shown.text() == ""
    assert shown.page.evaluate("outputs.begun")
    shown.receive(stream("seen"))
    shown.page.evaluate("""() => {
        const content = {name: "stdout", text: "late"};
        outputs.receive({header: {msg_type: "stream"}, content});
        outputs.dispose();
        const frame = () => new Promise(requestAnimationFrame);
        return frame().then(frame);
    }""")
    assert shown.text() == "seen"


def test_text_is_copied_as_it_is_seen(shown):
    lines = "".join(f"line {i}\n" for i in range(200))
    shown.receive(stream(lines))
    copied = shown.output.evaluate("""node => {
        getSelection().selectAllChildren(node.querySelector("pre"));
        return getSelection().toString();
    }""")
    assert copied.rstrip("\n") == lines.rstrip("\n")


def test_the_end_is_followed_unless_the_reader_scrolls_away(shown):
    pre = shown.output.locator("pre")
    distance = "node => node.scrollHeight - node.clientHeight - node.scrollTop"
    shown.receive(stream("line\n" * 100))
    assert pre.evaluate(distance) < 2
    shown.receive(stream("line\n" * 100))
    assert pre.evaluate(distance) < 2
    pre.evaluate(
        "node => new Promise((go) => {"
        " node.addEventListener('scroll', go, {once: true}); node.scrollTop = 50 })"
    )
    shown.receive(stream("line\n" * 100))
    assert pre.evaluate("node => node.scrollTop") == 50


# --- every type -----------------------------------------------------------------------

BROKEN_PNG = base64.b64encode(b"\x89PNG but not really").decode()

SAID = {
    "unknown type": (
        {"application/vnd.of.mine+json": {}},
        "do not draw outputs of type application/vnd.of.mine+json; JupyterLab may",
    ),
    "unknown beside text": (
        {"application/vnd.vegalite.v6+json": {}, "text/plain": "a chart"},
        "application/vnd.vegalite.v6+json",
    ),
    "plotly's own type": (
        {"application/vnd.plotly.v1+json": {"data": []}},
        "application/vnd.plotly.v1+json",
    ),
    "no data": ({}, "no data to show"),
    "widget": (
        {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "IntSlider()"},
        "do not draw widgets; JupyterLab does",
    ),
    "broken picture": ({"image/png": BROKEN_PNG}, "data of this picture is damaged"),
    "invalid json": ({"application/json": "{'a': 1}"}, "not valid JSON"),
    "broken latex": ({"text/latex": r"$$\frac{1}$$"}, "cannot read this formula"),
    "missing picture": (
        {"text/html": '<img src="plot.png">'},
        'has no plot.png: it does not give out the files that cells write. IPython.display.Image("plot.png")',  # noqa: E501
    ),
    "missing picture in markdown": (
        {"text/markdown": "![a plot](plot.png)"},
        "has no plot.png",
    ),
    "picture elsewhere": (
        {"text/html": '<img src="https://example.org/a.png">'},
        "asks example.org for a part of it, and the pages of this book load nothing",
    ),
    "style sheet elsewhere": (
        {"text/html": '<link rel="stylesheet" href="https://example.org/a.css">'},
        "asks example.org",
    ),
    "page elsewhere": (
        {"text/html": '<iframe src="https://example.org/embed"></iframe>'},
        "asks example.org",
    ),
    "plotly from its host": (
        {"text/html": '<div></div><script src="https://cdn.plot.ly/p.js"></script>'},
        "fig.show() is called without a renderer",
    ),
    "script that imports": (
        {"text/html": "<script type=module>import '/not/there.js'</script>"},
        "imports a file that could not be loaded",
    ),
    "bokeh from its host": (
        {
            "application/javascript": "const s = document.createElement('script');"
            "s.src = 'https://cdn.bokeh.org/b.js'; document.head.append(s)"
        },
        "output_notebook(INLINE)",
    ),
    "vega from its host": (
        {
            "text/html": "<script>{const s = document.createElement('script');"
            "s.src = 'https://cdn.jsdelivr.net/npm/vega@6';"
            "document.head.append(s)}</script>"
        },
        'alt.renderers.enable("svg")',
    ),
    "data elsewhere": (
        {"application/javascript": "fetch('https://example.org/d').catch(() => 0)"},
        "asks example.org",
    ),
    "javascript": (
        {"application/javascript": "element.append('begun'); none.there"},
        "A script in this output failed: Uncaught ReferenceError: none is not defined",
    ),
    "javascript that cannot be read": (
        {"application/javascript": "element.append("},
        "A script in this output failed: Uncaught SyntaxError",
    ),
    "script in html": (
        {"text/html": "<script>none.there</script>"},
        "none is not defined",
    ),
    "script in html that cannot be read": (
        {"text/html": "<script>let = ;</script>"},
        "Uncaught SyntaxError",
    ),
    "script with require": (
        {"text/html": "<script>require(['plotly'])</script>"},
        "require is not defined",
    ),
    "script that fails later": (
        {"text/html": "<script>setTimeout(() => none.there)</script>"},
        "none is not defined",
    ),
    "promise that fails": (
        {"application/javascript": "Promise.reject(new Error('not kept'))"},
        "Error: not kept",
    ),
    "script that evaluates": (
        {"application/javascript": "setTimeout(() => eval('1'))"},
        "A script in this output failed: Uncaught EvalError",
    ),
}


@pytest.mark.parametrize("kind", SAID)
def test_what_cannot_be_shown_is_said_at_its_output(shown, kind):
    data, sentence = SAID[kind]
    shown.receive(stream("another output\n"))
    shown.display(data)
    shown.expect_hint(sentence)
    if "text/plain" in data:
        shown.expect(data["text/plain"])


def test_a_script_that_fails_again_and_again_is_told_once(shown):
    code = "let n = 0; setInterval(() => { n++; none.there }, 1)"
    shown.display({"application/javascript": f"{code}; window.count = () => n"})
    shown.page.evaluate("""async () => {
        while (count() < 50) await new Promise((go) => setTimeout(go));
    }""")
    expect(shown.output.locator(".live-hint")).to_have_count(1)


def test_what_the_scripts_of_two_outputs_do_is_told_at_each(shown):
    late = "setTimeout(() => {{ throw new Error('{}') }})"
    shown.display({"application/javascript": late.format("the first")})
    shown.display({"application/javascript": late.format("the second")})
    blocks = shown.output.locator(".output")
    expect(blocks.nth(0)).to_contain_text("the first")
    expect(blocks.nth(1)).to_contain_text("the second")


@pytest.mark.parametrize("data", ["text/latex", "text/markdown"])
def test_a_part_of_the_front_end_that_cannot_be_loaded_is_said(shown, data):
    shown.page.route(
        re.compile(r"/(mathjax|_static/test)/"), lambda route: route.abort()
    )
    shown.display({data: "$a^2$"})
    shown.expect_hint("the script that draws it could not be loaded")
    shown.expect("$a^2$")


def test_data_in_lines_is_joined(shown):
    shown.display({"text/html": ["<b>a", "b</b>"], "text/plain": ["x"]})
    assert shown.text() == "ab"


def test_plotly_without_mathjax_needs_no_word(shown):
    script = '<script src="https://cdnjs.cloudflare.com/mathjax/tex-svg.js"></script>'
    shown.display({"text/html": f'<div class="plotly">drawn{script}</div>'})
    shown.display({"text/html": '<img src="https://example.org/a.png">'})
    shown.expect_hint("example.org")
    expect(shown.output.locator(".live-hint")).to_have_count(1)


# --- colours --------------------------------------------------------------------------

SAMPLE = r"""
def sgr(codes, text="sample"):
    return f"\x1b[{codes}m{text}\x1b[0m "

for ink in [*range(30, 38), *range(90, 98)]:
    print(sgr(ink) + "".join(sgr(f"{ink};{ground}", "Aa") for ground in range(40, 48)))
print("".join(sgr(ground, "Aa") for ground in [*range(40, 48), *range(100, 108)]))
for first in range(16, 256, 36):
    print("".join(sgr(f"38;5;{n}", n) for n in range(first, min(256, first + 36))))
    print("".join(sgr(f"48;5;{n}", n) for n in range(first, min(256, first + 36))))
for codes in "1 2 3 4 9 53 4;9;53 7 7;31 7;42 7;38;5;21".split():
    print(sgr(codes, f"codes {codes}"), sgr(codes + ";31", "red"))
print(sgr("48;2;10;60;200", "background"), sgr("38;2;40;40;40", "dark"))
print(sgr("38;2;240;240;240", "light"), sgr("38;2;255;255;0;48;2;255;255;255", "both"))
print("\x1b]8;;https://example.org/\x1b\\a link\x1b]8;;\x1b\\")
"""


@functools.cache
def sample() -> str:
    """What `SAMPLE` prints: all colours and decorations."""
    lines: list[str] = []
    exec(SAMPLE, {"print": lambda *parts: lines.append("".join(parts) + "\n")})
    return "".join(lines)


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_all_colours_can_be_read(open_page, mode, width):
    shown = open_page(width, mode)
    shown.receive(stream(sample()), stream("to stderr \x1b[2mfaint", "stderr"))
    shown.output.locator("pre").first.evaluate("node => node.style.maxHeight = 'none'")
    shown.picture(f"ansi-{mode}-{width}")
    shown.assert_accessible()
    page = shown.page
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_decorations_are_drawn(shown):
    shown.receive(stream("\x1b[9;4;53mall\x1b[0m \x1b[7mreverse\x1b[0m \x1b[1mbold"))
    lines = shown.output.locator("span", has_text="all").last
    decoration = lines.evaluate("node => getComputedStyle(node).textDecorationLine")
    assert set(decoration.split()) == {"underline", "line-through", "overline"}
    reverse = shown.output.locator(".ansi-reverse")
    colours = (
        "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    )
    page = shown.page.locator("body")
    assert reverse.evaluate(colours) == page.evaluate(colours)[::-1]


def test_a_link_in_a_terminal_can_be_followed(shown):
    shown.receive(stream("\x1b]8;;https://example.org/a\x1b\\here\x1b]8;;\x1b\\"))
    link = shown.output.get_by_role("link", name="here")
    expect(link).to_have_attribute("href", "https://example.org/a")
    expect(link).to_have_attribute("rel", "noreferrer")


# --- the pager ------------------------------------------------------------------------

SHOW_PAGE = "text => void showPage(document.querySelector('.live-cell'), text)"


def test_the_pager_is_read_and_closed_by_keyboard(open_page):
    shown = open_page(mode="dark")
    page = shown.page
    page.locator(".live-button").first.focus()
    page.evaluate(SHOW_PAGE, "\x1b[31mSignature:\x1b[39m len(obj)\n" + "text\n" * 200)
    panel = page.get_by_role("region", name="Documentation")
    expect(panel.locator("pre")).to_be_focused()
    expect(panel.locator(".ansi-red-fg")).to_have_text("Signature:")
    assert panel.locator("pre").evaluate("node => node.scrollTop") == 0
    look = "document.getElementById('main').dispatchEvent(new Event('toggle'))"
    page.evaluate(look)  # page.js looks at what scrolls
    shown.assert_accessible()
    shown.picture("pager-dark")
    page.keyboard.press("Escape")
    expect(panel).to_have_count(0)
    expect(page.locator(".live-button").first).to_be_focused()


def test_one_page_at_a_time_and_a_button_closes_it(open_page):
    shown = open_page(width=390)
    page = shown.page
    page.evaluate(SHOW_PAGE, {"text/plain": ["first ", "page"]})
    panel = page.get_by_role("region", name="Documentation")
    expect(panel).to_contain_text("first page")
    page.evaluate(SHOW_PAGE, {"text/plain": "second"})
    expect(panel).to_have_count(1)
    expect(panel).to_contain_text("second")
    shown.picture("pager-phone")
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_have_count(0)
