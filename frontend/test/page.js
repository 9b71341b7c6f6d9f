/* What the browser tests of outputs load into a page of the book. */

import styles from "../src/cells.css";
import { Outputs } from "../src/outputs.js";
import { showPage } from "../src/pager.js";

const sheet = document.createElement("style");
sheet.textContent = styles;
document.head.append(sheet);

/** Outputs in place of what the first cell shows, and a count of what drawing costs. */
export function begin() {
  const node = document.querySelector(".live-cell .cell_output");
  const outputs = new Outputs(node, () => node.replaceChildren());
  const frames = [];
  new MutationObserver((changes) => frames.push(measure(changes, node))).observe(node, {
    childList: true,
    subtree: true,
    characterData: true,
  });
  return Object.assign(window, { node, outputs, frames, showPage, Outputs });
}

/* What one drawing has put into the page: nodes with all that is in them. */
function measure(changes, node) {
  const added = new Set(changes.flatMap(({ addedNodes }) => [...addedNodes]));
  const isTop = (one) => ![...added].some((other) => other !== one && other.contains(one));
  const tops = [...added].filter((one) => node.contains(one)).filter(isTop);
  return {
    nodes: tops.reduce((sum, top) => sum + 1 + inside(top).length, 0),
    characters: tops.reduce((sum, top) => sum + top.textContent.length, 0),
    isEmpty: !node.childNodes.length,
  };
}

function inside(top) {
  const walker = document.createTreeWalker(top);
  const found = [];
  while (walker.nextNode()) found.push(walker.currentNode);
  return found;
}
