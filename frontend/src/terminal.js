/* Text as a terminal shows it: colours by escape codes, \r and \b that go back. */

import { AnsiUp } from "ansi_up";

const LIMIT = 300_000; // characters kept of one stream: a page is no log file

/** A <pre> that is written to bit by bit. */
export class Terminal {
  #colours = new AnsiUp();
  #lineStart; // the colours as they were at the start of the unfinished line
  #line = ""; // the unfinished line, as the kernel sent it
  #last = document.createElement("span"); // the unfinished line, as shown
  #kept = 0;

  constructor() {
    this.#colours.use_classes = true;
    this.#lineStart = { ...this.#colours };
    this.pre = document.createElement("pre");
    this.pre.append(this.#last);
  }

  write(text) {
    const atEnd = this.#isAtEnd();
    const lines = (this.#line + text).split("\n");
    this.#line = lines.pop();
    Object.assign(this.#colours, this.#lineStart);
    if (lines.length) this.#commit(lines.map(settle).join("\n") + "\n");
    this.#lineStart = { ...this.#colours };
    this.#last.innerHTML = this.#html(settle(this.#line));
    if (atEnd) this.pre.scrollTop = this.pre.scrollHeight;
  }

  #commit(text) {
    const block = document.createElement("span");
    block.innerHTML = this.#html(text);
    block.size = text.length;
    this.#last.before(block);
    this.#kept += text.length;
    while (this.#kept > LIMIT && this.pre.children.length > 2) this.#forget();
  }

  #forget() {
    const [first, second] = this.pre.children;
    const oldest = first.className === "live-cut" ? second : first;
    if (oldest === first) {
      const cut = document.createElement("span");
      cut.className = "live-cut";
      cut.textContent = "… the beginning of this output is not kept\n";
      this.pre.prepend(cut);
    }
    this.#kept -= oldest.size;
    oldest.remove();
  }

  /* Colours that are no names (256-colour and RGB codes) become a custom property, so
     that the style sheet can make them readable on a light and on a dark page. */
  #html(text) {
    return this.#colours
      .ansi_to_html(text)
      .replace(/style="([^"]*)"/g, (_, style) => {
        const named = style
          .replace(/(^|;)background-color:/g, "$1--live-ground:")
          .replace(/(^|;)color:/g, "$1--live-ink:");
        const classes = [
          named.includes("--live-ink") && "live-ink",
          named.includes("--live-ground") && "live-ground",
        ].filter(Boolean);
        return classes.length
          ? `style="${named}" data-colour="${classes.join(" ")}"`
          : `style="${named}"`;
      });
  }

  #isAtEnd() {
    const { scrollTop, clientHeight, scrollHeight } = this.pre;
    return scrollHeight - scrollTop - clientHeight < 8;
  }
}

/** Carry out the carriage returns and backspaces of one line. */
export function settle(line) {
  let text = line.replace(/\r+$/, "");
  while (/[^\x08]\x08/.test(text)) text = text.replace(/[^\x08]\x08/g, "");
  const parts = text.replaceAll("\x08", "").split("\r");
  return parts.reduce((shown, part) =>
    part.includes("\x1b") ? part : part + shown.slice(part.length)
  );
}

/** The whole of a text with escape codes, as a <pre>. */
export function terminal(text) {
  const shown = new Terminal();
  shown.write(text);
  return shown.pre;
}
