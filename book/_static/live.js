/* Live cells, the part that every page loads: it draws the buttons.

   Everything heavy (the kernel's protocol, the outputs, the editor) is in
   `_static/live/`, made by the build from `frontend/`, and is imported when the reader
   first runs or edits a cell. Until then the page asks the server for nothing. */
(() => {
  const script = document.currentScript;

  const ICONS = {
    run: '<path d="M5 3.2v9.6L13 8z" fill="currentColor" stroke="none"/>',
    stop: '<rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" stroke="none"/>',
    wait: '<circle cx="8" cy="8" r="5.2"/><path d="M8 5v3l2 1.4"/>',
    edit: '<path d="M3 13l.6-2.8 7-7 2.2 2.2-7 7zM9 4.8 11.2 7"/>',
    copy: '<rect x="5.5" y="5.5" width="7.5" height="8" rx="1"/><path d="M10.5 3H4a1 1 0 0 0-1 1v7"/>',
    done: '<path d="M3.5 8.5l3 3 6-7"/>',
    above: '<path d="M3 3h10"/><path d="M8 13.5V6.2M4.8 9.2 8 6l3.2 3.2"/>',
    restart: '<path d="M12.7 6A5.2 5.2 0 1 0 13.2 8.6"/><path d="M13.2 2.8v3.4H9.8"/>',
  };
  const icon = (name) =>
    `<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">${ICONS[name]}</svg>`;

  function element(tag, className, content = "") {
    const node = document.createElement(tag);
    node.className = className;
    node.innerHTML = content;
    return node;
  }

  function button(name, label, act) {
    const node = element("button", `live-button live-${name}`, icon(name));
    node.type = "button";
    node.title = label;
    node.setAttribute("aria-label", label);
    node.addEventListener("click", act);
    return node;
  }

  /* Change what a button shows and says. */
  function dress(node, name, label) {
    if (node.title === label) return;
    node.innerHTML = icon(name);
    node.title = label;
    node.setAttribute("aria-label", label);
  }

  const page = {
    element, button, dress,
    cells: [],
    root: new URL(document.documentElement.dataset.content_root ?? "./", location.href),
  };

  /* What stands between backquotes is code. */
  function code(text, index) {
    if (index % 2 === 0) return text;
    const node = element("code", "");
    node.textContent = text;
    return node;
  }

  /* A sentence below a cell's source: why nothing runs, and what to do about it. */
  page.tell = (cell, sentence, actions = []) => {
    cell.notice?.remove();
    cell.notice = element("div", "live-notice");
    cell.notice.setAttribute("role", "alert");
    (cell.note ?? cell.anchor).after(cell.notice);
    const text = element("p", "");
    text.append(...sentence.split("`").map(code));
    cell.notice.append(text);
    for (const [label, act] of actions) {
      const choice = element("button", "live-choice");
      choice.type = "button";
      choice.textContent = label;
      choice.addEventListener("click", () => {
        cell.notice?.remove();
        cell.run.focus();
        act();
      });
      cell.notice.append(choice);
    }
  };

  let application = null;
  let tries = 0;

  /* Do what a button says: fetch the big part if it is not here yet, and hand over. */
  async function perform(action, cell, detail) {
    // A module that failed to load is remembered as failed: ask under a new address.
    const address = new URL(`live/cells.js${tries ? `?try=${tries}` : ""}`, script.src);
    const late = setTimeout(() => {
      page.state("starting");
      page.tell(cell, "The book’s server has not answered yet. We go on waiting.");
    }, 1500);
    let live;
    try {
      application ??= import(address).then((module) => module.start(page));
      live = await application;
      cell.notice?.remove();
    } catch (error) {
      application = null;
      tries += 1;
      console.error(error);
      page.state("disconnected");
      const again = ["Try again", () => perform(action, cell, detail)];
      page.tell(cell, await reason(address), [again]);
      return;
    } finally {
      clearTimeout(late);
    }
    live[action](cell, detail);
  }

  page.words = {
    file:
      "This page was opened as a file, so there is no Python behind it. `make serve` " +
      "opens the book with one.",
    unreachable:
      "The book’s server does not answer. Is `make serve` still running in its " +
      "terminal?",
  };

  /* The server's secret is kept where pages of this origin alone can read it, the port
     included; not in a cookie, which the browser would send to every port of this host.
     Other books may share the origin, below other paths. */
  const place = `dustdevil-token ${page.root.pathname}`;
  let unkept = ""; // without storage, the token lives as long as the page
  Object.defineProperty(page, "token", {
    get() {
      try {
        return unkept || localStorage.getItem(place) || "";
      } catch {
        return "";
      }
    },
    set(token) {
      try {
        localStorage.setItem(place, token);
        unkept = "";
      } catch {
        unkept = token;
      }
    },
  });

  /* It comes in the printed address, and does not stay there to be seen. */
  function takeToken() {
    const address = new URL(location);
    const token = address.searchParams.get("token")?.trim();
    if (token === undefined) return;
    if (token) page.token = token;
    address.searchParams.delete("token");
    history.replaceState(history.state, "", address);
  }
  takeToken();

  /* Why the big part could not be had. */
  async function reason(address) {
    if (location.protocol === "file:") return page.words.file;
    const answer = await fetch(address).catch(() => null);
    if (!answer) return page.words.unreachable;
    return `The server has no front end for the cells (it answered ${answer.status}). ` +
      "`workshop build` makes it.";
  }

  async function copy(cell, node) {
    await navigator.clipboard.writeText(cell.source());
    dress(node, "done", "Copied");
    setTimeout(() => dress(node, "copy", "Copy"), 1500);
  }

  function draw(root, number) {
    const input = root.querySelector(".cell_input");
    const pre = input?.querySelector("pre");
    if (!pre) return;
    const anchor = input.closest("details") ?? input;
    const cell = { root, pre, anchor, number, source: () => pre.textContent.trimEnd() };
    const act = (action, detail) => perform(action, cell, detail);
    root.classList.add("live-cell");
    root.setAttribute("role", "group");
    root.setAttribute("aria-label", `Code cell ${number}`);
    cell.run = button("run", `Run cell ${number}`, () => act("run"));
    cell.tools = element("div", "live-tools");
    cell.edit = button("edit", "Edit", () => act("edit"));
    cell.above = button("above", "Run all cells above", () => act("runAbove"));
    const copier = button("copy", "Copy", () => copy(cell, copier));
    cell.tools.append(cell.edit, cell.above);
    if (navigator.clipboard) cell.tools.append(copier);
    if (number === 1) cell.above.remove();
    root.prepend(cell.run, cell.tools);
    pre.tabIndex = -1; // in reach of Shift+Enter; page.js puts wide ones in the Tab order
    pre.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (event.shiftKey) act("runAndMove");
      else if (event.ctrlKey || event.metaKey) act("run");
      else act("edit");
    });
    pre.addEventListener("click", (event) => {
      const touch = event.pointerType === "touch";
      if (!touch && getSelection().isCollapsed) act("edit", event);
    });
    page.cells.push(cell);
  }

  /* The small bar that always says how the kernel is. */
  const STATES = {
    "not connected": "not started",
    starting: "starting…",
    idle: "idle",
    busy: "busy",
    restarting: "restarting…",
    dead: "dead",
    disconnected: "disconnected",
  };

  function drawBar() {
    const bar = element("div", "live-bar");
    bar.setAttribute("role", "region");
    bar.setAttribute("aria-label", "Python kernel");
    page.bar = bar;
    page.label = element("span", "live-state");
    page.announcer = element("div", "live-announcer");
    page.announcer.setAttribute("role", "status");
    bar.append(page.label, page.announcer);
    document.body.append(bar);
    page.state("not connected");
  }

  page.state = (state, more = "") => {
    page.bar.dataset.state = state;
    page.label.textContent = `Python: ${STATES[state]}${more}`;
  };

  function begin() {
    let number = 0;
    for (const root of document.querySelectorAll("div.cell")) draw(root, ++number);
    if (!page.cells.length) return;
    drawBar();
    if (edits()) perform("restore", page.cells[0]);
  }

  /* What the reader has edited on this page, kept by the tab until it is closed. */
  page.memory = `live-edits ${location.pathname}`;
  function edits() {
    try {
      return sessionStorage.getItem(page.memory);
    } catch {
      return null;
    }
  }

  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
