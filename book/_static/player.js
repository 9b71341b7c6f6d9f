/* Moving figures: steps through the frames that a cell recorded.
   A figure.dd-player holds an SVG (the complete still), and its frames as JSON:
   [{"say": sentence, "set": {key: {attribute: value}}}, ...]. A key names the shape
   with that data-k; the attribute "text" is its text. The script computes nothing:
   frame n is the still with the changes of frames 1 to n applied. */
(() => {
  "use strict";
  const PACE = 1600; // milliseconds a frame stands while playing
  const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

  // Signs are drawn, since not every font has them.
  const SIGNS = {
    first: "M3 3v10M13 3l-7 5 7 5z",
    back: "M10 3L5 8l5 5",
    play: "M4 2l9 6-9 6z",
    pause: "M5 3v10M11 3v10",
    next: "M6 3l5 5-5 5",
  };
  const name = (made, label, sign) => {
    made.title = label;
    made.setAttribute("aria-label", label);
    made.innerHTML =
      '<svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" ' +
      'stroke="currentColor" stroke-width="2" stroke-linejoin="round" ' +
      `fill="${SIGNS[sign].endsWith("z") ? "currentColor" : "none"}">` +
      `<path d="${SIGNS[sign]}"/></svg>`;
  };
  const button = (label, sign, act) => {
    const made = document.createElement("button");
    made.type = "button";
    name(made, label, sign);
    made.addEventListener("click", act);
    return made;
  };

  const upgrade = (figure) => {
    if (figure.dataset.ready) return;
    const data = figure.querySelector('script[type="application/json"]');
    if (!data) return; // still being inserted
    figure.dataset.ready = "yes";
    const frames = JSON.parse(data.textContent);
    const shapes = {};
    figure.querySelectorAll("[data-k]").forEach((s) => (shapes[s.dataset.k] = s));

    // The still: every attribute that some frame changes, as it was drawn.
    const still = [];
    const seen = new Set();
    for (const frame of frames) {
      for (const [key, values] of Object.entries(frame.set)) {
        for (const name of Object.keys(values)) {
          const shape = shapes[key];
          if (!shape || seen.has(key + " " + name)) continue;
          seen.add(key + " " + name);
          const value = name === "text" ? shape.textContent : shape.getAttribute(name);
          still.push([shape, name, value]);
        }
      }
    }
    const put = (shape, name, value) => {
      if (name === "text") shape.textContent = value;
      else if (value === null) shape.removeAttribute(name);
      else shape.setAttribute(name, value);
    };

    let at = 0; // 0 is the still
    let timer = 0;
    const go = (to) => {
      at = Math.max(0, Math.min(frames.length, to));
      const wanted = new Map(still.map(([s, n, v]) => [s, new Map()]));
      still.forEach(([s, n, v]) => wanted.get(s).set(n, v));
      frames.slice(0, at).forEach((frame) => {
        for (const [key, values] of Object.entries(frame.set)) {
          for (const [name, value] of Object.entries(values)) {
            if (shapes[key]) wanted.get(shapes[key]).set(name, String(value));
          }
        }
      });
      wanted.forEach((names, s) => names.forEach((v, n) => {
        const now = n === "text" ? s.textContent : s.getAttribute(n);
        if (now !== v) put(s, n, v);
      }));
      slider.value = at;
      slider.setAttribute("aria-valuetext", at ? frames[at - 1].say : "the still");
      say.textContent = at
        ? at + " of " + frames.length + ". " + frames[at - 1].say
        : "Press play, or step with the arrow keys.";
      back.disabled = first.disabled = at === 0;
      next.disabled = at === frames.length;
    };
    const stop = () => {
      clearInterval(timer);
      timer = 0;
      name(play, "Play", "play");
      say.setAttribute("aria-live", "polite");
    };
    const start = () => {
      if (at === frames.length) go(0);
      name(play, "Pause", "pause");
      say.setAttribute("aria-live", "off");
      go(at + 1);
      timer = setInterval(() => {
        if (at === frames.length || !figure.isConnected) stop();
        else go(at + 1);
      }, calm() ? 2 * PACE : PACE);
    };
    const step = (to) => {
      stop();
      go(to);
    };

    const bar = document.createElement("div");
    bar.className = "dd-controls";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Steps of the figure");
    const first = button("Back to the still", "first", () => step(0));
    const back = button("Step back", "back", () => step(at - 1));
    const play = button("Play", "play", () => (timer ? stop() : start()));
    const next = button("Step forward", "next", () => step(at + 1));
    const slider = document.createElement("input");
    slider.type = "range";
    slider.min = 0;
    slider.max = frames.length;
    slider.setAttribute("aria-label", "Step");
    slider.addEventListener("input", () => step(Number(slider.value)));
    bar.append(first, back, play, next, slider);
    const say = document.createElement("p");
    say.className = "dd-say";
    // Every sentence is laid out once, so that the page below does not jump.
    const room = Math.max(...frames.map((f) => f.say.length));
    say.style.minHeight = Math.ceil(room / 44) * 1.65 + "em";
    const caption = figure.querySelector("figcaption");
    figure.insertBefore(say, caption);
    figure.insertBefore(bar, caption);
    bar.addEventListener("keydown", (event) => {
      const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frames.length };
      if (!(event.key in to)) return;
      event.preventDefault();
      event.stopPropagation();
      step(to[event.key]);
    });
    stop();
    go(0);
  };

  const find = (root) => {
    if (root.matches && root.matches(".dd-player")) upgrade(root);
    if (root.querySelectorAll) root.querySelectorAll(".dd-player").forEach(upgrade);
  };
  const begin = () => {
    find(document);
    new MutationObserver((changes) =>
      changes.forEach((change) => change.addedNodes.forEach(find)),
    ).observe(document.body, { childList: true, subtree: true });
  };
  if (document.body) begin();
  else document.addEventListener("DOMContentLoaded", begin);
})();
