/* The terminal's model, without a page. `npm test` runs these. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { PLAIN, contrast, look, select } from "../src/pen.js";
import { LIMITS, Screen } from "../src/screen.js";

const rows = (screen) =>
  screen.chunks.flatMap((chunk) => chunk.lines.map((line) => line.signs.join("")));

function shown(...texts) {
  const screen = new Screen();
  for (const text of texts) screen.write(text);
  return rows(screen).join("\n");
}

/** What stands in a text's cells, as [pen's key, sign]. */
function cells(text) {
  const screen = new Screen();
  screen.write(text);
  const [line] = screen.chunks[0].lines;
  return line.signs.map((sign, at) => [line.pens[at].key, sign]);
}

const state = (codes) => select(PLAIN, codes).state;

/* The cursor */

const CURSOR = [
  ["plain", "one\ntwo\n", "one\ntwo\n"],
  ["carriage return", "10 %\r99\n", "99 %\n"],
  ["carriage return and line feed", "a\r\nb", "a\nb"],
  ["backspace", "ab\bc", "ac"],
  ["backspaces before the start", "a\b\b\bxy", "xy"],
  ["colours and a return", "\x1b[31mabc\x1b[0m\rX", "Xbc"],
  ["up", "one\ntwo\x1b[AX", "oneX\ntwo"],
  ["up two, down one", "1\n2\n3\r\x1b[2Aa\x1b[B\rb", "a\nb\n3"],
  ["up beyond the top", "1\n2\x1b[99A\ra", "a\n2"],
  ["right leaves blanks", "a\x1b[3Cb", "a   b"],
  ["left", "abc\x1b[2DX", "aXc"],
  ["to the next and the line before", "ab\ncd\x1b[Fx\x1b[Ey", "xb\nyd"],
  ["to a column", "abcd\x1b[2GX", "aXcd"],
  ["to a place", "ab\ncd\x1b[1;2HX", "aX\ncd"],
  ["to a place below the end", "a\x1b[3;1Hb", "a\n\nb"],
  ["erase to the end of the line", "abc\x1b[2D\x1b[K", "a"],
  ["erase to the line's start", "abc\x1b[2D\x1b[1K", "  c"],
  ["erase the line", "abc\r\x1b[2Kx", "x"],
  ["erase below", "1\n2\n3\x1b[2A\r\x1b[Jx", "x"],
  ["erase above", "1\n2\n3\x1b[1K\x1b[1J", "\n\n "],
  ["clear the screen", "1\n2\n\x1b[H\x1b[2Jnew", "new"],
  ["what is not known is swallowed", "a\x1b[?25lb\x1b[5nc\x1b(Bd\x1b7e\x07", "abcde"],
  ["a title", "a\x1b]0;a title\x07b\x1b]2;another\x1b\\c", "abc"],
  ["a string without an end", "a\x1b]0;title\nb\x1bPq\x1b[31mc", "a\nbc"],
  ["accents", "e\u0301a\be", "e\u0301e"],
  ["beyond the basic plane", "😀😀\b!", "😀!"],
];

for (const [name, text, expected] of CURSOR) {
  test(name, () => assert.equal(shown(text), expected));
  test(`${name}, sign by sign`, () => assert.equal(shown(...text), expected));
}

test("nested progress bars stay where they are", () => {
  const bars = [];
  for (let i = 0; i < 3; i++)
    for (let j = 0; j < 3; j++) bars.push(`\router ${i}\n\rinner ${j}\x1b[A`);
  assert.equal(shown(...bars), "outer 2\ninner 2");
});

/* Colours */

test("sixteen, 256 and true colours, with semicolons and with colons", () => {
  assert.equal(state("31").ink, 1);
  assert.equal(state("97").ink, 15);
  assert.equal(state("44").ground, 4);
  assert.equal(state("103").ground, 11);
  assert.equal(state("38;5;9").ink, 9);
  assert.equal(state("38;5;208").ink, "#ff8700");
  assert.equal(state("48;5;232").ground, "#080808");
  assert.equal(state("38;2;1;2;255").ink, "#0102ff");
  assert.equal(state("38:2:1:2:255").ink, "#0102ff");
  assert.equal(state("38:2::1:2:255").ink, "#0102ff");
  assert.equal(state("48:5:208").ground, "#ff8700");
  assert.equal(state("38;2;1;2;3;1;48;5;21").bold, true);
  assert.equal(state("38;2;1;2;3;1;48;5;21").ground, "#0000ff");
  assert.equal(state("58;5;1;4").underline, true);
});

test("each decoration begins and ends", () => {
  const pairs = {
    bold: [1, 22], faint: [2, 22], italic: [3, 23], underline: [4, 24],
    reverse: [7, 27], conceal: [8, 28], strike: [9, 29], overline: [53, 55],
  }; // prettier-ignore
  for (const [name, [on, off]] of Object.entries(pairs)) {
    assert.equal(state(`${on}`)[name], true);
    assert.ok(select(PLAIN, `${on};${off}`).isPlain, name);
  }
  assert.equal(state("4:3").underline, true);
  assert.equal(state("4:0").underline, false);
});

test("an empty sequence resets, in its order among others", () => {
  assert.ok(select(select(PLAIN, "1;31"), "").isPlain);
  assert.equal(select(select(PLAIN, "1"), "0;31").key, "ink,1");
  assert.equal(state("1;22;1").bold, true);
});

test("a pen is kept over lines and over messages", () => {
  const screen = new Screen();
  for (const part of ["\x1b", "[3", "1mr", "ed\nstill"]) screen.write(part);
  const keys = screen.chunks[0].lines.map((line) => [...new Set(line.pens)][0].key);
  assert.deepEqual(keys, ["ink,1", "ink,1"]);
});

test("links, to pages of the web alone", () => {
  const link = (url) => cells(`\x1b]8;;${url}\x1b\\x\x1b]8;;\x1b\\y`).map(([key]) => key);
  assert.deepEqual(link("https://example.org/"), ["link,https://example.org/", ""]);
  assert.deepEqual(link("javascript:alert(1)"), ["", ""]);
});

test("reverse exchanges ink and ground", () => {
  const drawn = (codes) => look(select(PLAIN, codes), "text");
  assert.deepEqual(drawn("7").classes, ["ansi-reverse"]);
  assert.deepEqual(drawn("7;41").classes, ["ansi-reverse"]);
  assert.deepEqual(drawn("7;31").classes, ["ansi-red-bg"]);
  assert.deepEqual(drawn("7;31;42").classes, ["ansi-green-fg", "ansi-red-bg"]);
});

test("ink on a colour can be read", () => {
  for (let i = 16; i < 256; i++)
    for (const codes of [`48;5;${i}`, `31;48;5;${i}`, `38;5;${i};48;5;${255 - i + 16}`]) {
      const { colours } = look(select(PLAIN, codes), "text");
      assert.ok(contrast(colours["live-fixed"], colours["live-ground"]) >= 4.5, codes);
    }
});

test("the pixels of a picture keep their colours", () => {
  const pen = select(PLAIN, "38;2;10;60;200;48;2;10;60;180");
  assert.equal(look(pen, "▀▄").colours["live-fixed"], "#0a3cc8");
  assert.equal(look(pen, "text").colours["live-fixed"], "#ffffff");
});

/* What is kept */

const size = (screen) => rows(screen).reduce((sum, line) => sum + line.length, 0);

test("many lines: the newest are kept, and the rest is counted", () => {
  const screen = new Screen();
  const text = Array.from({ length: 60_000 }, (_, i) => `line ${i}\n`).join("");
  screen.write(text);
  const kept = rows(screen);
  assert.ok(kept.length <= LIMITS.lines && kept.length > LIMITS.lines - 100);
  assert.equal(kept.at(-2), "line 59999");
  assert.equal(screen.cut.lines + kept.length, 60_001);
  assert.equal(screen.cut.characters + size(screen), text.length - 60_000);
  assert.equal(screen.size, size(screen));
});

test("long lines: characters count, too", () => {
  const screen = new Screen();
  for (let i = 0; i < 500; i++) screen.write(`${"x".repeat(5_000)}\n`);
  assert.ok(size(screen) <= LIMITS.characters);
  assert.equal(screen.size, size(screen));
});

test("one line of a million characters, in one piece and in many", (context) => {
  let moved = 0; // cells, when the line is cut
  const { splice } = Array.prototype;
  context.after(() => (Array.prototype.splice = splice));
  Array.prototype.splice = function (...words) {
    moved += this.length;
    return splice.apply(this, words);
  };
  for (const parts of [1, 1_000_000]) {
    const screen = new Screen();
    for (let i = 0; i < parts; i++) screen.write("x".repeat(1_000_000 / parts));
    screen.write("end");
    const [line] = screen.chunks[0].lines;
    const kept = line.signs.length;
    assert.ok(kept <= LIMITS.line && kept >= LIMITS.line / 2);
    assert.equal(line.cut, 1_000_003 - kept);
    assert.equal(line.signs.slice(-3).join(""), "end");
  }
  assert.ok(moved < 40_000_000, `${moved} cells were moved for two million`);
});

test("200,000 backspaces, an hour of ticks, a spinner in a long line", () => {
  assert.equal(shown("x".repeat(9_000) + "\b".repeat(200_000) + "y").slice(0, 2), "yx");
  const screen = new Screen();
  for (let i = 0; i < 36_000; i++) screen.write(`\r${i} of 36000`);
  assert.deepEqual(rows(screen), ["35999 of 36000"]);
  screen.write("\r" + "-".repeat(9_999));
  for (let i = 0; i < 200_000; i++) screen.write("|\b");
  assert.equal(screen.size, 10_000);
});

test("strings and sequences that do not end take no memory", () => {
  const screen = new Screen();
  screen.write("\x1b]0;");
  for (let i = 0; i < 10_000; i++) screen.write("t".repeat(100));
  screen.write("\x07seen\x1b[");
  for (let i = 0; i < 10_000; i++) screen.write("1;");
  screen.write("mend");
  assert.equal(rows(screen)[0].slice(-3), "end");
  assert.ok(screen.size <= LIMITS.line);
  screen.write(`\n\x1b]8;;https://example.org/${"a".repeat(100_000)}\x07x`);
  assert.ok(screen.chunks.at(-1).lines.at(-1).pens[0].key.length < 2_000);
});

test("a cursor sent far away makes no endless blanks", () => {
  const screen = new Screen();
  screen.write("\x1b[999999999Cx\x1b[999999999;999999999Hy");
  assert.ok(size(screen) < 3_000);
  assert.ok(rows(screen).length <= 100);
});

test("going back works up to the screen's height, and after much was cut", () => {
  const screen = new Screen();
  for (let i = 0; i < 5_000; i++) screen.write(`${i}\n`);
  screen.write("\x1b[99A\rtop\x1b[99B\rend");
  const kept = rows(screen);
  assert.equal(kept.at(-1), "end");
  assert.equal(kept.at(-100), "top1");
  screen.write("\x1b[5000A\rhighest");
  assert.equal(rows(screen).at(-100), "highest");
});

test("screens that are cleared and drawn again keep one", () => {
  const screen = new Screen();
  for (let i = 0; i < 5_000; i++) screen.write(`\x1b[2J\x1b[H${"row\n".repeat(30)}`);
  assert.equal(rows(screen).length, 31);
  assert.equal(screen.cut.lines, 0);
});
