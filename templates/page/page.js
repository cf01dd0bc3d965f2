"use strict";
(() => {
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const open = (element) => {
    for (let at = element; at; at = at.parentElement) if (at.localName === "details") at.open = true;
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
  show();

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
  const groups = all("details.component");
  const search = () => {
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
    for (const group of groups) group.hidden = words.length > 0 && !group.querySelector(".matrix a:not(.other)");
    found.value = words.length ? `${count} of ${points.size} points` : "";
  };
  let waiting = 0;
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(search, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
    const first = [...points.entries()].find(([, point]) => point.is);
    if (input.value.trim() && first) location.hash = `#p/${first[0]}`;
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
      scale = Math.min(8, Math.max(0.02, to));
      svg.setAttribute("width", Math.round(width * scale));
      svg.setAttribute("height", Math.round(height * scale));
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
