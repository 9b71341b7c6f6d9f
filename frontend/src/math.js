/* TeX in outputs, by the MathJax that lies beside the book. The book's own formulas
   are drawn by the build; only a cell that shows one needs this. */

let loading = null;

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
