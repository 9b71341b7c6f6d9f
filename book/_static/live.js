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
    here: '<path d="M3 13h10"/><path d="M8 2.5v7.3M4.8 6.8 8 10l3.2-3.2"/>',
    link: '<path d="M6.6 9.4l2.8-2.8M7 4.6l1.2-1.2a3 3 0 0 1 4.3 4.3l-1.2 1.2M9 11.4l-1.2 1.2a3 3 0 0 1-4.3-4.3l1.2-1.2"/>',
    more: '<path d="M3 8h.01M8 8h.01M13 8h.01" stroke-width="2.4"/>',
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
      page.tell(cell, "The book’s server has not answered yet. Still waiting.");
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
    get: () => unkept || recall(place) || "",
    set(token) {
      keep(place, token);
      unkept = recall(place) === token ? "" : token;
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

  /* A button that copies what `text()` gives. */
  function copier(name, label, text) {
    const node = button(name, label, async () => {
      await navigator.clipboard.writeText(text());
      dress(node, "done", "Copied");
      setTimeout(() => dress(node, name, label), 1500);
    });
    return node;
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
    cell.tools.append(cell.edit);
    if (number > 1)
      cell.tools.append(
        button("above", "Run all cells above", () => act("runAbove")),
        button("here", "Run all cells up to and including this one", () => act("runToHere"))
      );
    root.id ||= `cell-${number}`;
    cell.name = root.id;
    const address = () => new URL(`#${cell.name}`, location.href).href;
    if (navigator.clipboard)
      cell.tools.append(
        copier("copy", "Copy", () => cell.source()),
        copier("link", "Copy a link to this cell", address)
      );
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
    bar.append(page.label, page.announcer, drawMenu());
    document.body.append(bar);
    page.state("not connected");
  }

  /* What can be done with the page as a whole. */
  function drawMenu() {
    const menu = element("details", "live-menu", `<summary>${icon("more")}</summary>`);
    const label = "All cells: run, reset, download";
    menu.firstChild.title = label;
    menu.firstChild.setAttribute("aria-label", label);
    const list = element("div", "live-choices");
    for (const [words, action] of [
      ["Run all cells", "runAll"],
      ["Reset all cells", "resetAll"],
      ["Download my notebook", "download"],
    ]) {
      const choice = element("button", "live-choice", words);
      choice.type = "button";
      choice.addEventListener("click", () => {
        menu.open = false;
        perform(action, page.cells[0]);
      });
      list.append(choice);
    }
    menu.append(list);
    menu.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      menu.open = false;
      menu.firstChild.focus();
    });
    return menu;
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
    if (recall(EDITS) || recall(STARTED)) perform("restore", page.cells[0]);
    document.getElementById(location.hash.slice(1))?.scrollIntoView(); // a cell's link
  }

  /* What this browser keeps of the page, also when the tab is closed: the edits, and
     that the page has had a Python, which may still be there. */
  const EDITS = `live-edits ${location.pathname}`;
  const STARTED = `live-kernel ${location.pathname}`;

  function recall(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null; // no storage: it lasts as long as the page
    }
  }

  function keep(key, value) {
    try {
      if (value) localStorage.setItem(key, value);
      else localStorage.removeItem(key);
    } catch {
      // the same
    }
  }

  page.edits = () => JSON.parse(recall(EDITS) ?? "{}"); // name -> [the book's, the reader's]
  page.rememberEdit = (name, edit) => {
    const { [name]: _, ...others } = page.edits(); // another tab may have added some
    const edits = edit ? { ...others, [name]: edit } : others;
    keep(EDITS, Object.keys(edits).length && JSON.stringify(edits));
  };
  page.rememberKernel = () => keep(STARTED, "yes");
  page.forgetKernel = () => keep(STARTED, "");

  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", begin);
  else begin();
})();
