// Light, dark or as the system says. Runs before the first paint.
// On <html>: data-mode is the reader's choice, data-theme what it comes to.
(() => {
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const modes = ["auto", "light", "dark"];

  const stored = () => {
    try {
      return localStorage.getItem("dustdevil-theme");
    } catch {
      return null; // storage is switched off: the choice lasts for this page
    }
  };

  const apply = (mode) => {
    root.dataset.mode = mode;
    root.dataset.theme = mode === "auto" ? (system.matches ? "dark" : "light") : mode;
  };

  const choose = (mode) => {
    apply(mode);
    try {
      localStorage.setItem("dustdevil-theme", mode);
    } catch {
      // as above
    }
  };

  apply(modes.includes(stored()) ? stored() : "auto");
  system.addEventListener("change", () => apply(root.dataset.mode));

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector(".theme-switch");
    if (!button) return;
    const name = button.querySelector(".theme-name");
    const label = () => {
      const mode = root.dataset.mode;
      name.textContent = mode[0].toUpperCase() + mode.slice(1);
      button.setAttribute("aria-label", `Colours: ${mode}`);
    };
    button.addEventListener("click", () => {
      choose(modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length]);
      label();
    });
    button.hidden = false;
    label();
  });
})();
