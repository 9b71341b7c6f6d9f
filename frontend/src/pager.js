/* The pager: what `len?` and `len??` show, in a panel under the cell. */

import { terminal } from "./terminal.js";

let opened = null; // one at a time

/** Show text, or the text of a bundle of data, under a cell. */
export function showPage(root, data) {
  opened?.close();
  const text = typeof data === "string" ? data : data?.["text/plain"];
  opened = new Page(root, Array.isArray(text) ? text.join("") : (text ?? ""));
  return opened.panel;
}

class Page {
  constructor(root, text) {
    this.before = document.activeElement;
    this.panel = document.createElement("section");
    this.panel.className = "live-page";
    this.panel.setAttribute("role", "region");
    this.panel.setAttribute("aria-label", "Documentation");
    this.page = terminal(text || "There is no documentation.");
    const inner = document.createElement("div");
    inner.className = "highlight live-text";
    inner.append(this.page);
    this.panel.append(this.#button(), inner);
    this.panel.addEventListener("keydown", (event) => this.#onKey(event));
    root.append(this.panel);
    this.panel.tabIndex = -1;
    const scrolls = this.page.scrollHeight > this.page.clientHeight;
    (scrolls ? this.page : this.panel).focus({ preventScroll: true });
    this.panel.scrollIntoView({ block: "nearest" });
  }

  #button() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "live-choice";
    button.textContent = "Close";
    button.addEventListener("click", () => this.close());
    return button;
  }

  #onKey(event) {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    this.close();
  }

  /** Take the panel away, and go back to where the reader was. */
  close() {
    const hadFocus = this.panel.contains(document.activeElement);
    this.panel.remove();
    if (opened === this) opened = null;
    if (hadFocus) this.before?.focus({ preventScroll: true });
  }
}
