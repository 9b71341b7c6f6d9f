/* Markdown with mathematics in it: what stands between dollar signs is TeX, and no
   underscore in it means emphasis. Loaded when a cell first shows Markdown. */

import { Marked } from "marked";

const FENCES = /^(\$\$[\s\S]+?\$\$|\$(?!\s)[^$\n]+?\$|\\\([\s\S]+?\\\)|\\\[[\s\S]+?\\\])/;

const escaped = (text) =>
  text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

const mathematics = {
  name: "mathematics",
  level: "inline",
  start: (source) => source.search(/\$|\\[([]/),
  tokenizer(source) {
    const found = FENCES.exec(source);
    return found && { type: "mathematics", raw: found[0] };
  },
  renderer: (token) => escaped(token.raw),
};

const marked = new Marked({ gfm: true });
marked.use({ extensions: [mathematics] });

export const toHtml = (source) => marked.parse(source);
