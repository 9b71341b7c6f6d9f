/* A kernel, as a page sees it: REST calls to find, start, interrupt and restart it,
   and one WebSocket over which everything else goes.

   The messages are those of "Messaging in Jupyter", a chapter of jupyter_client's
   documentation, in the WebSocket's default spelling: one JSON object a message, with
   its channel. Every message of the kernel names, in `parent_header`, the request that
   it answers. Two are the book's own: when a page connects, the server greets it and
   tells it every *run* of a cell that it knows, with its output; and it tells what
   becomes of each (src/workshop/livebook/runs.py). So this page remembers of a run only
   what it has asked for itself: whatever happens to the connection, what the server
   says next is the truth. */

const QUICK = 10000; // ms that a server may take to answer a plain question
const START = 30000; // ms that it may take to start or end a kernel's process
const HEARD = 5000; // ms within which it says that it has a request
const PAUSES = [300, 1000, 2000, 4000, 8000, 10000]; // ms between two tries to reconnect

/** Why something did not work: `kind` says what the page can offer, `detail` is what
    the server said about it. */
export class Trouble extends Error {
  constructor(kind, detail = "") {
    super(detail || kind);
    this.kind = kind;
    this.detail = detail;
  }
}

const RESTARTED = "The book’s server has been restarted.";

const identity = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0")
  ).join("");

const pause = (milliseconds) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The server's REST interface, rooted where the book is. `getToken()` gives the secret
    that it wants to see with each request. */
export class Server {
  #getToken;

  constructor(root, getToken) {
    this.root = root;
    this.#getToken = getToken;
  }

  /** The answer's JSON (null for an empty answer). Throws Trouble. */
  async ask(path, { method = "GET", body, wait = QUICK } = {}) {
    let response;
    try {
      response = await fetch(new URL(path, this.root), {
        method,
        cache: "no-store",
        headers: this.#headers(body),
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(wait),
      });
    } catch (error) {
      throw new Trouble(error.name === "TimeoutError" ? "slow" : "unreachable");
    }
    if (response.ok) return this.#read(response);
    throw await this.#trouble(response);
  }

  #headers(body) {
    const token = this.#getToken();
    return {
      // Anything may have been pasted, and not anything may stand in a header.
      ...(token && { Authorization: `token ${encodeURIComponent(token)}` }),
      ...(body && { "Content-Type": "application/json" }),
    };
  }

  async #read(response) {
    if (response.status === 204) return null;
    try {
      return await response.json();
    } catch {
      throw new Trouble("static");
    }
  }

  async #trouble(response) {
    const said = await response.json().catch(() => null);
    const detail = said?.message ?? said?.reason ?? "";
    const { status } = response;
    if (response.headers.has("WWW-Authenticate")) return new Trouble("token", detail);
    if (status === 429 || status === 503) return new Trouble("full", detail);
    if (said === null && [404, 405, 501].includes(status)) return new Trouble("static");
    if (status === 404) return new Trouble("gone", detail);
    return new Trouble("server", detail || `the server answered ${status}`);
  }

  /** The address of a kernel's WebSocket. A page can give it no headers: the token
      stands in the address. */
  channels(kernel, session) {
    const address = new URL(`api/kernels/${kernel}/channels`, this.root);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("session_id", session);
    address.searchParams.set("token", this.#getToken());
    return address;
  }
}

/** One page's kernel. `hear` has functions that are called with what happens:
    `state(state, more)` whenever the kernel's state changes; `greeting(ids)` with the
    runs that the server knows; `run(run)` when something about one has changed (with
    `outputs`, if that is all there is to know about it); `output(id, message)` with
    what a run shows; `reply(id, content)` with what the kernel says of it in the end;
    `trouble(error)` when a lost connection can't be taken up without the reader. */
export class Kernel {
  #server;
  #path;
  #hear;
  #client = identity(); // names this page on the WebSocket, also when it reconnects
  #socket = null;
  #opening = null; // while the kernel cannot take requests: resolves when it can
  #mine = new Map(); // id -> a run that this page asked for, and that is not done
  #questions = new Map(); // id -> what to do with the reply: completion, docstrings
  #active = new Set(); // ids of all runs that are not done, whoever asked
  #changed = () => {}; // called when the state has changed
  #wake = () => {};

  constructor(server, path, hear) {
    this.#server = server;
    this.#path = path;
    this.#hear = hear;
    this.id = null;
    this.session = null;
    this.state = "not connected";
    this.reason = ""; // why it is dead, in the server's words
    this.python = 0; // which of its processes this is: each restart makes another
  }

  get #isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  get #answers() {
    return this.#isOpen && (this.state === "idle" || this.state === "busy");
  }

  /** Resolves when the kernel answers; starts one if this page has none. */
  ready() {
    if (this.#answers) return Promise.resolve();
    this.#wake();
    return this.#open(true);
  }

  /** Find the kernel that this page had before, if it is still there; start none.
      Resolves with whether there is one. */
  async attach() {
    await this.#open(false);
    return this.id !== null;
  }

  #open(start) {
    this.#opening ??= this.#begin(start).finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #begin(start) {
    if (this.state === "dead") throw new Trouble("dead", this.reason);
    try {
      if (!this.#isOpen) {
        this.#set("starting");
        if (!this.id) await this.#find(start);
        if (!this.id) return this.#set("not connected");
        await this.#connect();
      }
      await this.#answering();
    } catch (error) {
      if (error.kind === "gone") this.#die(RESTARTED);
      else if (error.kind === "dead") this.#die(error.detail);
      else if (!this.#isOpen) this.#set(this.id ? "disconnected" : "not connected");
      throw error;
    }
  }

  /** The session of this page, kept by the server across reloads; or a new one. */
  async #find(start) {
    const sessions = await this.#server.ask("api/sessions");
    let found = sessions.find((session) => session.path === this.#path);
    if (!found && start)
      found = await this.#server.ask("api/sessions", {
        method: "POST",
        wait: START,
        body: {
          path: this.#path,
          name: this.#path,
          type: "notebook",
          kernel: { name: "python3" },
        },
      });
    this.session = found?.id ?? null;
    this.id = found?.kernel.id ?? null;
  }

  /** Open the WebSocket and wait for the server's greeting. */
  async #connect() {
    await this.#server.ask(`api/kernels/${this.id}`);
    const address = this.#server.channels(this.id, this.#client);
    address.searchParams.set("runs", "1");
    const socket = new WebSocket(address);
    const late = setTimeout(() => socket.close(), QUICK);
    await new Promise((resolve, reject) => {
      const opened = new Promise((open) => (socket.onopen = open));
      socket.onmessage = async (event) => {
        await opened;
        this.#socket = socket;
        this.#receive(event.data);
        resolve();
      };
      socket.onclose = () => reject(new Trouble("unreachable"));
    }).finally(() => clearTimeout(late));
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#closed(socket);
  }

  /** Wait until the kernel's process answers. The server gives it up after a minute,
      and says so; until then it may just be slow. */
  async #answering() {
    while (!this.#answers) {
      if (this.state === "dead") throw new Trouble("dead", this.reason);
      if (!this.#isOpen) throw new Trouble("unreachable");
      await new Promise((resolve) => (this.#changed = resolve));
    }
  }

  /** Run code for a cell of the page. `done` resolves with the run when it is over: its
      `status` is "ok", "error", "aborted", "dead" or "restarted". */
  async execute(code, cell) {
    await this.ready();
    const id = identity();
    const mine = { code, cell, python: this.python };
    const done = new Promise((resolve) => (mine.resolve = resolve));
    this.#mine.set(id, mine);
    this.#sendRun(id, mine);
    return { id, done };
  }

  #sendRun(id, mine) {
    const content = {
      code: mine.code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: true,
      stop_on_error: false,
    };
    this.#send("execute_request", content, id, { cellId: mine.cell });
    mine.late = setTimeout(() => this.check(), HEARD);
  }

  #send(type, content, id, metadata = {}) {
    this.#socket.send(
      JSON.stringify({
        channel: "shell",
        header: {
          msg_id: id,
          msg_type: type,
          session: this.#client,
          username: "reader",
          date: new Date().toISOString(),
          version: "5.3",
        },
        parent_header: {},
        metadata,
        content,
        buffers: [],
      })
    );
  }

  /** Ask about code: the reply's content, or null if there is nobody to ask. A kernel
      answers when it is done with what it runs. */
  async #ask(type, content) {
    if (!this.#answers) return null;
    const id = identity();
    const reply = new Promise((resolve) => this.#questions.set(id, resolve));
    this.#send(type, content, id);
    return reply;
  }

  /** Names that could stand at `cursor`. */
  complete(code, cursor) {
    return this.#ask("complete_request", { code, cursor_pos: cursor });
  }

  /** What is known about the name at `cursor`; with `detail` 1, its source too. */
  inspect(code, cursor, detail = 0) {
    const content = { code, cursor_pos: cursor, detail_level: detail };
    return this.#ask("inspect_request", content);
  }

  /** Answer what input() asks. The server takes the first answer to a question, so this
      can be tried again until it is known to have arrived. Resolves with whether it
      was this answer that was taken. */
  async answer(question, value, isOpen) {
    const body = { question, value };
    for (let turn = 0; isOpen(); turn += 1) {
      try {
        await this.#server.ask(`api/kernels/${this.id}/answer`, { method: "POST", body });
        return true;
      } catch (error) {
        if (!["unreachable", "slow"].includes(error.kind)) return false;
        await pause(PAUSES[Math.min(turn, 2)]);
      }
    }
    return false;
  }

  /** All that the server knows about the page's cells. */
  runs() {
    return this.id ? this.#server.ask(`api/kernels/${this.id}/runs`) : [];
  }

  #receive(data) {
    if (typeof data !== "string") return; // binary parts belong to widgets
    const { header, parent_header: parent, channel, content } = JSON.parse(data);
    const type = header.msg_type;
    if (type === "dustdevil_greeting") this.#greeted(content);
    else if (type === "dustdevil_run") this.#noteRun(content);
    else if (type === "status") this.#noteStatus(content);
    else if (channel === "shell") this.#replied(parent?.msg_id, content);
    else if (channel === "iopub") this.#hear.output(parent?.msg_id, { header, content });
  }

  #greeted({ execution_state: state, reason, python, runs }) {
    this.python = python;
    this.reason = reason;
    this.#active.clear(); // those that are active are told next
    this.#answerAll(null);
    this.#hear.greeting(runs);
    this.#noteState(state);
    for (const [id, mine] of this.#mine) {
      this.#acknowledge(id);
      if (runs.includes(id)) continue;
      if (mine.python === python && state !== "dead") this.#sendRun(id, mine);
      else this.#finish({ id, status: state === "dead" ? "dead" : "restarted" });
    }
  }

  #noteRun(run) {
    this.#acknowledge(run.id);
    if (run.state === "done") this.#active.delete(run.id);
    else this.#active.add(run.id);
    this.#hear.run(run);
    if (run.state === "done") this.#finish(run);
    if (["idle", "busy"].includes(this.state)) this.#noteState("idle");
  }

  #noteStatus({ execution_state: state, python, reason }) {
    this.python = python;
    this.reason = reason;
    this.#noteState(state);
  }

  /* A kernel that is idle after one request is still busy if it has another. */
  #noteState(state) {
    if (state === "dead") return this.#die();
    if (state === "autorestarting") state = "restarting";
    if (state === "idle" && this.#active.size) state = "busy";
    if (state !== this.state) this.#set(state);
  }

  #replied(id, content) {
    this.#questions.get(id)?.(content);
    this.#questions.delete(id);
    this.#hear.reply(id, content);
  }

  #answerAll(content) {
    for (const answer of this.#questions.values()) answer(content);
    this.#questions.clear();
  }

  /** The server has a run of ours. */
  #acknowledge(id) {
    const mine = this.#mine.get(id);
    if (!mine) return;
    clearTimeout(mine.late);
    mine.late = null;
  }

  #finish(run) {
    const mine = this.#mine.get(run.id);
    this.#mine.delete(run.id);
    mine?.resolve(run);
  }

  #set(state, more) {
    this.state = state;
    this.#hear.state(state, more);
    this.#changed();
  }

  async #die(reason = "") {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onclose = socket.onmessage = null;
      socket.close();
    }
    this.reason ||= reason;
    this.#active.clear();
    this.#answerAll(null);
    this.#set("dead");
    for (const id of [...this.#mine.keys()]) this.#finish({ id, status: "dead" });
  }

  /** Why the kernel ended, in the server's words, if it has any. */
  async obituary() {
    const model = await this.#server.ask(`api/kernels/${this.id}`).catch(() => null);
    return model?.reason || this.reason;
  }

  /** Is the connection what it seems to be? After a sleep, or on a network that has
      gone, a WebSocket looks open for minutes. */
  async check() {
    const socket = this.#socket;
    if (!socket) return this.#wake();
    try {
      await this.#server.ask(`api/kernels/${this.id}`);
      if (![...this.#mine.values()].some((mine) => mine.late)) return;
    } catch {
      // what is wrong shows when we connect again
    }
    if (socket === this.#socket) this.#closed(socket);
  }

  /** The connection went away without our doing: keep trying to get it back. */
  async #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    socket.onclose = socket.onmessage = null;
    socket.close();
    this.#changed(); // for what waits until the kernel answers
    this.#answerAll(null);
    await this.#opening?.catch(() => {});
    if (!this.#socket && this.state !== "dead") this.#keepTrying();
  }

  #keepTrying() {
    this.#opening ??= this.#reopen().finally(() => (this.#opening = null));
    this.#opening.catch(() => {}); // what waits for ready() hears of it
  }

  async #reopen() {
    for (let turn = 0; ; turn += 1) {
      await this.#countdown(PAUSES[Math.min(turn, PAUSES.length - 1)]);
      try {
        await this.#connect();
        return await this.#answering();
      } catch (error) {
        if (error.kind === "token") {
          this.#set("disconnected");
          this.#hear.trouble(error);
          throw error;
        }
        if (!["gone", "dead"].includes(error.kind)) continue;
        this.#die(error.kind === "gone" ? RESTARTED : error.detail);
        throw new Trouble("dead", this.reason);
      }
    }
  }

  /** Wait, saying how long, until the time is up or a cell wants the kernel. */
  async #countdown(milliseconds) {
    const until = Date.now() + milliseconds;
    const woken = new Promise((resolve) => (this.#wake = resolve));
    while (Date.now() < until) {
      const left = Math.ceil((until - Date.now()) / 1000);
      this.#set("disconnected", `, trying again in ${left} s`);
      const step = Math.min(1000, Math.max(until - Date.now(), 0));
      if (await Promise.race([woken.then(() => true), pause(step)])) return;
    }
  }

  interrupt() {
    return this.#server.ask(`api/kernels/${this.id}/interrupt`, { method: "POST" });
  }

  /** Whether the kernel itself, and not only this page, is still at work on a run. */
  async isActive(run) {
    const model = await this.#server.ask(`api/kernels/${this.id}/runs/${run}`);
    return model.state !== "done";
  }

  /** A fresh Python with none of the reader's variables. */
  async restart() {
    this.#set("restarting");
    try {
      await this.#replace();
    } catch (error) {
      this.#set(this.#isOpen ? "dead" : "disconnected");
      if (!this.#isOpen && error.kind !== "token") this.#keepTrying();
      throw error;
    }
    await this.#open(true);
  }

  /** Have the server restart the kernel; or start another, if it is gone. */
  async #replace() {
    try {
      const path = `api/kernels/${this.id}/restart`;
      await this.#server.ask(path, { method: "POST", wait: START });
    } catch (error) {
      if (error.kind !== "gone" && error.kind !== "server") throw error;
      await this.#server
        .ask(`api/sessions/${this.session}`, { method: "DELETE" })
        .catch(() => {});
      this.id = null;
    }
    this.reason = "";
  }
}
