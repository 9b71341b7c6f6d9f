/* The live page: its cells, one kernel, and the queue between them.

   What runs, and what it has shown, the server knows (see kernel.js); the page draws
   it. Of its own it has the queue: cells that the reader has started and that wait for
   one another. A reload empties it.

   `start(page)` is called once, by book/_static/live.js, when the reader first runs or
   edits a cell. `page` holds what that script has drawn: the cells with their buttons,
   the bar with the kernel's state, and the functions that draw more. */

import styles from "./cells.css";
import { Kernel, Server, Trouble } from "./kernel.js";
import { Outputs } from "./outputs.js";
import { showPage } from "./pager.js";
import { askToken } from "./token.js";
import { terminal } from "./terminal.js";

const PATIENCE = 3000; // ms that Python may take to react to an interrupt
const TICK = 200; // ms between two looks at the clock

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
  #current = null; // the cell that the queue has given to the kernel
  #announced = ""; // the last state of the kernel
  #restarting = false; // because this page wants it
  #giveUp = null; // while a cell waits for the kernel: stop waiting
  #stop; // buttons in the bar
  #again;
  #anewButton;
  #cellsOfRuns = new Map(); // id of a run -> the cell that shows it
  #answers = []; // what the reader has typed into input(), for the arrow keys

  constructor(page) {
    this.#page = page;
    const server = new Server(page.root, () => page.token);
    this.#kernel = new Kernel(server, notebook(page.root), {
      state: (state, more) => this.#showState(state, more),
      greeting: (ids) => this.#noteGreeting(ids),
      run: (run) => this.#noteRun(run),
      output: (id, message) => this.#noteOutput(id, message),
      reply: (id, content) => this.#noteReply(id, content),
      trouble: (error) => this.#tellTrouble(error),
    });
    this.#drawControls();
    this.#showState("not connected");
    setInterval(() => this.#tick(), TICK);
    for (const name of ["online", "pageshow"])
      addEventListener(name, () => this.#kernel.check());
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.#kernel.check();
    });
  }

  /** The page was loaded again, or in a second tab: the reader's edits, and what the
      kernel does, if there is one. */
  async restore() {
    this.#restoreEdits();
    try {
      if (!(await this.#kernel.attach())) this.#page.forgetKernel();
    } catch (error) {
      if (error.kind !== "static")
        this.#explain(this.#nearest(), error, () => this.restore());
    }
  }

  /* What the buttons do */

  /** Run a cell; or stop it, if it runs; or take it out of the queue. */
  run(cell) {
    if (this.#queue.includes(cell)) return this.#unqueue(cell);
    if (this.#isWaiting(cell)) return this.interrupt();
    this.#enqueue([cell]);
  }

  /** Run a cell and go on to the next one. */
  runAndMove(cell) {
    if (!this.#isWaiting(cell)) this.#enqueue([cell]);
    const next = this.#page.cells[this.#page.cells.indexOf(cell) + 1];
    if (!next) return;
    const question = next.root.closest("[data-dd-waits]")?.dataset.ddWaits;
    if (question) return document.querySelector(`input[name="${question}"]`)?.focus();
    if (next.editor) return next.editor.focus();
    if (next.anchor.localName === "details") next.anchor.open = true;
    if (!next.pre.hasAttribute("tabindex")) next.pre.tabIndex = -1;
    next.pre.focus();
  }

  /** Run all cells above this one, in order; stop at the first surprise. */
  runAbove(cell) {
    this.#runUntil(this.#page.cells.indexOf(cell));
  }

  /** The same, and this one. */
  runToHere(cell) {
    this.#runUntil(this.#page.cells.indexOf(cell) + 1);
  }

  runAll() {
    this.#runUntil(this.#page.cells.length);
  }

  #runUntil(end) {
    const cells = this.#page.cells.slice(0, end);
    this.#enqueue(cells.filter((cell) => !this.#isWaiting(cell)));
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
      above: () => this.#page.cells.slice(0, this.#page.cells.indexOf(cell)).map(named),
      python: () => this.#python(),
      complete: (code, cursor) => this.#kernel.complete(code, cursor),
      inspect: (code, cursor, level) => this.#kernel.inspect(code, cursor, level),
      terminal,
    });
  }

  /** The kernel's state; its answer to an editor's question is no work of the reader's. */
  #python() {
    const { state } = this.#kernel;
    const runs = this.#page.cells.some((cell) => isActive(cell.execution));
    return state === "busy" && !runs ? "idle" : state;
  }

  /** Put the reader's edits back that were made before the page was loaded again. */
  async #restoreEdits() {
    const edits = this.#page.edits();
    for (const cell of this.#page.cells.filter(({ name }) => name in edits)) {
      const [original, text] = edits[cell.name];
      const show = async () => {
        await this.#openEditor(cell);
        cell.editor.write(text);
      };
      if (cell.source() === original) await show();
      else this.#offerOldEdit(cell, show);
    }
  }

  /** The book's code is not what it was when the reader changed it. */
  #offerOldEdit(cell, show) {
    const forget = () => this.#page.rememberEdit(cell.name, null);
    this.#page.tell(cell, WORDS.changed, [
      ["Show my version", show],
      ["Forget it", forget],
    ]);
  }

  async interrupt() {
    const cell = this.#page.cells.find((each) => each.execution && isActive(each.execution));
    this.#emptyQueue();
    if (this.#giveUp) return this.#giveUp(true);
    try {
      await this.#kernel.interrupt();
    } catch (error) {
      return this.#explain(cell ?? this.#nearest(), error, () => this.interrupt());
    }
    if (cell) setTimeout(() => this.#tellUnstopped(cell, cell.execution.id), PATIENCE);
  }

  /** Some time after Stop: say what is the matter, if the cell still runs. */
  async #tellUnstopped(cell, id) {
    if (cell.execution?.id !== id || !isActive(cell.execution)) return;
    const busy = await this.#kernel.isActive(id).catch(() => true);
    if (cell.execution?.id !== id || !isActive(cell.execution)) return;
    const restart = ["Restart Python", () => this.restart()];
    this.#page.tell(cell, busy ? WORDS.unstopped : WORDS.behind, busy ? [restart] : []);
    cell.stopNotice = true;
  }

  /** A new Python; then, if it stands, what has to be done with it. */
  async restart(after = () => {}) {
    this.#emptyQueue();
    this.#giveUp?.(true);
    this.#restarting = true;
    try {
      await this.#kernel.restart();
    } catch (error) {
      const retry = () => this.restart(after);
      return this.#explain(this.#current ?? this.#nearest(), error, retry);
    } finally {
      this.#restarting = false;
    }
    for (const cell of this.#page.cells) if (cell.isAboutPython) cell.notice.remove();
    this.#announce("A new Python is ready");
    after();
  }

  /* The queue */

  #isWaiting(cell) {
    return (
      cell === this.#current || this.#queue.includes(cell) || isActive(cell.execution)
    );
  }

  #enqueue(cells) {
    this.#page.rememberKernel();
    for (const cell of cells) {
      cell.notice?.remove();
      this.#queue.push(cell);
      this.#page.dress(cell.run, "wait", `Remove cell ${cell.number} from the queue`);
      cell.root.dataset.live = "queued";
    }
    this.#numberQueue();
    this.#work();
  }

  #numberQueue() {
    this.#queue.forEach((cell, place) => {
      this.#note(cell, place ? `queued behind ${place}` : "queued");
    });
  }

  #unqueue(cell) {
    this.#queue.splice(this.#queue.indexOf(cell), 1);
    this.#rest(cell, cell.count ? "not run again" : "not run");
    this.#numberQueue();
  }

  #emptyQueue() {
    for (const cell of this.#queue.splice(0))
      this.#rest(cell, cell.count ? "not run again" : "not run");
  }

  async #work() {
    if (this.#current) return;
    while (this.#queue.length) {
      const cell = (this.#current = this.#queue.shift());
      this.#numberQueue();
      try {
        await this.#execute(cell);
      } catch (error) {
        this.#rest(cell, "not run");
        this.#emptyQueue();
        this.#explain(cell, error, () => this.#enqueue([cell]));
      }
      this.#current = null;
    }
  }

  /** Run one cell to its end. */
  async #execute(cell) {
    this.#begin(cell);
    const givenUp = new Promise((resolve) => (this.#giveUp = resolve));
    try {
      const ended = await Promise.race([this.#kernel.ready(), givenUp]);
      if (ended) return this.#rest(cell, "not run");
    } finally {
      this.#giveUp = null;
    }
    cell.notice?.remove();
    const code = cell.source();
    const { id, done } = await this.#kernel.execute(code, cell.name);
    cell.ran = code;
    this.#adopt(cell, { id, state: "queued" });
    const run = await done;
    if (cell.execution?.id === id && isActive(cell.execution)) this.#noteEnd(cell, run);
    if (run.status === "ok" || (run.status === "error" && mayFail(cell))) return;
    this.#emptyQueue();
  }

  #begin(cell) {
    cell.root.dataset.live = "running";
    cell.waits = performance.now();
    this.#page.dress(cell.run, "stop", `Stop cell ${cell.number}`);
    this.#note(cell, this.#kernel.state === "idle" ? "" : "waiting for Python");
    if (this.#kernel.state === "disconnected") this.#page.tell(cell, WORDS.away);
    this.#announce(`Cell ${cell.number} runs`);
  }

  /* What the server says of runs */

  #noteGreeting(ids) {
    for (const cell of this.#page.cells) {
      if (!isActive(cell.execution) || ids.includes(cell.execution.id)) continue;
      if (cell !== this.#current) this.#noteEnd(cell, { ...cell.execution, status: "lost" });
    }
  }

  #noteRun(run) {
    const cell = this.#cellOf(run);
    if (!cell) return;
    if (cell.execution?.id !== run.id) this.#adopt(cell, run);
    cell.execution = { ...run, since: performance.now() / 1000 - (run.now - run.began) };
    cell.count = run.python === this.#kernel.python ? run.count : null;
    cell.ran = run.code ?? cell.ran;
    if (run.outputs) this.#replay(cell, run);
    this.#showQuestion(cell, run.question);
    if (run.state === "done") this.#noteEnd(cell, run);
    else this.#showProgress(cell);
  }

  #cellOf(run) {
    return (
      this.#cellsOfRuns.get(run.id) ??
      this.#page.cells.find((cell) => cell.name === run.cell)
    );
  }

  /** From now on the cell shows this run. */
  #adopt(cell, run) {
    if (cell.execution) this.#cellsOfRuns.delete(cell.execution.id);
    this.#cellsOfRuns.set(run.id, cell);
    cell.execution = run;
    cell.error = null;
    this.#prepareOutputs(cell);
    if (!isActive(run)) return;
    cell.root.dataset.live = "running";
    this.#page.dress(cell.run, "stop", `Stop cell ${cell.number}`);
  }

  #noteOutput(id, message) {
    const cell = this.#cellsOfRuns.get(id);
    if (!cell) return;
    const { header, content } = message;
    if (header.msg_type === "execute_input") return;
    if (header.msg_type === "error") cell.error = content;
    if (header.msg_type === "update_display_data") {
      const { data, metadata, transient } = content;
      for (const each of this.#page.cells)
        each.outputs?.changeDisplay(transient?.display_id, data, metadata ?? {});
    } else cell.outputs.receive(message);
  }

  /** Show a run's output from its beginning, as the server has kept it. */
  #replay(cell, run) {
    cell.outputs.clear();
    const messages = run.outputs.map(({ msg_type, content }) => ({
      header: { msg_type },
      content,
    }));
    cell.error = messages.findLast((each) => each.header.msg_type === "error")?.content;
    cell.outputs.replay(messages, run.cut);
  }

  #noteEnd(cell, run) {
    const isNews = isActive(cell.execution) || cell.root.dataset.live;
    cell.execution = { ...cell.execution, ...run, state: "done" };
    this.#showQuestion(cell, null);
    cell.outputs?.finish();
    if (cell.stopNotice) cell.notice?.remove();
    cell.stopNotice = false;
    const interrupted = run.ename === "KeyboardInterrupt";
    const error = interrupted ? "stopped" : "error";
    const word = { ok: "", error, aborted: "not run" }[run.status];
    const took = run.ended && run.began ? run.ended - run.began : 0;
    const elapsed = took < 0.5 ? "" : `${took.toFixed(1)} s`;
    const before = run.python < this.#kernel.python && EARLIER;
    const words = [word ?? "not finished", elapsed, before];
    this.#rest(cell, words.filter(Boolean).join(", "));
    if (!isNews) return;
    this.#tellEnd(cell, run.status);
    this.#announce(
      run.status === "ok"
        ? `Cell ${cell.number} is done`
        : `Cell ${cell.number}: ${run.ename || "not finished"}`
    );
  }

  async #tellEnd(cell, status) {
    if (cell.error?.ename === "NameError") this.#tellMissing(cell);
    if (!(status in AFTER)) return;
    const why = status === "dead" ? await this.#kernel.obituary() : "";
    const again = status === "restarted" ? [] : [this.#anew(cell, status)];
    this.#page.tell(cell, [AFTER[status], why].filter(Boolean).join(" "), again);
    cell.isAboutPython = true;
  }

  /** A name is missing: perhaps a cell above defines it, and was not run. */
  async #tellMissing(cell) {
    const name = /name '(\w+)' is not defined/.exec(cell.error.evalue)?.[1];
    const above = this.#page.cells.slice(0, this.#page.cells.indexOf(cell));
    const { inReach } = await import("./editor.js");
    const found = inReach(above.map(named), { number: null, source: "" }, 0).get(name);
    const giver = this.#page.cells[found?.cell.number - 1];
    if (!giver || (giver.count && giver.execution?.status === "ok")) return;
    this.#page.tell(
      cell,
      `\`${name}\` is defined in cell ${giver.number}, which this Python has not run.`,
      [
        ["Run all cells above, then this one", () => this.runToHere(cell)],
        [`Run cell ${giver.number}, then this one`, () => this.#enqueue([giver, cell])],
      ]
    );
  }

  /** What the kernel's reply asks of the page: a pager, or code for the cell. */
  #noteReply(id, content) {
    const cell = this.#cellsOfRuns.get(id);
    for (const payload of (cell && content.payload) || []) {
      if (payload.source === "page") showPage(cell.root, payload.data);
      else if (payload.source === "set_next_input") this.#offerInput(cell, payload);
    }
  }

  async #offerInput(cell, { text }) {
    await this.#openEditor(cell);
    cell.editor.write(text);
  }

  #rest(cell, words) {
    delete cell.root.dataset.live;
    cell.waits = null;
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
    const isOther = cell.ran !== undefined && cell.ran !== cell.source();
    const edited = isOther ? "edited since it ran" : cell.edited && "edited";
    const parts = [cell.count && `[${cell.count}]`, words, edited];
    const text = parts.filter(Boolean).join(" · ");
    if (cell.words.textContent !== text) cell.words.textContent = text;
  }

  #noteEdit(cell) {
    cell.edited = cell.source() !== cell.original;
    if (cell.edited || cell.note) this.#note(cell, cell.state ?? "");
    this.#page.rememberEdit(cell.name, cell.edited && [cell.original, cell.source()]);
  }

  /** How long things have been going on. */
  #tick() {
    this.#showWhich();
    for (const cell of this.#page.cells) {
      if (isActive(cell.execution)) this.#showProgress(cell);
      else if (cell.waits) this.#showWaiting(cell);
    }
  }

  /** In the bar: which cell it is that runs. */
  #showWhich() {
    if (this.#kernel.state !== "busy") return;
    const cell = this.#page.cells.find((each) => isActive(each.execution));
    this.#page.state("busy", cell ? `, cell ${cell.number}` : "");
  }

  #showProgress(cell) {
    const { state, question, since } = cell.execution;
    if (question) return this.#note(cell, "waiting for your input");
    if (state === "queued") return this.#note(cell, "waiting for Python");
    const seconds = performance.now() / 1000 - since;
    this.#note(cell, seconds < 0.5 ? "running" : `running ${duration(seconds)}`);
  }

  #showWaiting(cell) {
    const seconds = (performance.now() - cell.waits) / 1000;
    if (seconds < 1) return;
    const what = this.#kernel.state === "starting" ? "Python is starting" : cell.state;
    this.#note(cell, `${what.replace(/, \d.*/, "")}, ${duration(seconds)}`);
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
    cell.outputs?.dispose();
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
      container.style.minHeight = "";
    };
    cell.outputs = outputs;
  }

  /* input() */

  /** Show a form for what a run asks; take it away when it has been answered. */
  #showQuestion(cell, question) {
    if (cell.form?.question === question?.id) return;
    if (cell.form) this.#removeForm(cell);
    if (question) this.#ask(cell, question);
  }

  #removeForm(cell) {
    const { form } = cell;
    const hadFocus = form.contains(document.activeElement);
    form.remove();
    cell.form = null;
    if (!hadFocus) return;
    if (form.before?.isConnected) form.before.focus({ preventScroll: true });
    else cell.run.focus({ preventScroll: true });
  }

  #ask(cell, { id, prompt, password }) {
    const form = (cell.form = this.#page.element("form", "live-input"));
    form.question = id;
    form.before = document.activeElement;
    const label = document.createElement("label");
    const field = document.createElement("input");
    field.type = password ? "password" : "text";
    field.autocomplete = "off";
    field.autocapitalize = "none";
    field.spellcheck = false;
    label.append(prompt || "Input", field);
    const send = this.#page.element("button", "live-choice", "Enter");
    form.append(label, send);
    if (!password) this.#giveHistory(field);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#sendAnswer(cell, form, field, send);
    });
    if (!cell.outputs.begun) cell.outputs.clear();
    cell.outputs.flush();
    cell.container.style.minHeight = "";
    cell.container.after(form);
    const isElsewhere = document.activeElement?.closest(".live-input, .cm-editor");
    if (!isElsewhere || cell.root.contains(isElsewhere))
      field.focus({ preventScroll: !cell.root.contains(form.before) });
    this.#announce(`Cell ${cell.number} asks: ${prompt}`);
  }

  async #sendAnswer(cell, form, field, send) {
    if (send.disabled) return;
    send.disabled = field.readOnly = true;
    if (field.type === "text" && field.value) this.#answers.push(field.value);
    const isOpen = () => cell.form === form;
    const late = setTimeout(() => (send.textContent = "sending…"), 500);
    const taken = await this.#kernel.answer(form.question, field.value, isOpen);
    clearTimeout(late);
    if (!taken && isOpen()) this.#removeForm(cell);
  }

  /** The arrow keys bring earlier answers back, as in a terminal. */
  #giveHistory(field) {
    let place = this.#answers.length;
    let draft = "";
    field.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      const next = place + step;
      if (!step || next < 0 || next > this.#answers.length) return;
      event.preventDefault();
      if (place === this.#answers.length) draft = field.value;
      place = next;
      field.value = this.#answers[place] ?? draft;
    });
  }

  /* Back to what the book says */

  #reset(cell) {
    cell.unwanted = Boolean(cell.root.dataset.live);
    if (cell.unwanted) return this.run(cell); // ends it, and comes back here
    cell.editor?.close();
    if (cell.edited) this.#noteEdit(cell);
    if (cell.execution) this.#cellsOfRuns.delete(cell.execution.id);
    cell.execution = cell.count = null;
    cell.ran = undefined;
    cell.outputs?.dispose();
    cell.outputs = null;
    cell.notice?.remove();
    cell.note?.remove();
    cell.note = null;
    if (cell.stored) cell.container.replaceChildren(...cell.stored);
    cell.run.focus({ preventScroll: true });
  }

  resetAll() {
    this.#emptyQueue();
    for (const cell of this.#page.cells) if (cell.note) this.#reset(cell);
  }

  /** The page as a notebook, with the reader's code and outputs. */
  async download() {
    const { download } = await import("./download.js");
    try {
      await download(this.#page, notebook(this.#page.root), await this.#kernel.runs());
    } catch (error) {
      this.#explain(this.#nearest(), error, () => this.download());
    }
  }

  /* The bar */

  #drawControls() {
    const page = this.#page;
    const { button } = page;
    this.#stop = button("stop", "Stop the running cell", () => this.interrupt());
    this.#again = button("restart", "Restart Python", () => this.restart());
    this.#anewButton = page.element("button", "live-choice", "Start a new Python");
    this.#anewButton.type = "button";
    this.#anewButton.addEventListener("click", () => this.restart());
    page.announcer.before(this.#stop, this.#again, this.#anewButton);
  }

  #showState(state, more) {
    this.#page.state(state, more);
    this.#stop.hidden = !["busy", "starting"].includes(state);
    this.#again.hidden = !["idle", "busy", "starting"].includes(state);
    this.#anewButton.hidden = state !== "dead";
    const isNews = state !== this.#announced;
    this.#announced = state;
    if (isNews && ["dead", "disconnected", "restarting"].includes(state))
      this.#announce(`Python: ${state}`);
    if (isNews && state === "restarting") this.#noteRestart();
  }

  #announce(text) {
    this.#page.announcer.textContent = text;
  }

  /* What went wrong, and what to do about it */

  /** The connection is lost, and the reader has to help. */
  #tellTrouble(error) {
    const retry = () => this.#kernel.ready().catch((next) => this.#tellTrouble(next));
    this.#explain(this.#current ?? this.#nearest(), error, retry);
  }

  /** Say it below a cell; `retry` does again what failed. */
  async #explain(cell, error, retry) {
    const kind = error instanceof Trouble ? error.kind : "server";
    if (!(error instanceof Trouble)) console.error(error);
    const sentence = this.#page.words[kind] ?? WORDS[kind] ?? WORDS.server;
    let detail = kind === "server" ? error.detail : "";
    if (kind === "dead") detail = error.detail || (await this.#kernel.obituary());
    if (kind === "token") return askToken(this.#page, cell, retry);
    const choices = { static: [], dead: [this.#anew(cell)] }[kind] ?? [["Try again", retry]];
    this.#page.tell(cell, [sentence, detail].filter(Boolean).join(" "), choices);
    cell.isAboutPython = kind === "dead";
    if (kind === "static") this.#offerBinder(cell);
  }

  #anew(cell, status) {
    if (status === "lost") return ["Run it again", () => this.#enqueue([cell])];
    const run = () => this.#enqueue([cell]);
    return ["Start a new Python and run this cell", () => this.restart(run)];
  }

  /* The theme links to Binder where the book's configuration names one. */
  #offerBinder(cell) {
    const link = document.querySelector('a[rel~="binder"]');
    if (!link) return;
    const offer = link.cloneNode(true);
    offer.className = "live-choice";
    cell.notice.append(offer);
  }

  /** What the page shows is of a Python that is gone. */
  #noteRestart() {
    const active = this.#page.cells.some((cell) => isActive(cell.execution));
    for (const cell of this.#page.cells) {
      if (!cell.count || isActive(cell.execution)) continue;
      cell.count = null;
      this.#note(cell, EARLIER);
    }
    if (!active && !this.#restarting) this.#page.tell(this.#nearest(), WORDS.anew);
  }

  /** The cell that is in view: a place for a message that belongs to none. */
  #nearest() {
    const below = (cell) => cell.root.getBoundingClientRect().bottom > 80;
    return this.#page.cells.find(below) ?? this.#page.cells.at(-1);
  }
}

const EARLIER = "from before the restart";

const isActive = (run) => Boolean(run) && run.state !== "done";

/** Seconds as a reader says them. */
function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const WORDS = {
  static:
    "This is a published copy of the book, with no Python behind it. To run its " +
    "cells, clone the book’s repository and type `make serve` there.",
  changed:
    "You changed this cell, and the book has changed it since. Your version is kept.",
  gone: "The book’s server has been restarted, and this page’s Python is gone.",
  slow:
    "The book’s server has not answered for ten seconds: the machine is very busy, or " +
    "the server hangs.",
  full:
    "The server is already running its maximum number of Pythons. Close another page " +
    "of the book, then try again.",
  dead: "This page’s Python has ended; its variables are gone.",
  server: "The server refused:",
  away: "The connection is lost. The cell runs as soon as it is back.",
  anew: "Python was restarted; its variables are gone.",
  unstopped:
    "Python was asked to stop and has not stopped yet. A call into C may not look for " +
    "interrupts, and code may catch `KeyboardInterrupt`. You can wait, or restart " +
    "Python, which loses its variables.",
  behind: "Python has stopped. This page is still drawing what it printed.",
};

const AFTER = {
  dead: "Python ended while this cell ran; its variables are gone.",
  restarted: "Python was restarted before this cell was done.",
  lost: "The server no longer has this run; it has probably been restarted.",
};

const named = (cell) => ({ number: cell.number, source: cell.source() });

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
