/* The live page: its cells, one kernel, and the queue between them.

   `start(page)` is called once, by book/_static/live.js, when the reader first runs or
   edits a cell. `page` holds what that script has drawn: the cells with their buttons,
   the bar with the kernel's state, and the functions that draw more. */

import styles from "./cells.css";
import { Kernel, Server, Trouble } from "./kernel.js";
import { Outputs } from "./outputs.js";

const PATIENCE = 3000; // ms that Python may take to react to an interrupt

export function start(page) {
  const sheet = document.createElement("style");
  sheet.textContent = styles;
  document.head.append(sheet);
  return new LivePage(page);
}

class LivePage {
  #page;
  #kernel;
  #queue = []; // cells that wait
  #current = null; // the cell that runs
  #announced = ""; // the last state of the kernel
  #giveUp = null; // while a cell waits for the kernel: stop waiting
  #stop; // buttons in the bar
  #again;
  #anewButton;
  #displays = []; // Outputs of all cells: a display may be updated from another cell

  constructor(page) {
    this.#page = page;
    this.#kernel = new Kernel(new Server(page.root), notebook(page.root), {
      onState: (state, more) => this.#showState(state, more),
      onRestarted: () => this.#tellRestarted(),
    });
    this.#drawControls();
    this.#showState("not connected");
  }

  /* What the buttons do */

  /** Run a cell; or stop it, if it runs; or take it out of the queue. */
  run(cell) {
    if (cell === this.#current) return this.interrupt();
    if (this.#queue.includes(cell)) return this.#unqueue(cell);
    this.#enqueue([cell]);
  }

  /** Run a cell and go on to the next one. */
  runAndMove(cell) {
    if (cell !== this.#current && !this.#queue.includes(cell)) this.#enqueue([cell]);
    const next = this.#page.cells[this.#page.cells.indexOf(cell) + 1];
    if (!next) return;
    if (next.editor) return next.editor.focus();
    if (next.anchor.localName === "details") next.anchor.open = true;
    if (!next.pre.hasAttribute("tabindex")) next.pre.tabIndex = -1;
    next.pre.focus();
  }

  /** Run all cells above this one, in order; stop at the first surprise. */
  runAbove(cell) {
    const cells = this.#page.cells.slice(0, this.#page.cells.indexOf(cell));
    this.#enqueue(cells.filter((other) => !this.#isWaiting(other)));
  }

  /** Make the source editable; a click says where the cursor goes. */
  async edit(cell, click) {
    if (cell.anchor.localName === "details") cell.anchor.open = true;
    try {
      await this.#openEditor(cell);
    } catch {
      const again = ["Try again", () => this.edit(cell)];
      return this.#page.tell(cell, this.#page.words.unreachable, [again]);
    }
    cell.editor.focusAt(click);
  }

  async #openEditor(cell) {
    const { open } = await import("./editor.js");
    if (cell.editor) return;
    open(cell, {
      run: () => this.#isWaiting(cell) || this.#enqueue([cell]),
      runAndMove: () => this.runAndMove(cell),
      changed: () => this.#noteEdit(cell),
      complete: (code, cursor) => this.#kernel.complete(code, cursor),
    });
  }

  /** Put the reader's edits back that were made before the page was loaded again. */
  async restore() {
    for (const [number, original, text] of this.#recall()) {
      const cell = this.#page.cells[number - 1];
      if (cell?.source() !== original) continue; // the book has changed since
      await this.#openEditor(cell);
      cell.editor.write(text);
    }
  }

  #recall() {
    return JSON.parse(sessionStorage.getItem(this.#page.memory) ?? "[]");
  }

  #remember() {
    const edited = this.#page.cells.filter((cell) => cell.edited);
    const kept = edited.map((cell) => [cell.number, cell.original, cell.source()]);
    try {
      if (kept.length) sessionStorage.setItem(this.#page.memory, JSON.stringify(kept));
      else sessionStorage.removeItem(this.#page.memory);
    } catch {
      // No storage: the edits live as long as the page.
    }
  }

  async interrupt() {
    const cell = this.#current;
    const forget = cell?.forget; // a new one with every run
    this.#emptyQueue();
    if (this.#giveUp) return this.#giveUp(true);
    try {
      await this.#kernel.interrupt();
    } catch (error) {
      if (cell) this.#explain(cell, error);
      return;
    }
    setTimeout(() => {
      if (!cell || cell !== this.#current || cell.forget !== forget) return;
      this.#page.tell(
        cell,
        "Python has not reacted yet: it may be inside a call that cannot be " +
          "interrupted.",
        [["Restart Python", () => this.restart()]]
      );
    }, PATIENCE);
  }

  /** A new Python. Resolves with whether it stands. */
  async restart() {
    this.#emptyQueue();
    try {
      await this.#kernel.restart();
    } catch (error) {
      this.#explain(this.#current ?? this.#nearest(), error);
      return false;
    }
    this.#announce("A new Python is ready");
    return true;
  }

  /* The queue */

  #isWaiting(cell) {
    return cell === this.#current || this.#queue.includes(cell);
  }

  #enqueue(cells) {
    for (const cell of cells) {
      cell.notice?.remove();
      this.#queue.push(cell);
      this.#note(cell, "queued");
      this.#page.dress(cell.run, "wait", `Cell ${cell.number} is queued. Take it out`);
      cell.root.dataset.live = "queued";
    }
    this.#work();
  }

  #unqueue(cell) {
    this.#queue.splice(this.#queue.indexOf(cell), 1);
    this.#rest(cell, "not run");
  }

  #emptyQueue() {
    for (const cell of this.#queue.splice(0)) this.#rest(cell, "not run");
  }

  async #work() {
    if (this.#current) return;
    while (this.#queue.length) {
      const cell = (this.#current = this.#queue.shift());
      try {
        await this.#execute(cell);
      } catch (error) {
        this.#rest(cell, "not run");
        this.#emptyQueue();
        this.#explain(cell, error);
      }
      this.#current = null;
    }
  }

  /** Run one cell to its end. */
  async #execute(cell) {
    this.#begin(cell);
    if (this.#kernel.state === "disconnected") this.#page.tell(cell, WORDS.away);
    const givenUp = new Promise((resolve) => (this.#giveUp = resolve));
    try {
      const ended = await Promise.race([this.#kernel.ready(), givenUp]);
      if (ended) return this.#rest(cell, "not run");
    } finally {
      this.#giveUp = null;
    }
    cell.notice?.remove();
    const outputs = this.#prepareOutputs(cell);
    const clock = this.#startClock(cell);
    cell.forget?.();
    const code = cell.source();
    try {
      const { done, forget } = await this.#kernel.execute(code, (message) =>
        this.#receive(cell, outputs, message)
      );
      cell.forget = forget;
      const reply = await done;
      this.#end(cell, outputs, reply, clock.elapsed());
    } finally {
      clock.stop();
    }
  }

  #receive(cell, outputs, message) {
    const { msg_type: type } = message.header;
    if (type === "input_request") return this.#ask(cell, outputs, message);
    if (type === "execute_input") cell.count = message.content.execution_count;
    if (type === "update_display_data") {
      const { data, metadata, transient } = message.content;
      for (const shown of this.#displays)
        shown.changeDisplay(transient?.display_id, data, metadata ?? {});
    } else outputs.receive(message);
  }

  #begin(cell) {
    cell.root.dataset.live = "running";
    this.#page.dress(cell.run, "stop", `Stop cell ${cell.number}`);
    this.#note(cell, this.#kernel.state === "idle" ? "" : "waiting for Python");
    this.#announce(`Cell ${cell.number} runs`);
  }

  #end(cell, outputs, reply, elapsed) {
    outputs.finish();
    const interrupted = reply.ename === "KeyboardInterrupt";
    const word = { ok: "", error: interrupted ? "stopped" : "error" }[reply.status];
    this.#rest(cell, [word ?? "not finished", elapsed].filter(Boolean).join(", "));
    this.#tellEnd(cell, reply.status);
    this.#announce(
      reply.status === "ok"
        ? `Cell ${cell.number} is done`
        : `Cell ${cell.number}: ${reply.ename ?? "not finished"}`
    );
    if (reply.status === "ok" || (reply.status === "error" && mayFail(cell))) return;
    for (const waiting of this.#queue.splice(0)) this.#rest(waiting, "not run");
  }

  async #tellEnd(cell, status) {
    if (!(status in AFTER)) return;
    const why = status === "dead" ? await this.#kernel.obituary() : "";
    const again = status === "restarted" ? [] : [this.#anew(cell, status)];
    this.#page.tell(cell, [AFTER[status], why].filter(Boolean).join(" "), again);
  }

  #rest(cell, words) {
    delete cell.root.dataset.live;
    this.#page.dress(cell.run, "run", `Run cell ${cell.number}`);
    cell.container?.classList.remove("live-stale");
    this.#note(cell, words);
    if (cell.unwanted) this.#reset(cell);
  }

  /* What is shown */

  /** The line between a cell's source and its outputs. */
  #note(cell, words) {
    if (!cell.note) {
      cell.note = this.#page.element("div", "live-note");
      cell.words = this.#page.element("span", "live-words");
      const reset = this.#page.element("button", "live-reset", "Reset");
      reset.type = "button";
      reset.title = "Back to the book’s code and output";
      reset.addEventListener("click", () => this.#reset(cell));
      cell.note.append(cell.words, reset);
      cell.anchor.after(cell.note);
    }
    cell.state = words;
    const parts = [cell.count && `[${cell.count}]`, words, cell.edited && "edited"];
    cell.words.textContent = parts.filter(Boolean).join(" · ");
  }

  #noteEdit(cell) {
    cell.edited = cell.source() !== cell.original;
    if (cell.edited || cell.note) this.#note(cell, cell.state ?? "");
    this.#remember();
  }

  #startClock(cell) {
    const began = performance.now();
    const elapsed = () => {
      const seconds = (performance.now() - began) / 1000;
      return seconds < 0.5 ? "" : `${seconds.toFixed(1)} s`;
    };
    const timer = setInterval(() => {
      const asks = cell.container.querySelector(".live-input");
      this.#note(cell, asks ? "waits for your answer" : `running ${elapsed()}`.trim());
    }, 100);
    return { elapsed, stop: () => clearInterval(timer) };
  }

  /** Keep the old output, dimmed, until a new one begins. */
  #prepareOutputs(cell) {
    const { root } = cell;
    cell.container ??= root.querySelector(".cell_output");
    if (!cell.container) {
      cell.container = this.#page.element("div", "cell_output docutils container");
      root.append(cell.container);
    }
    const { container } = cell;
    cell.stored ??= [...container.childNodes];
    container.classList.add("live-stale");
    const details = container.closest("details");
    const outputs = new Outputs(container, () => {
      if (details) details.open = true;
      container.style.minHeight = `${container.offsetHeight}px`; // no jump
      container.classList.remove("live-stale");
      container.replaceChildren();
    });
    outputs.finish = () => {
      outputs.flush();
      if (!outputs.begun) container.replaceChildren();
      container.querySelector(".live-input")?.remove();
      container.style.minHeight = "";
    };
    this.#displays = this.#displays.filter((other) => other.node !== container);
    this.#displays.push(outputs);
    return outputs;
  }

  /** A small form for input(). */
  #ask(cell, outputs, message) {
    const { prompt, password } = message.content;
    const form = this.#page.element("form", "live-input");
    const label = document.createElement("label");
    const field = document.createElement("input");
    field.type = password ? "password" : "text";
    field.autocomplete = "off";
    field.autocapitalize = "none";
    field.spellcheck = false;
    label.append(prompt || "Input", field);
    const send = this.#page.element("button", "live-choice", "Enter");
    form.append(label, send);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      form.remove();
      const shown = password ? "•".repeat(field.value.length) : field.value;
      const text = `${prompt}${shown}\n`;
      outputs.receive({
        header: { msg_type: "stream" },
        content: { name: "stdout", text },
      });
      message.answer(field.value);
    });
    outputs.add(form);
    field.focus();
    this.#announce(`Cell ${cell.number} asks: ${prompt}`);
  }

  /** Back to what the book says. */
  #reset(cell) {
    cell.unwanted = this.#isWaiting(cell) && cell.root.dataset.live;
    if (cell.unwanted) return this.run(cell); // ends it, and comes back here
    cell.editor?.close();
    cell.edited = false;
    this.#remember();
    cell.count = null;
    cell.notice?.remove();
    cell.note.remove();
    cell.note = null;
    if (cell.stored) cell.container.replaceChildren(...cell.stored);
    cell.run.focus({ preventScroll: true });
  }

  /* The bar */

  #drawControls() {
    const page = this.#page;
    const { button } = page;
    this.#stop = button("stop", "Stop what runs", () => this.interrupt());
    this.#again = button("restart", "Restart Python", () => this.restart());
    this.#anewButton = page.element("button", "live-choice", "Start a new Python");
    this.#anewButton.type = "button";
    this.#anewButton.addEventListener("click", () => this.restart());
    page.announcer.before(this.#stop, this.#again, this.#anewButton);
  }

  #showState(state, more) {
    this.#page.state(state, more);
    this.#stop.hidden = state !== "busy";
    this.#again.hidden = !["idle", "busy"].includes(state);
    this.#anewButton.hidden = state !== "dead";
    const isNews = state !== this.#announced;
    this.#announced = state;
    if (isNews && ["dead", "disconnected", "restarting"].includes(state))
      this.#announce(`Python: ${state}`);
  }

  #announce(text) {
    this.#page.announcer.textContent = text;
  }

  /* What went wrong, and what to do about it */

  async #explain(cell, error) {
    const kind = error instanceof Trouble ? error.kind : "server";
    if (!(error instanceof Trouble)) console.error(error);
    const sentence = this.#page.words[kind] ?? WORDS[kind] ?? WORDS.server;
    let detail = ["server", "full"].includes(kind) ? error.detail : "";
    if (kind === "dead") detail = await this.#kernel.obituary();
    const again = ["Try again", () => this.#enqueue([cell])];
    const choices = { static: [], dead: [this.#anew(cell)] }[kind] ?? [again];
    this.#page.tell(cell, detail ? `${sentence} (${detail})` : sentence, choices);
    if (kind === "static") this.#offerBinder(cell);
  }

  #anew(cell, status) {
    if (status === "lost") return ["Run it again", () => this.#enqueue([cell])];
    return [
      "Start a new Python and run this cell",
      async () => (await this.restart()) && this.#enqueue([cell]),
    ];
  }

  /* The theme links to Binder where the book's configuration names one. */
  #offerBinder(cell) {
    const link = document.querySelector('a[rel~="binder"]');
    if (!link) return;
    const offer = link.cloneNode(true);
    offer.className = "live-choice";
    cell.notice.append(offer);
  }

  #tellRestarted() {
    const cell = this.#current ?? this.#nearest();
    if (cell && !this.#current) this.#page.tell(cell, WORDS.anew);
  }

  /** The cell that is in view: a place for a message that belongs to none. */
  #nearest() {
    const below = (cell) => cell.root.getBoundingClientRect().bottom > 80;
    return this.#page.cells.find(below) ?? this.#page.cells.at(-1);
  }
}

const WORDS = {
  static:
    "This is a published copy of the book, with no Python behind it. To run its " +
    "cells, clone the book’s repository and type `make serve` there.",
  slow: "The book’s server took longer than two seconds to answer.",
  full:
    "The server runs as many Pythons as it may. Close another page of the book, or " +
    "wait until an idle one is ended.",
  dead: "This page’s Python has ended, and its variables with it.",
  server: "The server could not do this.",
  away: "The connection is lost. The cell runs as soon as it is back.",
  anew: "Python was started anew. Its variables are gone.",
};

const AFTER = {
  dead: "Python died while this cell ran. Its variables are gone.",
  restarted: "Python was restarted before this cell was done.",
  lost:
    "The connection was lost while this cell ran. Some of its output may be missing.",
};

/* A chapter shows errors on purpose; then "run all" goes on. */
function mayFail(cell) {
  const before = cell.stored ?? [];
  return (
    cell.root.classList.contains("tag_raises-exception") ||
    before.some((node) => node.classList?.contains("traceback"))
  );
}

/** The notebook that this page was made of: the session is called by it. */
function notebook(root) {
  const path = decodeURIComponent(location.pathname.slice(root.pathname.length));
  return path.replace(/\.html$/, "").replace(/(^|\/)$/, "$1index") + ".ipynb";
}
