/* A kernel, as a page sees it: REST calls to find, start, interrupt and restart it,
   and one WebSocket over which everything else goes.

   The messages are those of "Messaging in Jupyter", a chapter of jupyter_client's
   documentation, in the WebSocket's default spelling: one JSON object a message, with
   its channel. Every message of the kernel names, in `parent_header`, the request that
   it answers. */

const QUICK = 2000; // ms that a server may take to answer a plain question
const START = 30000; // ms that it may take to start a kernel
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

const identity = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0")
  ).join("");

const pause = (milliseconds) =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The server's REST interface, rooted where the book is. The browser shows it a cookie
    that says whose browser it is; the token in the printed address has set it. */
export class Server {
  constructor(root) {
    this.root = root;
  }

  /** The answer's JSON (null for an empty answer). Throws Trouble. */
  async ask(path, { method = "GET", body, wait = QUICK } = {}) {
    let response;
    try {
      response = await fetch(new URL(path, this.root), {
        method,
        cache: "no-store",
        headers: body && { "Content-Type": "application/json" },
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(wait),
      });
    } catch (error) {
      throw new Trouble(error.name === "TimeoutError" ? "slow" : "unreachable");
    }
    if (response.ok) return this.#read(response);
    throw await this.#trouble(response);
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
    if (status === 401 || status === 403) return new Trouble("token", detail);
    if (status === 429 || status === 503) return new Trouble("full", detail);
    if (said === null && [404, 405, 501].includes(status)) return new Trouble("static");
    if (status === 404) return new Trouble("gone", detail);
    return new Trouble("server", detail || `the server answered ${status}`);
  }

  /** The address of a kernel's WebSocket. */
  channels(kernel, session) {
    const address = new URL(`api/kernels/${kernel}/channels`, this.root);
    address.protocol = address.protocol.replace("http", "ws");
    address.searchParams.set("session_id", session);
    return address;
  }
}

/** One page's kernel. `onState(state, more)` is called whenever its state changes,
    `onRestarted()` when it lost the reader's variables without this page's doing. */
export class Kernel {
  #server;
  #path;
  #client = identity(); // names this page on the WebSocket, also when it reconnects
  #socket = null;
  #requests = new Map(); // id of a request -> what to do with its answers
  #opening = null; // while the kernel cannot take requests: resolves when it can
  #restarting = false; // because this page wants it
  #wake = () => {};

  constructor(server, path, { onState, onRestarted }) {
    this.#server = server;
    this.#path = path;
    this.onState = onState;
    this.onRestarted = onRestarted;
    this.id = null;
    this.session = null;
    this.state = "not connected";
  }

  /** Resolves when the kernel answers; starts one if this page has none. */
  ready() {
    if (this.#opening) this.#wake();
    else if (this.#socket?.readyState === WebSocket.OPEN && this.state !== "dead")
      return Promise.resolve();
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open() {
    if (this.state === "dead") throw new Trouble("dead");
    this.#set("starting");
    try {
      if (!this.id) await this.#find();
      await this.#connect();
    } catch (error) {
      this.#close();
      if (error.kind === "gone" || error.kind === "dead") this.#die();
      else this.#set(this.id ? "disconnected" : "not connected");
      throw error;
    }
  }

  /** The session of this page, kept by the server across reloads; or a new one. */
  async #find() {
    const sessions = await this.#server.ask("api/sessions");
    const found = sessions.find((session) => session.path === this.#path);
    this.#adopt(
      found ??
        (await this.#server.ask("api/sessions", {
          method: "POST",
          wait: START,
          body: {
            path: this.#path,
            name: this.#path,
            type: "notebook",
            kernel: { name: "python3" },
          },
        }))
    );
  }

  #adopt(session) {
    this.session = session.id;
    this.id = session.kernel.id;
  }

  /** Open the WebSocket and wait until the kernel answers on it. */
  async #connect() {
    await this.#server.ask(`api/kernels/${this.id}`);
    const socket = new WebSocket(this.#server.channels(this.id, this.#client));
    const late = setTimeout(() => socket.close(), QUICK);
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = () => reject(new Trouble("unreachable"));
    }).finally(() => clearTimeout(late));
    this.#socket = socket;
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = () => this.#closed(socket);
    await this.#answering();
  }

  /** Ask who the kernel is until both its reply and its broadcast arrive: the
      broadcast channel of a young kernel misses what was sent before it was joined. */
  async #answering() {
    const deadline = Date.now() + START;
    const running = [...this.#requests.values()].filter((request) => request.running);
    if (running.length) return this.#catchUp(running);
    while (this.state !== "dead" && this.#socket?.readyState === WebSocket.OPEN) {
      const asked = this.#request("kernel_info_request", {});
      const answered = asked.done.then(() => true).finally(asked.forget);
      if (await Promise.race([answered, pause(1000)])) return;
      if (Date.now() > deadline) throw new Trouble("slow");
    }
    throw new Trouble(this.state === "dead" ? "dead" : "unreachable");
  }

  /** Back after a lost connection, with requests unanswered. A kernel answers in
      order: once it tells who it is, it is done with all that was asked before. */
  #catchUp(running) {
    this.#set("busy");
    const asked = this.#request("kernel_info_request", {});
    asked.done.then(() => pause(500)).then(() => {
      asked.forget();
      for (const request of running)
        this.#finish(request, request.reply ?? { status: "lost" });
    });
  }

  /** Send a request; its `done` resolves with the reply's content when the reply and
      the return to idle have both arrived. */
  #request(type, content, listen = () => {}) {
    const id = identity();
    const request = { listen, running: true };
    request.done = new Promise((resolve) => (request.finish = resolve));
    request.forget = () => this.#requests.delete(id);
    this.#requests.set(id, request);
    this.#send("shell", type, content, id);
    return request;
  }

  #send(channel, type, content, id = identity(), parent = {}) {
    this.#socket.send(
      JSON.stringify({
        channel,
        header: {
          msg_id: id,
          msg_type: type,
          session: this.#client,
          username: "reader",
          date: new Date().toISOString(),
          version: "5.3",
        },
        parent_header: parent,
        metadata: {},
        content,
        buffers: [],
      })
    );
  }

  /** Run code. `listen(message)` gets everything the kernel says about it, also after
      its end (a thread may go on printing) until `forget()` is called; `answer` in an
      input_request sends the reader's line. `done` resolves with {status: "ok" |
      "error" | "aborted" | "lost" | "dead" | "restarted", …}. */
  async execute(code, listen) {
    await this.ready();
    const content = {
      code,
      silent: false,
      store_history: true,
      user_expressions: {},
      allow_stdin: true,
      stop_on_error: false,
    };
    const request = this.#request("execute_request", content, listen);
    return { done: request.done, forget: request.forget };
  }

  /** Names that could stand at `cursor`, which counts code points. */
  complete(code, cursor) {
    return this.#inquire("complete_request", { code, cursor_pos: cursor });
  }

  /** What is known of the name at `cursor`; with its source if `level` is 1. */
  inspect(code, cursor, level = 0) {
    const content = { code, cursor_pos: cursor, detail_level: level };
    return this.#inquire("inspect_request", content);
  }

  /** The reply's content, which comes after the end of the cell that runs, if one does;
      null if no kernel takes requests, or none answers. */
  async #inquire(type, content) {
    if (!["idle", "busy"].includes(this.state) || !this.#socket) return null;
    const asked = this.#request(type, content);
    const late = pause(START).then(() => null);
    return Promise.race([asked.done, late]).finally(asked.forget);
  }

  #receive(data) {
    if (typeof data !== "string") return; // binary parts belong to widgets
    const message = JSON.parse(data);
    const type = message.header.msg_type;
    const request = this.#requests.get(message.parent_header?.msg_id);
    if (type === "status") this.#status(message.content.execution_state, request);
    else if (!request) return;
    else if (message.channel === "shell") request.reply = message.content;
    else if (type === "input_request") {
      message.answer = (value) =>
        this.#send("stdin", "input_reply", { value, status: "ok" }, identity(),
          message.header);
      request.listen(message);
    } else request.listen(message);
    if (request) this.#settle(request);
  }

  #status(state, request) {
    if (state === "busy") this.#set("busy");
    else if (state === "idle") {
      if (request) request.idle = true;
      this.#set("idle");
    } else if (state === "dead") this.#die();
    else if (state === "restarting" || state === "autorestarting") {
      this.#set("restarting");
      if (!this.#restarting && !this.#opening) this.#revived();
    }
  }

  #settle(request) {
    if (!request.running || !request.idle) return;
    if (request.reply) this.#finish(request, request.reply);
  }

  #finish(request, reply) {
    if (!request.running) return;
    request.running = false;
    request.finish(reply);
  }

  #lose(status) {
    for (const request of this.#requests.values()) this.#finish(request, { status });
  }

  #set(state, more) {
    this.state = state;
    this.onState(state, more);
  }

  #die() {
    this.#set("dead");
    this.#lose("dead");
    this.#close();
  }

  /** Why the kernel ended, in the server's words, if it has any. */
  async obituary() {
    const model = await this.#server.ask(`api/kernels/${this.id}`).catch(() => null);
    return model?.reason ?? "";
  }

  /** The server, or another page, has restarted the kernel. */
  #revived() {
    this.#lose("restarted");
    this.onRestarted();
    this.#opening = this.#answering().finally(() => (this.#opening = null));
    this.#opening.catch(() => {}); // whoever waits for ready() hears of it
  }

  #close() {
    const socket = this.#socket;
    this.#socket = null;
    if (!socket) return;
    socket.onclose = socket.onmessage = null;
    socket.close();
  }

  /** The connection went away without our doing: keep trying to get it back. */
  async #closed(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    if (this.#opening) return;
    this.#opening = this.#reopen().finally(() => (this.#opening = null));
    this.#opening.catch(() => {}); // whoever waits for ready() hears of it
  }

  async #reopen() {
    for (let turn = 0; ; turn += 1) {
      await this.#countdown(PAUSES[Math.min(turn, PAUSES.length - 1)]);
      try {
        await this.#connect();
        return;
      } catch (error) {
        if (!["gone", "token", "dead"].includes(error.kind)) continue;
        this.#die();
        throw new Trouble(error.kind === "token" ? "token" : "dead");
      }
    }
  }

  /** Wait, saying how long, until the time is up or somebody wants the kernel. */
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

  /** A fresh Python with none of the reader's variables. */
  async restart() {
    this.#restarting = true;
    this.#lose("restarted");
    this.#set("restarting");
    this.#opening = this.#renew().finally(() => {
      this.#opening = null;
      this.#restarting = false;
    });
    try {
      await this.#opening;
    } catch (error) {
      this.#set("dead");
      throw error;
    }
  }

  async #renew() {
    await this.#replace();
    if (this.#socket?.readyState === WebSocket.OPEN) await this.#answering();
    else await this.#connect();
  }

  /** Have the server restart the kernel; or start another, if it is gone. */
  async #replace() {
    try {
      const path = `api/kernels/${this.id}/restart`;
      await this.#server.ask(path, { method: "POST", wait: START });
    } catch (error) {
      if (error.kind !== "gone" && error.kind !== "server") throw error;
      this.#close();
      await this.#server
        .ask(`api/sessions/${this.session}`, { method: "DELETE" })
        .catch(() => {});
      this.id = null;
      await this.#find();
    }
  }
}
