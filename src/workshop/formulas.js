// Sets formulas for workshop/formulas.py. Argument: the folder of the package
// `mathjax`. A line in: {"tex": …, "display": …}; a line out: {"html": …} or {"error": …}.
const [, , mathjax] = process.argv;
const lines = require("node:readline").createInterface({ input: process.stdin });

require(`${mathjax}/es5/node-main.js`)
  .init({
    loader: { load: ["input/tex", "output/svg", "a11y/assistive-mml"] },
    svg: { fontCache: "none" },
  })
  .then((MathJax) => {
    lines.on("line", (line) => {
      const { tex, display } = JSON.parse(line);
      const html = MathJax.startup.adaptor.outerHTML(MathJax.tex2svg(tex, { display }));
      const wrong = /data-mjx-error="([^"]*)"/.exec(html);
      console.log(JSON.stringify(wrong ? { error: wrong[1] } : { html }));
    });
  });
