/* TeX in outputs, by the MathJax that lies beside the book. The book's own formulas
   are drawn by the build; only a cell that shows one needs this. */

let loading = null;
let turn = Promise.resolve(); // MathJax does one thing at a time
const typesetNodes = new Set(); // MathJax keeps what it has drawn until it is told

function load() {
  loading ??= new Promise((resolve, reject) => {
    window.MathJax = {
      tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
      startup: { typeset: false },
    };
    const script = document.createElement("script");
    script.src = new URL("../mathjax/tex-chtml.js", import.meta.url);
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  }).then(() => window.MathJax.startup.promise);
  loading.catch(() => (loading = null)); // the next formula tries again
  return loading;
}

/** Draw the formulas in a node. Resolves with what MathJax says is wrong in them. */
export async function typeset(node) {
  await load();
  const mine = turn.then(() => draw(node));
  turn = mine.catch(() => {});
  return mine;
}

async function draw(node) {
  if (!node.isConnected) return []; // another output has taken its place meanwhile
  const gone = [...typesetNodes].filter((old) => !old.isConnected);
  for (const old of gone) typesetNodes.delete(old);
  window.MathJax.typesetClear(gone);
  typesetNodes.add(node);
  await window.MathJax.typesetPromise([node]);
  const wrong = [...node.querySelectorAll("mjx-merror")];
  return wrong.map((error) => error.dataset.mjxError);
}
