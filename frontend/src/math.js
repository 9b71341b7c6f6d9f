/* TeX in outputs, by the MathJax that lies beside the book. A page with formulas of
   its own has loaded it already; another one loads it when a cell first shows one. */

let loading = null;

function load() {
  if (window.MathJax?.typesetPromise) return Promise.resolve();
  loading ??= new Promise((resolve, reject) => {
    const given = document.querySelector('script[src*="mathjax" i]');
    const script = given ?? document.createElement("script");
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    if (given) return;
    window.MathJax = {
      tex: { inlineMath: [["$", "$"], ["\\(", "\\)"]] },
      options: { ignoreHtmlClass: "tex2jax_ignore", processHtmlClass: "tex2jax_process" },
      startup: { typeset: false },
    };
    script.src = new URL("../mathjax/tex-svg.js", import.meta.url);
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
