/* What a cell shows: the kernel's messages, in the markup of the book's stored outputs
   (so that one style sheet fits both). */

import { typeset } from "./math.js";
import { Terminal, terminal } from "./terminal.js";

/* The first of these that a message offers is shown. */
const RICHEST_FIRST = [
  ["application/vnd.jupyter.widget-view+json", widget],
  ["application/javascript", script],
  ["text/html", html],
  ["image/svg+xml", html],
  ["image/png", picture],
  ["image/jpeg", picture],
  ["image/gif", picture],
  ["image/webp", picture],
  ["text/markdown", markdown],
  ["text/latex", latex],
  ["application/json", json],
  ["text/plain", plain],
];

/** A block of outputs in `node`. `onBegin` is called when the first one comes. */
export class Outputs {
  #stream = null;
  #clearNext = false;
  #displays = new Map(); // display_id -> blocks to change by update_display_data
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
    else if (type === "error") this.#error(content);
  }

  /** Put any element after what is there. */
  add(block) {
    this.#prepare();
    this.#stream = null;
    this.node.append(block);
    return block;
  }

  clear() {
    this.#prepare();
    this.node.replaceChildren();
    this.#stream = null;
  }
  sayCut(characters, outputs) {
    this.add(plain(`… the beginning of this output was not kept (${characters} characters, ${outputs} outputs)`));
  }
  replay(messages) {
    for (const message of messages) this.receive(message);
  }
  flush() {}
  dispose() {}

  #prepare() {
    if (!this.#begun) {
      this.#begun = true;
      this.onBegin();
    }
    if (!this.#clearNext) return;
    this.#clearNext = false;
    this.node.replaceChildren();
    this.#stream = null;
  }

  #write({ name, text }) {
    this.#prepare();
    if (this.#stream?.name !== name) {
      const shown = new Terminal();
      shown.pre.tabIndex = 0;
      this.add(block(name === "stderr" ? "stderr" : "stream", shown.pre, true));
      this.#stream = { name, shown };
    }
    this.#stream.shown.write(text);
  }

  #show({ data, metadata = {}, transient = {} }) {
    const shown = this.add(render(data, metadata));
    const id = transient.display_id;
    if (id) this.#displays.set(id, [...(this.#displays.get(id) ?? []), shown]);
  }

  #update({ data, metadata = {}, transient = {} }) {
    this.changeDisplay(transient.display_id, data, metadata);
  }

  /** Show something else in the blocks of a display_id. */
  changeDisplay(id, data, metadata) {
    const fresh = (this.#displays.get(id) ?? []).map((old) => {
      const shown = render(data, metadata);
      old.replaceWith(shown);
      return shown;
    });
    if (fresh.length) this.#displays.set(id, fresh);
  }

  #clear({ wait }) {
    if (wait) this.#clearNext = true;
    else {
      this.#prepare();
      this.node.replaceChildren();
      this.#stream = null;
    }
  }

  #error({ traceback, ename, evalue }) {
    const text = traceback?.length ? traceback.join("\n") : `${ename}: ${evalue}`;
    const pre = terminal(text);
    pre.tabIndex = 0;
    this.add(block("traceback", pre, true));
  }
}

/** An output block as MyST-NB writes it. */
function block(kind, content, monospaced = false) {
  const outer = document.createElement("div");
  outer.className = `output ${kind}`;
  if (!monospaced) {
    outer.append(content);
    return outer;
  }
  outer.classList.add("live-text", "notranslate");
  const inner = document.createElement("div");
  inner.className = "highlight";
  inner.append(content);
  outer.append(inner);
  return outer;
}

function render(data, metadata) {
  const [type, draw] =
    RICHEST_FIRST.find(([name]) => name in data) ?? ["text/plain", plain];
  const source = data[type] ?? "";
  const content = Array.isArray(source) ? source.join("") : source;
  return draw(content, type, metadata[type] ?? {}, data);
}

/* A fragment made this way runs its scripts when it enters the page. */
function html(source) {
  const range = document.createRange();
  range.selectNode(document.body);
  return block("text_html", range.createContextualFragment(source));
}

function picture(source, type, { width, height }, data) {
  const image = new Image();
  image.src = `data:${type};base64,${source}`;
  image.alt = data["text/plain"] ?? "";
  if (width) image.width = width;
  if (height) image.height = height;
  return block("image_png", image);
}

function plain(source) {
  const pre = terminal(source);
  pre.tabIndex = 0;
  return block("text_plain", pre, true);
}

function latex(source) {
  const shown = document.createElement("div");
  shown.className = "math";
  shown.textContent = source;
  typeset(shown);
  return block("text_latex", shown);
}

function markdown(source) {
  const shown = document.createElement("div");
  shown.textContent = source;
  import("./markdown.js").then(({ toHtml }) => {
    shown.innerHTML = toHtml(source);
    if (/\$|\\[([]/.test(source)) typeset(shown);
  });
  return block("text_markdown", shown);
}

function json(source) {
  const value = typeof source === "string" ? JSON.parse(source) : source;
  return plain(JSON.stringify(value, null, 2));
}

/* As in Jupyter, the script finds its place in the page in `element`. */
function script(source) {
  const element = document.createElement("div");
  const runner = document.createElement("script");
  runner.textContent =
    `(function (element) {\n${source}\n})(document.currentScript.parentElement);`;
  element.append(runner);
  return block("text_html", element);
}

function widget(_, __, ___, data) {
  const note = plain(data["text/plain"] ?? "widget");
  const text = document.createElement("p");
  text.textContent =
    "This is an interactive widget (ipywidgets). The pages of this book do not draw " +
    "widgets; JupyterLab does.";
  note.prepend(text);
  return note;
}
