/* TeX in outputs, by the MathJax that lies beside the book. A page with formulas of
   its own has loaded it already; another one loads it when a cell first shows one. */

/** Write `$…$` as `\(…\)` and `$$…$$` as `\[…\]`, the marks that MathJax reads on
    every page, whether it has formulas of its own or not. */
export const delimit = (text) =>
  text
    .replace(/\$\$([\s\S]+?)\$\$/g, (_, tex) => `\\[${tex}\\]`)
    .replace(/\$([^$\n]+?)\$/g, (_, tex) => `\\(${tex}\\)`);

let loading = null;

function load() {
  if (window.MathJax?.typesetPromise) return Promise.resolve();
  loading ??= new Promise((resolve, reject) => {
    const given = document.querySelector('script[src*="mathjax" i]');
    const script = given ?? document.createElement("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    if (given) return;
    window.MathJax = { startup: { typeset: false } };
    script.src = new URL("../mathjax/tex-chtml.js", import.meta.url);
    document.head.append(script);
  }).then(() => window.MathJax.startup.promise);
  return loading;
}

/** Draw the formulas in a node. They stay as TeX where MathJax cannot be had. */
export async function typeset(node) {
  try {
    await load();
    await window.MathJax.typesetPromise([node]);
  } catch (error) {
    loading = null;
    console.warn("MathJax could not be loaded", error);
  }
}
