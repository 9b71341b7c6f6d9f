/* Predictions: the reader commits to a choice before the answer is shown.
   The form's <details> holds the computed answer and the reason for each choice;
   without this script it simply folds out. */
(() => {
  "use strict";
  const upgrade = (form) => {
    if (form.dataset.ready) return;
    form.dataset.ready = "yes";
    const answer = form.querySelector("details");
    const reasons = [...form.querySelectorAll("[data-choice]")];
    const button = document.createElement("button");
    button.type = "submit";
    button.textContent = "That is my prediction";
    const verdict = document.createElement("div");
    verdict.className = "dd-feedback";
    verdict.setAttribute("role", "status");
    form.insertBefore(button, answer);
    form.insertBefore(verdict, answer);
    answer.hidden = true;
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
      button.textContent = right ? "That is it" : "Predict again";
      button.disabled = right;
      answer.hidden = !right && !answer.dataset.tried;
      answer.dataset.tried = "yes";
      if (right) form.querySelectorAll("input").forEach((i) => (i.disabled = true));
    });
  };
  const find = (root) => {
    if (root.matches && root.matches("form.dd-quiz")) upgrade(root);
    if (root.querySelectorAll) root.querySelectorAll("form.dd-quiz").forEach(upgrade);
  };
  const start = () => {
    find(document);
    new MutationObserver((changes) =>
      changes.forEach((change) => change.addedNodes.forEach(find)),
    ).observe(document.body, { childList: true, subtree: true });
  };
  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start);
})();
