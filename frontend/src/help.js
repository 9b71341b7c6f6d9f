/* Documentation with Shift-Tab: what the kernel says of the name at the cursor, or of
   the function whose arguments are being written; where it does not know it, what the
   source of a cell says. A second press asks for more, a third goes into the panel. */

import { indentLess } from "@codemirror/commands";
import { Prec, StateEffect, StateField } from "@codemirror/state";
import {
  EditorView,
  getTooltip,
  keymap,
  showTooltip,
  tooltips,
} from "@codemirror/view";
import { describe, find, inReach, toExplain } from "./names.js";

const SOON = 300; // ms after which we show what we have without the kernel
const ALOUD = 400; // characters of a documentation that a screen reader begins with

const UNANSWERED = {
  "not connected": "Run a cell first: Python is not started.",
  dead: "Start a new Python first: this one has ended.",
  starting: "Python is starting. Ask again in a moment.",
  restarting: "Python is starting. Ask again in a moment.",
  disconnected: "The connection to Python is lost. Ask again when it is back.",
  busy: "Python is busy. Ask again when the cell has ended.",
};

/** Why the kernel has said nothing, and what to do about it. */
export const unanswered = (state) =>
  UNANSWERED[state] ?? "Python has not answered yet.";

/* What is shown: {from, to, depth, tooltip}, where from and to bound the text that it
   is about, and `depth` is how much of it has been asked for. */

const setPanel = StateEffect.define();

const panel = StateField.define({
  create: () => null,
  update(shown, transaction) {
    for (const effect of transaction.effects)
      if (effect.is(setPanel)) shown = effect.value;
    return shown && moved(shown, transaction);
  },
  provide: (field) => showTooltip.from(field, (shown) => shown?.tooltip ?? null),
});

/** Stay with the text it is about; null once that, or the cursor in it, is gone. */
function moved(shown, { changes, state, selection, docChanged }) {
  if (!docChanged && !selection) return shown;
  const from = changes.mapPos(shown.from, -1);
  const to = changes.mapPos(shown.to, 1);
  const { head } = state.selection.main;
  if (head < from || head > to || (docChanged && from === to)) return null;
  const tooltip = { ...shown.tooltip, pos: changes.mapPos(shown.tooltip.pos, -1) };
  return { ...shown, from, to, tooltip };
}

/** Show a sentence at a position. */
export function tell(view, pos, sentence) {
  show(view, { from: pos, to: pos }, { sentence });
}

/** `nodes` can be scrolled; `sentence` stays in view, with the button for `more`. */
function show(view, { from, to }, content, depth = 0) {
  if (!view.dom.contains(document.activeElement)) return; // the reader has gone on
  const { head } = view.state.selection.main;
  const line = view.state.doc.lineAt(head);
  const tooltip = {
    pos: Math.max(from, Math.min(line.from, to)),
    create: () => ({ dom: draw(view, content) }),
  };
  const { nodes = [], sentence = "" } = content;
  const words = nodes.map((node) => node.textContent).join("\n");
  const said = `${words.slice(0, ALOUD)}\n${sentence}`.trim();
  const shown = { from, to: Math.max(to, head), depth, tooltip };
  view.dispatch({ effects: [setPanel.of(shown), EditorView.announce.of(said)] });
}

function close(view) {
  if (!view.state.field(panel)) return false;
  view.dispatch({ effects: setPanel.of(null) });
  return true;
}

/* Where tooltips may be: not under the page's header, and not at the very edge. */
const MARGIN = 8;
function inView() {
  const { clientWidth, clientHeight } = document.documentElement;
  const header = document.querySelector("header")?.getBoundingClientRect().bottom ?? 0;
  return {
    left: MARGIN,
    right: clientWidth - MARGIN,
    top: Math.max(header, 0) + MARGIN,
    bottom: clientHeight - MARGIN,
  };
}

/* The panel's DOM */

function element(tag, className, ...content) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...content);
  return node;
}

function draw(view, { nodes = [], sentence = "", more = null }) {
  const keys = element("div", "live-help-keys", element("span", "", sentence));
  if (more) keys.append(button("More", "Shift+Tab", () => more(view)));
  const back = () => {
    view.focus();
    close(view);
  };
  keys.append(button("Close", "Escape", back));
  const dom = element("div", "live-help", keys);
  if (nodes.length) keys.before(region(nodes));
  dom.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    back();
  });
  dom.addEventListener("focusout", (event) => leave(event, view));
  return dom;
}

function region(nodes) {
  const body = element("div", "live-help-body", ...nodes);
  body.tabIndex = 0; // to be scrolled with keys
  body.setAttribute("role", "region");
  body.setAttribute("aria-label", "Documentation");
  return body;
}

function button(words, key, act) {
  const made = element("button", "live-help-key", words);
  made.type = "button";
  made.title = key;
  made.addEventListener("click", act);
  return made;
}

/** The focus goes elsewhere on the page: nothing is left to be explained. */
function leave({ relatedTarget }, view) {
  if (view.dom.contains(relatedTarget) || !document.hasFocus()) return;
  setTimeout(() => view.dom.contains(document.activeElement) || close(view));
}

/* What there is to say */

/** CodeMirror's extension. `page` is what `open` in editor.js gets. */
export function help(page) {
  let latest = null; // the question whose answer may be shown

  async function ask(view, depth) {
    const question = (latest = {});
    const { state } = view;
    const source = state.doc.toString();
    const { head } = state.selection.main;
    const cell = { number: null, source };
    const target = toExplain(cell, head);
    const place = target ?? { from: head, to: head };
    let isShown = false;
    const isCurrent = () =>
      question === latest &&
      view.state.doc.eq(state.doc) &&
      view.state.selection.eq(state.selection) &&
      (!isShown || view.state.field(panel)); // and it was not closed meanwhile
    const fromSource = (hasAnswered) => {
      if (!isCurrent()) return;
      show(view, place, local(cell, head, target, hasAnswered));
      isShown = true;
    };
    const late = setTimeout(fromSource, SOON, false);
    const reply = await inquire(source, head, target, depth);
    clearTimeout(late);
    if (!reply?.found) return fromSource(reply?.status === "ok");
    if (!isCurrent()) return;
    const nodes = [element("div", "live-text", page.terminal(plain(reply)))];
    show(view, place, { nodes, more: depth ? null : more }, depth + 1);
  }

  function more(view) {
    view.focus();
    ask(view, 1);
  }

  function inquire(source, head, target, depth) {
    const code = target?.path ?? source;
    const before = target?.path ?? source.slice(0, head);
    return page.inspect(code, [...before].length, depth);
  }

  /** What the source says, or why nothing is said. */
  function local(cell, head, target, hasAnswered) {
    if (!target) return { sentence: "Put the cursor on a name to read about it." };
    const found = find(target.path, inReach(page.above(), cell, head));
    const silent = () => (hasAnswered ? unknown(target) : unanswered(page.python()));
    if (!found) return { sentence: silent() };
    const { heading, words } = describe(found);
    const nodes = [element("pre", "live-help-head", heading)];
    if (words) nodes.push(element("pre", "", words));
    return { nodes, sentence: origin(found.cell.number, hasAnswered) };
  }

  function origin(number, hasAnswered) {
    if (number === null) return "This cell defines it.";
    if (hasAnswered || page.python() === "not connected")
      return `Run cell ${number} first to use it.`;
    return `Cell ${number} defines it. ${unanswered(page.python())}`;
  }

  /** Shift-Tab: at the beginning of a line it takes indentation away. */
  function press(view) {
    const { state } = view;
    const { head, empty } = state.selection.main;
    const before = state.sliceDoc(state.doc.lineAt(head).from, head);
    if (!empty || !before.trim()) return indentLess(view);
    const shown = state.field(panel);
    if (shown?.depth === 2) getTooltip(view, shown.tooltip)?.dom.firstChild.focus();
    else ask(view, shown?.depth ?? 0);
    return true;
  }

  return [
    panel,
    tooltips({ tooltipSpace: inView }),
    Prec.high(
      keymap.of([
        { key: "Shift-Tab", run: press },
        { key: "Escape", run: close },
      ])
    ),
    EditorView.domEventHandlers({ blur: leave }),
  ];
}

function unknown({ path }) {
  const name = path ? `“${path}”` : "this";
  return `No documentation for ${name} yet: run the cell that defines it.`;
}

const plain = ({ data }) => data["text/plain"] ?? "";
