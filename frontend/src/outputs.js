/* What a cell shows: the kernel's messages, in the markup of the book's stored outputs
   (so that one style sheet fits both).

   A message only changes what is to be shown, which is cheap and has limits; the page
   is drawn once a frame, or when `flush` is called. */

import * as frames from "./frames.js";
import { block, draw } from "./mime.js";
import { enter, hint } from "./mishaps.js";
import { Terminal, terminal, work } from "./terminal.js";

export const LIMITS = {
  blocks: 200, // outputs of one cell
  weight: 20_000_000, // characters of data; text weighs more, for its cells
  nodes: 50_000, // elements of the page
};
const TEXT_WEIGHT = 20; // what a character of a stream costs, against one of data

/* Each kind of output knows what it weighs and how to bring its node up to date. */

class Stream {
  isStale = true;
  #terminal = new Terminal();

  constructor(name) {
    this.name = name;
    this.node = block(name === "stderr" ? "stderr" : "stream", this.#terminal.pre);
  }

  get weight() {
    return this.#terminal.size * TEXT_WEIGHT;
  }

  write(text) {
    this.#terminal.write(text);
    this.isStale = true;
  }

  draw() {
    this.#terminal.draw();
    return this.node;
  }

  follow() {
    this.#terminal.follow();
  }
}

class Display {
  isStale = true;

  constructor(data, metadata) {
    this.change(data, metadata);
  }

  change(data, metadata) {
    Object.assign(this, { data, metadata, isStale: true });
    this.weight = weigh(data);
  }

  draw() {
    return draw(this.data, this.metadata);
  }
}

class Failure {
  isStale = true;

  constructor({ traceback, ename, evalue }) {
    this.text = traceback?.length ? traceback.join("\n") : `${ename}: ${evalue}`;
    this.weight = this.text.length;
  }

  draw() {
    return block("traceback", terminal(this.text));
  }
}

class Element {
  isStale = false;
  weight = 0;

  constructor(node) {
    this.node = node;
  }
}

/** A block of outputs in `node`. `onBegin` is called when the first one comes. */
export class Outputs {
  static work = work;

  #shown = []; // what there is to show, oldest first
  #removed = new Set(); // nodes to take out of the page
  #displays = new Map(); // display_id -> the Displays that update_display_data changes
  #cut = 0; // outputs that are not kept
  #cutCharacters = 0; // characters of text that the server did not keep
  #cutLine = null;
  #clearNext = false;
  #begun = false;

  constructor(node, onBegin) {
    this.node = node;
    this.onBegin = onBegin;
  }

  get begun() {
    return this.#begun;
  }

  receive({ header, content }) {
    const { msg_type: type } = header;
    if (type === "stream") this.#write(content);
    else if (type === "execute_result" || type === "display_data") this.#show(content);
    else if (type === "update_display_data") this.#update(content);
    else if (type === "clear_output") this.#clear(content);
    else if (type === "error") this.#push(new Failure(content));
  }

  /** Show what an array of messages says, and draw it as one. `cut` is how many
      characters and outputs before them were not kept. */
  replay(messages, cut = { characters: 0, outputs: 0 }) {
    for (const message of messages) this.receive(message);
    this.#cut += cut.outputs;
    this.#cutCharacters = cut.characters;
    this.flush();
  }

  /** Put any element after what is there, at once. */
  add(element) {
    this.#push(new Element(element));
    this.flush();
    return element;
  }

  /** Show something else in the outputs of a display_id. */
  changeDisplay(id, data, metadata) {
    const displays = this.#displays.get(id);
    if (!displays) return;
    for (const display of displays) display.change(data, metadata);
    frames.ask(this);
  }

  /** Start from nothing: what the book or an earlier run shows goes too. */
  clear() {
    this.#begin();
    this.#clearNext = false;
    this.#empty();
  }

  /** Draw now what has changed. */
  flush() {
    frames.forget(this);
    this.draw();
  }

  /** Nothing of this will be drawn any more. */
  dispose() {
    frames.forget(this);
    this.#shown = [];
    this.#displays.clear();
  }

  /* What is to be shown */

  #begin() {
    if (this.#begun) return;
    this.#begun = true;
    this.onBegin();
  }

  #prepare() {
    this.#begin();
    if (!this.#clearNext) return;
    this.#clearNext = false;
    this.#empty();
  }

  #push(output) {
    this.#prepare();
    this.#shown.push(output);
    this.#trim();
    frames.ask(this);
  }

  #write({ name, text }) {
    this.#prepare();
    if (this.#shown.at(-1)?.name !== name) this.#push(new Stream(name));
    this.#shown.at(-1).write(text);
    frames.ask(this);
  }

  #show({ data, metadata = {}, transient = {} }) {
    const display = new Display(data, metadata);
    this.#push(display);
    const id = transient.display_id;
    if (!id) return;
    display.id = id;
    if (!this.#displays.has(id)) this.#displays.set(id, new Set());
    this.#displays.get(id).add(display);
  }

  #update({ data, metadata = {}, transient = {} }) {
    this.changeDisplay(transient.display_id, data, metadata);
  }

  #clear({ wait }) {
    if (wait) this.#clearNext = true;
    else this.clear();
  }

  #empty() {
    for (const output of this.#shown.splice(0)) this.#forget(output);
    this.#cut = this.#cutCharacters = 0;
    frames.ask(this);
  }

  #forget(output) {
    if (output.node) this.#removed.add(output.node);
    const alike = this.#displays.get(output.id);
    alike?.delete(output);
    if (alike?.size === 0) this.#displays.delete(output.id);
  }

  /* The oldest go when there are too many, or when together they are too much. */
  #trim() {
    if (this.#shown.length > LIMITS.blocks) this.#cutOldest();
    let weight = this.#shown.reduce((sum, output) => sum + output.weight, 0);
    while (weight > LIMITS.weight && this.#shown.length > 1) {
      weight -= this.#shown[0].weight;
      this.#cutOldest();
    }
  }

  #cutOldest() {
    this.#forget(this.#shown.shift());
    this.#cut++;
  }

  /* Drawing */

  draw() {
    work.draws++;
    for (const node of this.#removed) node.remove();
    this.#removed.clear();
    const stale = this.#shown.filter((output) => output.isStale || !output.isPlaced);
    for (const output of stale) this.#place(output);
    for (const output of stale) output.follow?.();
    this.#trimNodes();
    this.#tellCut();
  }

  #place(output) {
    const old = output.node;
    if (output.isStale) output.node = output.draw();
    output.isStale = false;
    const { node } = output;
    if (!output.isPlaced) enter(node, () => this.node.append(node));
    else if (old !== node) enter(node, () => old.replaceWith(node));
    output.isPlaced = true;
  }

  #trimNodes() {
    const counts = this.#shown.map(({ node }) => node.getElementsByTagName("*").length);
    let nodes = counts.reduce((sum, count) => sum + count, 0);
    for (const count of counts) {
      if (nodes <= LIMITS.nodes || this.#shown.length < 2) break;
      nodes -= count;
      this.#shown[0].node.remove();
      this.#cutOldest();
    }
    this.#removed.clear();
  }

  #tellCut() {
    this.#cutLine?.remove();
    const lost = [
      counted(this.#cut, "earlier output"),
      counted(this.#cutCharacters, "earlier character"),
    ].filter(Boolean);
    if (!lost.length) return;
    this.#cutLine = hint(`… not kept: ${lost.join(", ")}`);
    this.#cutLine.classList.add("live-cut");
    this.node.prepend(this.#cutLine);
  }
}

const counted = (count, what) =>
  count && `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;

/** The characters of a bundle of data, roughly. */
function weigh(data) {
  return Object.values(data ?? {}).reduce(
    (sum, value) =>
      sum + (typeof value === "string" ? value.length : JSON.stringify(value).length),
    0
  );
}
