/* The index of the notes of 2013: choose a verdict, a chapter, or both. */
(() => {
  "use strict";
  const upgrade = (list) => {
    if (list.dataset.ready) return;
    list.dataset.ready = "yes";
    const rows = [...list.children];
    const wanted = { verdict: "", chapter: "" };
    const row = document.createElement("form");
    row.className = "dd-filter";
    const count = document.createElement("output");
    const show = () => {
      const fits = ({ dataset }) =>
        Object.entries(wanted).every(([key, value]) => !value || dataset[key] === value);
      for (const one of rows) one.hidden = !fits(one);
      const shown = rows.filter((one) => !one.hidden).length;
      count.textContent = `${shown} of ${rows.length} claims`;
    };
    for (const [key, all] of [["verdict", "every verdict"], ["chapter", "every chapter"]]) {
      const select = document.createElement("select");
      select.setAttribute("aria-label", key);
      const values = new Set(rows.map((one) => one.dataset[key]).filter(Boolean));
      for (const value of ["", ...values]) select.add(new Option(value || all, value));
      select.addEventListener("change", () => {
        wanted[key] = select.value;
        show();
      });
      row.append(select);
    }
    row.append(count);
    row.addEventListener("submit", (event) => event.preventDefault());
    list.before(row);
    show();
  };
  const find = (root) => root.querySelectorAll?.("ul.dd-claims").forEach(upgrade);
  const start = () => {
    find(document);
    new MutationObserver((changes) =>
      changes.forEach((change) => change.addedNodes.forEach(find)),
    ).observe(document.body, { childList: true, subtree: true });
  };
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
