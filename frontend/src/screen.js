/* The model of a terminal: lines of cells, and a cursor that a program moves about.

   Nothing here is drawn. Every character costs a fixed amount of work, whether it is
   text, a carriage return or a backspace, and what is kept has limits: a page is no
   log file. Lines lie in chunks, which are drawn and forgotten as a whole. */

import { PLAIN, select } from "./pen.js";

export const LIMITS = {
  lines: 2_000,
  characters: 200_000,
  line: 10_000, // characters of one line
  nodes: 10_000, // stretches of one look, each of which is an element of the page
};
const CHUNK = { lines: 64, characters: 8_192 };
const ROWS = 100; // as high as the screen is: the lines that a cursor can go back to
const COLUMNS = 1_000; // as far as a cursor can go beyond a line's end
const PENDING = 1_024; // characters of an unfinished escape sequence
const PILED = 16; // code units in one cell: a letter and what is set over it

const TEXT = /[^\x00-\x1f\x7f-\x9f]+/y;
const STRING = /\x1b[\]PX^_]/y; // begins a string, as of a title or of a link
const STRING_END = /\x07|\x1b\\|[\x18\x1a]|(?=\n|\x1b[^\\])/g; // or what breaks it off
const SEQUENCE = /\x1b(?:\[([0-?]*)([ -/]*)([@-~])|[ -/]*[0-OQ-WYZ\\`-~])/y;
const BROKEN = /\x1b(?:\[[0-?]*)?[ -/]*/y;
const UNFINISHED = /^\x1b(?:\[[0-?]*)?[ -/]*$/;
const COMBINING = /^[\p{M}\u200d]$/u;

class Line {
  signs = [];
  pens = [];
  cut = 0; // characters that were here and are not kept

  constructor(chunk) {
    this.chunk = chunk;
  }
}

class Chunk {
  lines = [];
  size = 0; // characters
  isStale = true; // changed since it was last drawn
  isGone = false; // no longer kept
}

export class Screen {
  chunks = [];
  size = 0;
  cut = { lines: 0, characters: 0 };
  #limits;
  #lines = 0;
  #rows = []; // the last lines, which can still change
  #row = 0;
  #column = 0;
  #pen = PLAIN;
  #pending = ""; // an escape sequence whose end has not come yet
  #string = null; // what has come of a string; null outside of one

  constructor(limits = LIMITS) {
    this.#limits = limits;
    this.#addLine();
  }

  write(text) {
    const input = this.#pending + text;
    this.#pending = "";
    for (let at = 0; at < input.length; )
      at = this.#string === null ? this.#step(input, at) : this.#collect(input, at);
    this.#shorten(this.#line);
    this.#trim();
  }

  /** Forget the oldest chunks while there are more nodes than a page should hold. */
  trimNodes(count) {
    let nodes = this.chunks.reduce((sum, chunk) => sum + count(chunk), 0);
    while (nodes > this.#limits.nodes && this.chunks.length > 1) {
      nodes -= count(this.chunks[0]);
      this.#forgetChunk();
    }
  }

  get #line() {
    return this.#rows[this.#row];
  }

  /* Reading */

  #step(input, at) {
    const text = match(TEXT, input, at);
    if (text) {
      this.#put(text[0]);
      return at + text[0].length;
    }
    if (input[at] !== "\x1b") {
      this.#control(input[at]);
      return at + 1;
    }
    const string = match(STRING, input, at);
    if (string) {
      this.#string = input[at + 1] === "]" ? "" : "?";
      return at + 2;
    }
    const sequence = match(SEQUENCE, input, at);
    if (sequence) {
      const [whole, parameters, between, final] = sequence;
      if (final && !between) this.#obey(final, parameters);
      return at + whole.length;
    }
    const [broken] = match(BROKEN, input, at);
    if (at + broken.length === input.length && broken.length < PENDING)
      this.#pending = broken;
    return at + broken.length;
  }

  /** Read on in a string. Of one that does not end, only the beginning is kept. */
  #collect(input, at) {
    STRING_END.lastIndex = at;
    const end = STRING_END.exec(input);
    const escape = !end && input.endsWith("\x1b") ? 1 : 0; // half of an end, perhaps
    const until = end ? end.index : input.length - escape;
    const room = Math.max(0, PENDING - this.#string.length);
    this.#string += input.slice(at, Math.min(until, at + room));
    if (escape) this.#pending = "\x1b";
    if (!end) return input.length;
    this.#endString();
    return end.index + end[0].length;
  }

  /* Of all strings only links are of use here: `8;parameters;address`. */
  #endString() {
    const link = /^8;[^;]*;(.*)$/s.exec(this.#string);
    if (link) this.#pen = this.#pen.with({ link: safe(link[1]) });
    this.#string = null;
  }

  #control(sign) {
    if (sign === "\n" || sign === "\v" || sign === "\f") this.#newLine();
    else if (sign === "\r") this.#column = 0;
    else if (sign === "\b") this.#column = Math.max(0, this.#column - 1);
    else if (sign === "\t") this.#put(sign);
  }

  #obey(final, parameters) {
    if (final === "m" && /^[\d;:]*$/.test(parameters))
      this.#pen = select(this.#pen, parameters);
    if (!/^[\d;]*$/.test(parameters)) return;
    const [first, second] = parameters.split(";").map(Number);
    const count = first || 1;
    if (final === "A") this.#moveTo(this.#row - count, this.#column);
    else if (final === "B") this.#moveTo(this.#row + count, this.#column);
    else if (final === "C") this.#moveTo(this.#row, this.#column + count);
    else if (final === "D") this.#moveTo(this.#row, this.#column - count);
    else if (final === "E") this.#moveTo(this.#row + count, 0);
    else if (final === "F") this.#moveTo(this.#row - count, 0);
    else if (final === "G") this.#moveTo(this.#row, count - 1);
    else if (final === "H" || final === "f") this.#goTo(count - 1, (second || 1) - 1);
    else if (final === "K") this.#eraseLine(first);
    else if (final === "J") this.#eraseScreen(first);
  }

  /* Writing */

  #put(text) {
    const line = this.#line;
    let added = 0;
    for (const sign of text) {
      if (sign >= "\u0300" && COMBINING.test(sign) && this.#pileUp(line, sign)) continue;
      while (line.signs.length < this.#column) {
        line.signs.push(" ");
        line.pens.push(PLAIN);
        added++;
      }
      if (this.#column === line.signs.length) added++;
      line.signs[this.#column] = sign;
      line.pens[this.#column] = this.#pen;
      this.#column++;
      if (line.signs.length > 2 * this.#limits.line) {
        this.#grow(line, added);
        added = 0;
        this.#shorten(line);
      }
    }
    this.#grow(line, added);
  }

  /** Set an accent over the character before it. */
  #pileUp(line, sign) {
    const before = line.signs[this.#column - 1];
    if (before === undefined) return false;
    if (before.length < PILED) line.signs[this.#column - 1] = before + sign;
    line.chunk.isStale = true;
    return true;
  }

  #grow(line, added) {
    line.chunk.isStale = true;
    line.chunk.size += added;
    this.size += added;
  }

  #truncate(line, length) {
    const removed = Math.max(0, line.signs.length - length);
    line.signs.length -= removed;
    line.pens.length -= removed;
    if (length === 0) line.cut = 0;
    this.#grow(line, -removed);
  }

  #newLine() {
    this.#column = 0;
    this.#shorten(this.#line);
    if (++this.#row < this.#rows.length) return;
    this.#addLine();
    if (this.#rows.length > ROWS) this.#rows.shift();
    this.#row = this.#rows.length - 1;
    if (this.#lines > 2 * this.#limits.lines) this.#trim();
  }

  #addLine() {
    let chunk = this.chunks.at(-1);
    if (chunk) chunk.isStale = true; // its last line now ends
    if (!chunk || chunk.lines.length >= CHUNK.lines || chunk.size >= CHUNK.characters)
      this.chunks.push((chunk = new Chunk()));
    const line = new Line(chunk);
    chunk.lines.push(line);
    this.#rows.push(line);
    this.#lines++;
  }

  #removeLine() {
    const line = this.#rows.pop();
    this.#truncate(line, 0);
    line.chunk.lines.pop();
    this.#lines--;
    if (!line.chunk.lines.length) this.chunks.pop().isGone = true;
    this.chunks.at(-1).isStale = true;
  }

  #moveTo(row, column) {
    const last = this.#rows.length - 1;
    this.#row = Math.max(0, Math.min(row, last));
    const end = this.#line.signs.length + COLUMNS;
    this.#column = Math.max(0, Math.min(column, end));
  }

  /** Go to a place of the screen, which may be below the last line. */
  #goTo(row, column) {
    while (this.#rows.length <= Math.min(row, ROWS - 1)) this.#addLine();
    this.#moveTo(row, column);
  }

  #eraseLine(which) {
    const line = this.#line;
    if (which === 2) return this.#truncate(line, 0);
    if (which !== 1) return this.#truncate(line, this.#column);
    const end = Math.min(this.#column + 1, line.signs.length);
    line.signs.fill(" ", 0, end);
    line.pens.fill(PLAIN, 0, end);
    line.chunk.isStale = true;
  }

  /* Who clears the screen draws it anew, mostly many times: nothing of it is kept. */
  #eraseScreen(which) {
    if (which === 2 || which === 3) return this.#startAnew();
    if (which === 1) {
      for (const line of this.#rows.slice(0, this.#row)) this.#truncate(line, 0);
      return this.#eraseLine(1);
    }
    while (this.#rows.length - 1 > this.#row) this.#removeLine();
    this.#truncate(this.#line, this.#column);
  }

  #startAnew() {
    for (const chunk of this.chunks.splice(0)) chunk.isGone = true;
    this.cut = { lines: 0, characters: 0 };
    this.size = this.#lines = this.#row = this.#column = 0;
    this.#rows = [];
    this.#addLine();
  }

  /* Forgetting */

  #trim() {
    const { lines, characters } = this.#limits;
    while (this.chunks.length > 1 && (this.#lines > lines || this.size > characters))
      this.#forgetChunk();
  }

  #forgetChunk() {
    const chunk = this.chunks.shift();
    chunk.isGone = true;
    const count = chunk.lines.length;
    const before = chunk.lines.reduce((sum, line) => sum + line.cut, 0);
    this.cut.lines += count;
    this.cut.characters += chunk.size + before;
    this.size -= chunk.size;
    this.#lines -= count;
    const reachable = this.#rows.findIndex((line) => line.chunk !== chunk);
    this.#rows.splice(0, reachable);
    this.#row = Math.max(0, this.#row - reachable);
  }

  /* Of a long line the end is kept. It is cut by a quarter at a time: to move all its
     cells for each new one would cost ten thousand times as much. */
  #shorten(line) {
    const limit = this.#limits.line;
    if (line.signs.length <= limit) return;
    const excess = line.signs.length - Math.ceil(limit * 0.75);
    line.signs.splice(0, excess);
    line.pens.splice(0, excess);
    line.cut += excess;
    this.#grow(line, -excess);
    if (line === this.#line) this.#column = Math.max(0, this.#column - excess);
  }
}

function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** An address that may become a link; else null. */
function safe(address) {
  return /^https?:\/\/[\x21-\x7e]+$/i.test(address) ? address : null;
}
