/* The editor of one cell: CodeMirror, in the colours of the page's listings.
   Loaded when the reader first edits a cell. */

import { closeBrackets, closeBracketsKeymap } from "@codemirror/autocomplete";
import {
  defaultKeymap,
  history,
  historyKeymap,
  indentWithTab,
} from "@codemirror/commands";
import { pythonLanguage } from "@codemirror/lang-python";
import {
  bracketMatching,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
  syntaxTree,
} from "@codemirror/language";
import { EditorState, Prec } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  keymap,
  MatchDecorator,
  ViewPlugin,
} from "@codemirror/view";
import { tagHighlighter, tags } from "@lezer/highlight";
import { completion } from "./completion.js";
import { help } from "./help.js";
import { BUILTINS } from "./names.js";

export { inReach } from "./names.js"; // one file with the grammar, not two

/* Pygments' class names: the style sheet of the stored listings colours the editor. */
const pygments = tagHighlighter([
  { tag: tags.comment, class: "c1" },
  { tag: [tags.string, tags.special(tags.string), tags.escape], class: "s1" },
  { tag: tags.number, class: "mi" },
  { tag: [tags.keyword, tags.bool, tags.null, tags.self], class: "k" },
  { tag: tags.operatorKeyword, class: "ow" },
  { tag: [tags.operator, tags.derefOperator], class: "o" },
  { tag: [tags.punctuation, tags.bracket, tags.separator], class: "p" },
  { tag: tags.definition(tags.className), class: "nc" },
  { tag: tags.function(tags.definition(tags.variableName)), class: "nf" },
  { tag: tags.meta, class: "nd" },
  { tag: tags.standard(tags.name), class: "nb" },
  { tag: tags.variableName, class: "n" },
  { tag: tags.propertyName, class: "n" },
]);

/* The grammar knows no built-in names; Pygments does, and so do the listings. */
const builtins = new MatchDecorator({
  regexp: new RegExp(`\\b(?:${BUILTINS.join("|")}|\\w+Error)\\b`, "g"),
  decorate(add, from, to, match, view) {
    if (syntaxTree(view.state).resolveInner(from, 1).name === "VariableName")
      add(from, to, Decoration.mark({ class: "nb" }));
  },
});

const builtinNames = ViewPlugin.define(
  (view) => ({
    decorations: builtins.createDeco(view),
    update(update) {
      this.decorations = builtins.updateDeco(update, this.decorations);
    },
  }),
  { decorations: (plugin) => plugin.decorations }
);

/** Replace a cell's listing by an editor. `page` is what it wants of the page:
    `run`, `runAndMove` and `changed` for its keys and edits; `above`, the cells above,
    each {number, source}; `python`, the kernel's state; `complete` and `inspect`, which
    give the content of the kernel's reply, or null if it does not answer soon; and
    `terminal`, which draws text with escape codes. */
export function open(cell, page) {
  const { run, runAndMove, changed } = page;
  cell.original = cell.source();
  const perform = (action) => () => {
    action();
    return true;
  };
  const keys = [
    { key: "Shift-Enter", run: perform(runAndMove) },
    { key: "Mod-Enter", run: perform(run) },
    { key: "Ctrl-Enter", run: perform(run) },
  ];
  const view = new EditorView({
    doc: cell.original,
    extensions: [
      Prec.highest(keymap.of(keys)),
      history(),
      drawSelection(),
      indentOnInput(),
      indentUnit.of("    "),
      EditorState.tabSize.of(4),
      bracketMatching(),
      closeBrackets(),
      pythonLanguage,
      completion(page),
      help(page),
      syntaxHighlighting(pygments),
      builtinNames,
      keymap.of([
        ...closeBracketsKeymap,
        ...defaultKeymap,
        ...historyKeymap,
        indentWithTab,
      ]),
      EditorView.contentAttributes.of({
        "aria-label": `Code of cell ${cell.number}. Escape, then Tab, leaves it`,
        autocapitalize: "off",
        autocorrect: "off",
        spellcheck: "false",
      }),
      EditorView.updateListener.of((update) => update.docChanged && changed()),
    ],
  });
  const { pre } = cell;
  const stored = cell.source;
  pre.hidden = true;
  pre.after(view.dom);
  cell.edit.hidden = true;
  cell.source = () => view.state.doc.toString();
  cell.editor = {
    focus: () => view.focus(),
    focusAt(click) {
      view.focus();
      const at = click && view.posAtCoords({ x: click.clientX, y: click.clientY });
      if (at != null) view.dispatch({ selection: { anchor: at } });
    },
    write(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    },
    close() {
      view.destroy();
      pre.hidden = false;
      cell.edit.hidden = false;
      cell.source = stored;
      cell.editor = null;
    },
  };
}
