/* Completion, with Tab and with Ctrl+Space: names that the kernel knows, and names that
   the source defines, in the cells above and above the cursor. The second need no
   kernel; where it does not answer at once they are shown first, and its own join. */

import {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  currentCompletions,
  startCompletion,
} from "@codemirror/autocomplete";
import { Prec } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { tell, unanswered } from "./help.js";
import { BUILTINS, inReach, KEYWORDS, members, toComplete } from "./names.js";

const PATIENCE = 1000; // ms that names may take to join those that are shown
const BEHIND = /(\.|[\p{L}_][\p{L}\p{N}_]*)$/u;
const WORD = /[\p{L}\p{N}_]*/u;

/** CodeMirror's extension. `page` is what `open` in editor.js gets. */
export function completion(page) {
  let isKnown = false; // whether Python knows no more names than are shown as its own

  function fromSource({ state, pos }) {
    isKnown = ["not connected", "dead"].includes(page.python());
    const { from, names } = defined(page, state.doc.toString(), pos);
    return { from, options: names.map(option), validFor: WORD };
  }

  async function fromKernel({ state, pos, view }) {
    const code = state.doc.toString();
    const reply = await ask(code, [...code.slice(0, pos)].length);
    const found = reply?.status === "ok" ? kernelNames(code, reply) : null;
    isKnown ||= found !== null;
    if (found?.options.length) return found;
    const { doc, selection } = view.state;
    if (doc.eq(state.doc) && selection.eq(state.selection))
      tellIfNothing(view, pos, found !== null);
    return null;
  }

  /** While a cell runs the kernel does not answer; names that come late are no help. */
  function ask(code, cursor) {
    const asked = page.complete(code, cursor);
    if (page.python() !== "busy") return asked;
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, null));
    return Promise.race([asked, late]);
  }

  function tellIfNothing(view, pos, hasAnswered) {
    const code = view.state.doc.toString();
    const { from, names } = defined(page, code, pos);
    const typed = code.slice(from, pos);
    const fits = ({ label }) => label.toLowerCase().startsWith(typed.toLowerCase());
    if (names.some(fits)) return;
    const nothing = typed
      ? `No name that is known begins with “${typed}”.`
      : "No names are known here yet: run the cell that defines them.";
    tell(view, pos, hasAnswered ? nothing : unanswered(page.python()));
  }

  /** What stands behind a name: its type, or where the source defines it. */
  function aside({ type, origin, cell }) {
    const note = document.createElement("span");
    note.className = "live-aside";
    const whether = cell && isKnown ? ", not run yet" : "";
    note.textContent = type ?? origin + whether;
    return note;
  }

  return [
    Prec.highest(keymap.of([{ key: "Escape", run: giveUp }])), // before its own
    autocompletion({
      override: [fromKernel, fromSource],
      activateOnTyping: false,
      filterStrict: true,
      interactionDelay: 0, // nothing opens that was not asked for
      icons: false,
      addToOptions: [{ render: aside, position: 80 }],
    }),
    Prec.high(
      keymap.of([
        { key: "Tab", run: acceptCompletion },
        { key: "Tab", run: begin },
      ])
    ),
  ];
}

/** Tab behind a name or a dot completes; elsewhere it indents. */
function begin(view) {
  const { main } = view.state.selection;
  const line = view.state.doc.lineAt(main.head);
  const before = line.text.slice(0, main.head - line.from);
  return main.empty && BEHIND.test(before) && startCompletion(view);
}

/** Escape, then Tab, leaves the editor: also where names are still being looked for. */
function giveUp(view) {
  if (!currentCompletions(view.state).length) closeCompletion(view);
  return false;
}

/** What the source offers at `pos`: {from, names}. */
function defined(page, source, pos) {
  const cell = { number: null, source };
  const { from, base } = toComplete(cell, pos);
  if (base === null) return { from, names: [] };
  const names = inReach(page.above(), cell, pos);
  if (base) return { from, names: [...members(base, names).values()] };
  const more = (label) => !names.has(label);
  return {
    from,
    names: [
      ...names.values(),
      ...BUILTINS.filter(more).map((label) => ({ label, origin: "built-in" })),
      ...KEYWORDS.filter(more).map((label) => ({ label, origin: "keyword" })),
    ],
  };
}

/* CodeMirror shows an option once that comes from both: so both are ranked alike, and
   the source's have no type. */
function option({ label, origin, cell }) {
  const number = cell?.number ?? null;
  const place = number === null ? "this cell" : `cell ${number}`;
  return { label, boost: rank(label), origin: origin ?? place, cell: number };
}

function kernelNames(code, reply) {
  const types = reply.metadata?._jupyter_types_experimental ?? [];
  const characters = [...code]; // the kernel counts code points
  const offset = (count) => characters.slice(0, count).join("").length;
  const [from, to] = [offset(reply.cursor_start), offset(reply.cursor_end)];
  const typed = code.slice(from, to).toLowerCase();
  const isPlain = reply.matches.every((name) => name.toLowerCase().startsWith(typed));
  const options = reply.matches.map((label, index) => ({
    label,
    boost: rank(label),
    type: named(types[index]?.type),
  }));
  // `\alpha` becomes α: nothing to be narrowed down by what is typed.
  return { from, to, options, ...(isPlain ? { validFor: WORD } : { filter: false }) };
}

/* Of two options of one name CodeMirror takes the one that has a type. On a busy machine
   the kernel says "<unknown>": a blank, too, says that the kernel knows the name. */
const named = (type) => (/^\w+$/.test(type) ? type : " ");

/** Arguments come first, and what begins with underscores last. */
function rank(label) {
  if (label.endsWith("=")) return 1;
  return -/^_{0,2}/.exec(label)[0].length;
}
