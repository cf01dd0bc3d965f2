"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  // Unfolds what an element is in, also what the search hides.
  const open = (element) => {
    for (let at = element; at; at = at.parentElement) {
      if (at.localName === "details") at.open = true;
      at.hidden = false;
    }
  };

  // Unfolds the point in the address; not every browser does this.
  const show = () => {
    let id = location.hash.slice(1);
    try {
      id = decodeURIComponent(id);
    } catch {
      // A `%` alone encodes nothing.
    }
    const target = id && document.getElementById(id);
    if (!target) return;
    open(target);
    const point = target.closest("details.point");
    (point || target).scrollIntoView();
    // The keyboard and screen readers go on there.
    const focused = point ? point.querySelector("summary") : target;
    if (focused === target) target.tabIndex = -1;
    focused.focus({ preventScroll: true });
  };
  addEventListener("hashchange", show);
  // The browser goes to the address itself when the page is loaded.
  addEventListener("load", show);

  // Printed pages have everything that is on the page.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
  });

  // Search: elements are grouped by the name of their point; what does not match is hidden or faded.
  const form = document.getElementById("find");
  const input = document.getElementById("words");
  const found = document.getElementById("found");
  const points = new Map();
  for (const link of all(".matrix a")) {
    const name = link.getAttribute("href").slice(3);
    points.set(name, { text: `${name} ${link.className}`.toLowerCase(), faded: [link], hidden: [] });
  }
  const add = (kind, selector, name) => {
    for (const element of all(selector)) points.get(name(element))?.[kind].push(element);
  };
  add("faded", "g[data-point]", (group) => group.dataset.point);
  add("hidden", "details.point", (details) => details.dataset.point);
  add("hidden", ".branches tr[id]", (row) => row.id.slice(2));
  const groups = all("details.component, details.part");
  let last = -1;
  const search = () => {
    last = -1;
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    document.body.classList.toggle("searching", words.length > 0);
    for (const point of points.values()) {
      const is = words.every((word) => point.text.includes(word));
      point.is = is;
      count += is;
      for (const element of point.faded) element.classList.toggle("other", !is);
      for (const element of point.hidden) element.hidden = !is;
    }
    const has = (group) => group.querySelector(".matrix a:not(.other), g[data-point]:not(.other)");
    const matching = new Set(words.length ? groups.filter(has) : []);
    for (const group of groups) {
      group.hidden = words.length > 0 && !matching.has(group);
      // Few components are unfolded as long as they match.
      const unfolds = matching.has(group) && matching.size <= 20 && group.classList.contains("component");
      if (unfolds && !group.open) group.open = group.searched = true;
      if (!unfolds && group.searched) group.open = group.searched = false;
    }
    found.value = words.length ? `${count} of ${points.size} points` : "";
  };
  let waiting = 0;
  const searchNow = () => {
    clearTimeout(waiting);
    waiting = 0;
    search();
  };
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(searchNow, 120);
  });
  // Enter goes to the first match, and each further time to the next one.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (waiting) searchNow();
    const names = [...points].filter(([, point]) => point.is).map(([name]) => name);
    if (!input.value.trim() || !names.length) return;
    last = (last + 1) % names.length;
    const hash = `#p/${names[last]}`;
    if (location.hash === hash) show();
    else location.hash = hash;
  });
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.localName === "input") return;
    event.preventDefault();
    input.focus();
  });
  form.hidden = points.size < 2;

  // Zoom: the buttons, the keys + - 0 in the drawing, and the wheel with Ctrl.
  for (const figure of all("figure")) {
    const [drawing, svg] = [figure.querySelector(".drawing"), figure.querySelector("svg")];
    const [width, height] = [svg.width.baseVal.value, svg.height.baseVal.value];
    let scale = 1;
    const zoom = (to) => {
      // What is in the middle stays there.
      const x = (drawing.scrollLeft + drawing.clientWidth / 2) / scale;
      const y = (drawing.scrollTop + drawing.clientHeight / 2) / scale;
      scale = Math.min(8, Math.max(0.02, to));
      svg.setAttribute("width", Math.round(width * scale));
      svg.setAttribute("height", Math.round(height * scale));
      drawing.scrollTo(x * scale - drawing.clientWidth / 2, y * scale - drawing.clientHeight / 2);
    };
    const fit = () => zoom(Math.min(1, (drawing.clientWidth - 2) / width, (innerHeight * 0.85 - 3) / height));
    const step = { in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25), fit };
    for (const button of all("button", figure)) button.addEventListener("click", step[button.dataset.zoom]);
    drawing.addEventListener("keydown", (event) => {
      const name = { "+": "in", "-": "out", 0: "fit" }[event.key];
      if (name && !event.ctrlKey && !event.metaKey) step[name]();
    });
    drawing.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
    }, { passive: false });
    figure.querySelector(".zoom").hidden = false;
  }
})();
