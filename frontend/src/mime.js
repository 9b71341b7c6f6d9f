/* One output of a cell: of the types that its data comes in, the richest one that the
   page can draw. There is always something to see, if only a sentence that says why
   the rest is missing and what to do. */

import { hint, tellMishaps } from "./mishaps.js";
import { terminal } from "./terminal.js";

/* The first of these that an output offers is shown. */
const RICHEST_FIRST = [
  ["application/vnd.dustdevil.figure+html", html], // src/workshop/pictures.py
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
const SCRIPTS = ["", "module", "text/javascript", "application/javascript"];

/** An output block as MyST-NB writes it. Text is set in a frame of its own. */
export function block(kind, ...content) {
  const outer = document.createElement("div");
  outer.className = `output ${kind}`;
  if (content[0]?.localName !== "pre") {
    outer.append(...content);
    return outer;
  }
  outer.classList.add("live-text", "notranslate");
  const inner = document.createElement("div");
  inner.className = "highlight";
  inner.append(...content);
  outer.append(inner);
  return outer;
}

/** The block that shows a bundle of data, {type: content}. */
export function draw(data, metadata = {}) {
  const bundle = data ?? {};
  const [type, show] = RICHEST_FIRST.find(([name]) => name in bundle) ?? [];
  try {
    if (!show) return unknown(bundle);
    const shown = show(text(bundle[type]), type, metadata[type] ?? {}, bundle);
    if (show === plain) shown.prepend(...missing(bundle));
    return shown;
  } catch (error) {
    return excuse(bundle, type, error);
  }
}

/* In a notebook's file a text may be an array of its lines. */
const text = (content) => (Array.isArray(content) ? content.join("") : (content ?? ""));

function unknown(bundle) {
  const sentences = missing(bundle);
  if (!sentences.length) sentences.push(hint("This output has no data to show."));
  return block("text_html", ...sentences);
}

/** Sentences about the types that are not drawn. */
function missing(bundle) {
  const types = Object.keys(bundle).filter((name) => name !== "text/plain");
  if (!types.length) return [];
  const names = types.map((name) => `\`${name}\``).join(", ");
  return [
    hint(`The pages of this book do not draw outputs of type ${names}; JupyterLab may.`),
  ];
}

function excuse(bundle, type, error) {
  const sentence = hint(`This output of type \`${type}\` could not be drawn: ${error}`);
  const shown = plain(text(bundle["text/plain"] ?? bundle[type]));
  shown.prepend(sentence);
  return shown;
}

/* A fragment made this way runs its scripts when it enters the page. */
function html(source) {
  const range = document.createRange();
  range.selectNode(document.body);
  const shown = block("text_html", range.createContextualFragment(source));
  const name = tellMishaps(shown, source);
  for (const runner of shown.querySelectorAll("script:not([src])"))
    if (SCRIPTS.includes(runner.type)) runner.append(`\n//# sourceURL=${name}`);
  return shown;
}

function picture(source, type, { width, height }, data) {
  const image = new Image();
  image.src = `data:${type};base64,${source}`;
  image.alt = text(data["text/plain"]);
  if (width) image.width = width;
  if (height) image.height = height;
  const shown = block("image_png", image);
  tellMishaps(shown, "");
  return shown;
}

function plain(source) {
  return block("text_plain", terminal(String(source)));
}

function latex(source) {
  const shown = document.createElement("div");
  shown.className = "math";
  shown.textContent = source;
  const outer = block("text_latex", shown);
  typeset(shown, outer);
  return outer;
}

/** Draw the formulas in `node`; what goes wrong is said at the end of `outer`. */
async function typeset(node, outer) {
  try {
    const { typeset } = await import("./math.js");
    const wrong = await typeset(node);
    for (const problem of wrong)
      outer.append(hint(`MathJax cannot read this formula: ${problem}`));
  } catch {
    outer.append(hint(UNREACHABLE));
  }
}

const UNREACHABLE =
  "This is the source: the script that draws it could not be loaded. Is `make serve` " +
  "still running? Then run the cell again.";

function markdown(source) {
  const shown = document.createElement("div");
  shown.textContent = source;
  const outer = block("text_markdown", shown);
  tellMishaps(outer, source);
  format(source, shown, outer);
  return outer;
}

async function format(source, shown, outer) {
  let toHtml;
  try {
    ({ toHtml } = await import("./markdown.js"));
  } catch {
    return outer.append(hint(UNREACHABLE));
  }
  try {
    shown.innerHTML = toHtml(source);
  } catch (error) {
    return outer.append(hint(`This Markdown could not be read: ${error.message}`));
  }
  if (/\$|\\[([]/.test(source)) typeset(shown, outer);
}

function json(source) {
  try {
    const value = typeof source === "string" ? JSON.parse(source) : source;
    return plain(JSON.stringify(value, null, 2));
  } catch (error) {
    const shown = plain(source);
    shown.prepend(hint(`This is not valid JSON: ${error.message}`));
    return shown;
  }
}

/* As in Jupyter, the script finds its place in the page in `element`. */
function script(source) {
  const element = document.createElement("div");
  const shown = block("text_html", element);
  const runner = document.createElement("script");
  runner.textContent =
    `(function (element) {\n${source}\n})(document.currentScript.parentElement);` +
    `\n//# sourceURL=${tellMishaps(shown, source)}`;
  element.append(runner);
  return shown;
}

function widget(_, __, ___, data) {
  const shown = plain(text(data["text/plain"] ?? "widget"));
  shown.prepend(
    hint(
      "This is an interactive widget (ipywidgets). The pages of this book do not draw " +
        "widgets; JupyterLab does."
    )
  );
  return shown;
}
