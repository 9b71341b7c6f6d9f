// Small things every page does: the contents on a narrow screen, copying code,
// scrolling with the keyboard, where we are on the page, links between notebooks.
(() => {
  const root = document.documentElement;

  // The contents: beside the text where there is room, else a drawer.
  const menu = document.querySelector(".menu-link");
  const drawer = document.getElementById("book-nav");
  const open = (yes) => {
    root.classList.toggle("nav-open", yes);
    menu.setAttribute("aria-expanded", String(yes));
    if (yes) drawer.querySelector("a").focus();
  };
  root.classList.add("has-drawer");
  menu.addEventListener("click", (event) => {
    event.preventDefault();
    open(!root.classList.contains("nav-open"));
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key === " ") {
      event.preventDefault();
      menu.click();
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && root.classList.contains("nav-open")) {
      open(false);
      menu.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (root.classList.contains("nav-open") && !event.target.closest("#book-nav, .menu-link")) {
      open(false);
    }
  });

  // "/" goes to the search field, as on many sites of documentation.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      document.getElementById("search-field").focus();
    }
  });

  // What is wider or higher than its place scrolls; then the keyboard must reach it.
  const scrollers = "pre, .table-scroll, .cell_output, .output, figure, .figure-scroll";
  const reach = () => {
    for (const box of document.querySelectorAll(scrollers)) {
      if (box.closest(".cm-editor")) continue;
      const mayScroll = /auto|scroll/.test(getComputedStyle(box).overflowX);
      const isWide = box.scrollWidth > box.clientWidth + 1;
      const isHigh = box.scrollHeight > box.clientHeight + 1;
      if (mayScroll && (isWide || isHigh)) box.tabIndex = 0;
      else if (box.getAttribute("tabindex") === "0") box.removeAttribute("tabindex");
    }
  };
  const main = document.getElementById("main");
  let pending = 0; // a cell that prints changes the page often: look when it rests
  const later = () => {
    clearTimeout(pending);
    pending = setTimeout(reach, 100);
  };
  new ResizeObserver(later).observe(main);
  new MutationObserver(later).observe(main, { childList: true, subtree: true });
  main.addEventListener("toggle", reach, { capture: true }); // it doesn't bubble

  // The text of a block of code, without what the page has put between its lines.
  function textOf(code) {
    const copy = code.cloneNode(true);
    for (const note of copy.querySelectorAll("[data-no-copy]")) note.remove();
    return copy.textContent;
  }

  // A button that copies what a block of code holds; cells have one of their own.
  for (const block of document.querySelectorAll("main div.highlight")) {
    if (!navigator.clipboard || block.closest(".cell, .no-copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy-button";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const code = block.querySelector("pre");
      try {
        await navigator.clipboard.writeText(textOf(code).replace(/\n$/, ""));
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    block.append(button);
  }

  // Outputs made while reading link to the files of the server; each has a page, as
  // workshop.annotated says. The build changed the links of stored outputs.
  const base = new URL(root.dataset.content_root ?? "./", location.href);
  const linkToPages = () => {
    for (const link of main.querySelectorAll('.cell_output a[href*="../src/dustdevil/"]')) {
      const place = /\.\.\/src\/dustdevil\/([^#]+)/.exec(link.getAttribute("href"))[1];
      link.href = new URL(`source/${place.replace(/\.py$/, "")}.html${link.hash}`, base);
    }
  };
  new MutationObserver(linkToPages).observe(main, { childList: true, subtree: true });

  // Outputs made while reading still link to notebooks; the build changed the others.
  main.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link && link.host === location.host && link.pathname.endsWith(".ipynb") && !link.download) {
      link.pathname = link.pathname.replace(/\.ipynb$/, ".html");
    }
  });

  // Mark the section that is being read.
  const list = document.querySelector(".page-toc");
  const entries = new Map();
  for (const link of document.querySelectorAll(".page-toc a[href^='#']")) {
    const id = decodeURIComponent(link.hash.slice(1));
    const section = id && document.getElementById(id);
    if (section) entries.set(section, link);
  }
  const mark = () => {
    let current = null;
    for (const section of entries.keys()) {
      if (section.getBoundingClientRect().top < 140) current = section;
    }
    for (const [section, link] of entries) {
      if (section !== current) {
        link.removeAttribute("aria-current");
        continue;
      }
      link.setAttribute("aria-current", "true");
      const place = link.offsetTop - list.scrollTop;
      if (place < 0 || place > list.clientHeight - 40) {
        list.scrollTop = link.offsetTop - list.clientHeight / 2;
      }
    }
  };
  let marking = 0;
  if (entries.size) {
    addEventListener("scroll", () => {
      cancelAnimationFrame(marking);
      marking = requestAnimationFrame(mark);
    }, { passive: true });
    mark();
  }
})();
