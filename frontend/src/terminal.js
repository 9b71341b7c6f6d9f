/* Text as a terminal shows it, drawn into a <pre>. */

import { PLAIN, look } from "./pen.js";
import { Screen } from "./screen.js";

/* What drawing has cost since the page was loaded; tests bound it. */
export const work = { draws: 0, nodes: 0, characters: 0 };

const number = (count) => count.toLocaleString("en");

/** A <pre> that is written to bit by bit, and drawn when `draw` is called. */
export class Terminal {
  #screen = new Screen();
  #nodes = new Map(); // chunk -> its node
  #runs = new Map(); // a changed chunk -> how it will be drawn
  #counts = new WeakMap(); // chunk -> how many nodes it has
  #cut = null; // the line that says what is not kept
  #follows = true; // the reader looks at the end

  constructor() {
    this.pre = document.createElement("pre");
    this.pre.tabIndex = 0;
    this.pre.addEventListener("scroll", () => this.#noteScroll(), { passive: true });
  }

  /** How much is kept, in characters. */
  get size() {
    return this.#screen.size;
  }

  write(text) {
    this.#screen.write(text);
  }

  /** Bring the page up to what was written: only what has changed is drawn. */
  draw() {
    const { chunks } = this.#screen;
    const last = chunks.at(-1);
    for (const chunk of chunks)
      if (chunk.isStale) this.#runs.set(chunk, compose(chunk, chunk === last));
    this.#screen.trimNodes(
      (chunk) => this.#runs.get(chunk)?.length ?? this.#counts.get(chunk)
    );
    this.#forget();
    for (const [chunk, runs] of this.#runs) if (!chunk.isGone) this.#fill(chunk, runs);
    this.#runs.clear();
    this.#tellCut();
  }

  /** Show the end, unless the reader has scrolled away from it. */
  follow() {
    if (this.#follows) this.pre.scrollTop = 1e9; // as far as it goes
  }

  #forget() {
    for (const [chunk, node] of this.#nodes) {
      if (!chunk.isGone) continue;
      node.remove();
      this.#nodes.delete(chunk);
    }
  }

  #fill(chunk, runs) {
    let node = this.#nodes.get(chunk);
    if (!node) {
      node = document.createElement("span");
      node.className = "live-chunk";
      this.#nodes.set(chunk, node);
      this.pre.append(node);
    }
    node.replaceChildren(...runs.map(toNode));
    chunk.isStale = false;
    this.#counts.set(chunk, runs.length);
    work.nodes += runs.length;
    work.characters += chunk.size;
  }

  #tellCut() {
    const { lines, characters } = this.#screen.cut;
    if (!lines) {
      this.#cut?.remove();
      this.#cut = null;
      return;
    }
    this.#cut ??= document.createElement("span");
    this.#cut.className = "live-cut";
    this.#cut.textContent =
      `… ${number(lines)} earlier ${lines === 1 ? "line is" : "lines are"} not kept ` +
      `(${number(characters)} characters)\n`;
    if (!this.#cut.parentNode) this.pre.prepend(this.#cut);
  }

  #noteScroll() {
    const { scrollTop, clientHeight, scrollHeight } = this.pre;
    this.#follows = scrollHeight - scrollTop - clientHeight < 8;
  }
}

/** The stretches of a chunk that look alike, as [pen, text]. */
function compose(chunk, isLast) {
  const runs = [];
  let pen = null;
  let text = "";
  const end = () => text && runs.push([pen, text]);
  const add = (next, sign) => {
    if (next !== pen && next.key !== pen?.key) {
      end();
      [pen, text] = [next, ""];
    }
    text += sign;
  };
  const ends = isLast ? chunk.lines.length - 1 : chunk.lines.length;
  chunk.lines.forEach(({ signs, pens, cut }, index) => {
    if (cut) add(CUT, `[… ${number(cut)} characters of this line are not kept …] `);
    for (let at = 0; at < signs.length; at++) add(pens[at], signs[at]);
    if (index < ends) add(PLAIN, "\n");
  });
  end();
  return runs;
}

const CUT = { key: "cut" };

function toNode([pen, text]) {
  if (pen.isPlain) return document.createTextNode(text);
  const link = pen.state?.link;
  const node = document.createElement(link ? "a" : "span");
  node.textContent = text;
  if (pen === CUT) {
    node.className = "live-cut";
    return node;
  }
  if (link) Object.assign(node, { href: link, target: "_blank", rel: "noreferrer" });
  const { classes, colours } = look(pen, text);
  if (classes.length) node.className = classes.join(" ");
  const named = Object.entries(colours);
  for (const [name, colour] of named) node.style.setProperty(`--${name}`, colour);
  if (named.length) node.dataset.colour = Object.keys(colours).join(" ");
  return node;
}

/** The whole of a text with escape codes, as a <pre>. */
export function terminal(text) {
  const shown = new Terminal();
  shown.write(text);
  shown.draw();
  return shown.pre;
}
