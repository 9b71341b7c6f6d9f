/* What goes wrong inside an output is said at its end: a script that fails, a picture
   that is not there, and what the pages' policy keeps from being loaded.

   The scripts of an output are named `output-N.js`, so that an error can be traced to
   it, also one that comes from a timer or a promise later on. */

const ENOUGH = 4; // sentences at one output: a timer may fail for hours
const TOLD = 50; // outputs that are remembered

const watched = new Map(); // name of an output's scripts -> {block, source}
let count = 0;
let entering = null; // the output that is being put into the page

/** A sentence of the page's own among the outputs. What is in backquotes is code. */
export function hint(sentence) {
  const node = document.createElement("p");
  node.className = "live-hint";
  node.append(...sentence.split("`").map(code));
  return node;
}

function code(text, index) {
  if (index % 2 === 0) return text;
  const node = document.createElement("code");
  node.textContent = text;
  return node;
}

/** Say in `block` what goes wrong in it. Returns the name that its scripts must have. */
export function tellMishaps(block, source) {
  const name = `output-${++count}.js`;
  watched.set(name, { block, source });
  if (watched.size > TOLD) watched.delete(watched.keys().next().value);
  block.addEventListener("error", ({ target }) => notLoaded(block, source, target), true);
  return name;
}

function say(block, sentence) {
  const said = [...block.querySelectorAll(":scope > .live-hint")];
  const isKnown = said.some((node) => node.dataset.sentence === sentence);
  if (isKnown || said.length >= ENOUGH) return;
  const node = hint(sentence);
  node.dataset.sentence = sentence;
  block.append(node);
}

/* Scripts */

addEventListener("error", (event) => {
  const trace = `${event.filename} ${event.error?.stack ?? ""}`;
  if (failed(trace, event.message)) event.preventDefault();
});
addEventListener("unhandledrejection", (event) => {
  const { reason } = event;
  if (failed(String(reason?.stack), `Uncaught ${reason}`)) event.preventDefault();
});

/** Do `place`, which puts `block` into the page and so runs its scripts. */
export function enter(block, place) {
  entering = block;
  try {
    place();
  } finally {
    entering = null;
  }
}

function failed(trace, message) {
  const [name] = /output-\d+\.js/.exec(trace) ?? [];
  const block = watched.get(name)?.block ?? entering; // no name: it cannot be parsed
  if (!block) return false;
  say(block, `A script in this output failed: ${message.replaceAll("`", "'")}`);
  return true;
}

/* What could not be loaded */

const KINDS = { img: "picture", video: "video", audio: "sound" };

function notLoaded(block, source, element) {
  const kind = KINDS[element.localName] ?? "file";
  const address = element.currentSrc || element.src || element.href;
  if (!address)
    return say(block, "A script in this output imports a file that could not be loaded.");
  if (address.startsWith("data:"))
    return say(block, `The data of this ${kind} is damaged, or not of the type it says.`);
  const url = new URL(address, document.baseURI);
  if (url.origin !== location.origin) return foreign(block, source, url);
  const name = element.getAttribute("src") ?? element.getAttribute("href") ?? address;
  const advice =
    kind === "picture"
      ? ` \`IPython.display.Image("${name}")\` puts the picture itself into the output.`
      : "";
  say(
    block,
    `The book’s server has no \`${name}\`: it does not give out the files that cells ` +
      `write.${advice}`
  );
}

document.addEventListener("securitypolicyviolation", ({ blockedURI, target }) => {
  if (!/^(https?|wss?):/.test(blockedURI)) return;
  const url = new URL(blockedURI);
  const found = [...watched.values()]
    .reverse()
    .find(({ block, source }) => block.contains(target) || source.includes(url.host));
  if (found) foreign(found.block, found.source, url);
});

/* Ways that were tried, with Plotly 6, Bokeh 3 and Altair 6. */
const ADVICE = [
  [
    /plot\.?ly/i,
    "Plotly brings its script along when `fig.show()` is called without a renderer.",
  ],
  [
    /bokeh/i,
    "Bokeh brings its script along after `from bokeh.resources import INLINE` and " +
      "`output_notebook(INLINE)`.",
  ],
  [
    /vega/i,
    "Altair draws without it after `pip install vl-convert-python` and " +
      '`alt.renderers.enable("svg")`.',
  ],
];

function foreign(block, source, url) {
  // Plotly asks for MathJax with every figure, and draws without it.
  if (/mathjax/i.test(url.href) && /plotly/i.test(source)) return;
  const [, advice] = ADVICE.find(([pattern]) => pattern.test(url.href)) ??
    ADVICE.find(([pattern]) => pattern.test(source)) ?? [, "JupyterLab shows it."];
  say(
    block,
    `This output asks \`${url.host}\` for a part of it, and the pages of this book ` +
      `load nothing from other hosts. ${advice}`
  );
}
