/* Predictions: the reader commits to a choice before anything answers it.

   The form's <details> holds the computed answer and the reason for each choice. What
   follows the question, up to the next heading of its level, is hidden until the reader
   has chosen or skips. `hidden=until-found` lets a search or a link lead into it, and
   then it opens. Without this script all of it is there. */
(() => {
  "use strict";
  const SETTLED = "dd-settled"; // in localStorage: the names of the questions
  const PAGE = "page:" + location.pathname; // stands for all of one page

  const settled = new Set(read());
  function read() {
    try {
      const names = JSON.parse(localStorage.getItem(SETTLED) ?? "[]");
      return Array.isArray(names) ? names : [];
    } catch {
      return []; // storage is forbidden here, or holds something else
    }
  }
  function settle(name) {
    settled.add(name);
    try {
      localStorage.setItem(SETTLED, JSON.stringify([...settled]));
    } catch {
      // then the reader is asked again on the next visit
    }
    arrange();
  }

  const nameOf = (form) => form.querySelector("input").name;
  const isOpen = (form) => settled.has(PAGE) || settled.has(nameOf(form));
  // A cell's output stands in the cell; the text goes on behind the cell.
  const blockOf = (form) => form.closest(".cell") ?? form;

  /** Hide what follows the questions that are not settled, and nothing else. */
  function arrange() {
    const waiting = new Map();
    for (const form of document.querySelectorAll("main form.dd-quiz")) {
      const open = isOpen(form);
      form.classList.toggle("dd-asking", !open);
      if (open) continue;
      let next = blockOf(form).nextElementSibling;
      for (; next; next = next.nextElementSibling) {
        if (!waiting.has(next)) waiting.set(next, form);
      }
    }
    for (const block of document.querySelectorAll("[data-dd-waits]")) {
      if (waiting.has(block)) continue;
      block.removeAttribute("hidden");
      block.removeAttribute("data-dd-waits");
    }
    for (const [block, form] of waiting) {
      block.dataset.ddWaits = nameOf(form);
      block.setAttribute("hidden", "until-found");
    }
  }

  /** Open all that hides an element: somebody was led to it. */
  function open(element) {
    let block = element?.closest("[data-dd-waits]");
    for (; block; block = element.closest("[data-dd-waits]")) {
      settle(block.dataset.ddWaits);
    }
  }
  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target?.closest("[data-dd-waits]")) return;
    open(target);
    target.scrollIntoView();
  }

  function button(text, type, act) {
    const made = document.createElement("button");
    made.type = type;
    made.textContent = text;
    if (act) made.addEventListener("click", act);
    return made;
  }

  function upgrade(form) {
    if (form.dataset.ready) return;
    form.dataset.ready = "yes";
    const answer = form.querySelector("details");
    const reasons = [...form.querySelectorAll("[data-choice]")];
    const choose = button("That is my prediction", "submit");
    const skip = button("Skip", "button", () => {
      settle(nameOf(form));
      answer.hidden = false;
      choose.focus();
    });
    const skipAll = button("Skip all on this page", "button", () => {
      settle(PAGE);
      choose.focus();
    });
    const row = document.createElement("div");
    row.className = "dd-asked";
    row.append(choose, skip, skipAll);
    const note = document.createElement("p");
    note.className = "dd-waiting";
    note.textContent = "The text goes on here when you have chosen.";
    const verdict = document.createElement("div");
    verdict.className = "dd-feedback";
    verdict.setAttribute("role", "status");
    for (const part of [row, verdict, note]) form.insertBefore(part, answer);
    answer.hidden = !isOpen(form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const picked = form.querySelector("input:checked");
      if (!picked) {
        verdict.textContent = "Choose one first. A wrong guess teaches more than none.";
        return;
      }
      const reason = reasons[Number(picked.value)];
      const right = "right" in reason.dataset;
      verdict.className = "dd-feedback " + (right ? "dd-yes" : "dd-no");
      verdict.innerHTML = reason.innerHTML;
      choose.textContent = right ? "That is it" : "Predict again";
      choose.disabled = right;
      answer.hidden = !right && !answer.dataset.tried;
      answer.dataset.tried = "yes";
      if (right) form.querySelectorAll("input").forEach((i) => (i.disabled = true));
      settle(nameOf(form));
    });
  }

  function find(root) {
    const forms = root.matches?.("form.dd-quiz") ? [root] : root.querySelectorAll?.("form.dd-quiz");
    if (!forms?.length) return;
    forms.forEach(upgrade);
    arrange();
  }
  function start() {
    find(document);
    follow();
    addEventListener("hashchange", follow);
    // A link to where we are changes no address.
    document.addEventListener("click", (event) => {
      if (event.target.closest?.("a[href*='#']")) setTimeout(follow);
    });
    document.addEventListener("beforematch", (event) => open(event.target));
    new MutationObserver((changes) =>
      changes.forEach((change) => change.addedNodes.forEach(find)),
    ).observe(document.body, { childList: true, subtree: true });
  }
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
