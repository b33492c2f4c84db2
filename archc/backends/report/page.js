"use strict";
(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const root = document.documentElement;

  // A page that is watched loads itself anew; what is open, and where one is, stays.
  const watching = document.body.hasAttribute("data-watching");
  const kept = (() => {
    try { return watching ? JSON.parse(sessionStorage.getItem("archc") || "null") : null; } catch { return null; }
  })();
  const keep = () => {
    try {
      const open = $$("details").map((each) => each.open);
      sessionStorage.setItem("archc", JSON.stringify({ open, scroll: scrollY, theme: root.dataset.theme }));
    } catch { /* a browser that keeps nothing */ }
  };
  if (watching && $("#data")) addEventListener("pagehide", keep);

  $("#data") && start(JSON.parse($("#data").textContent));

  function start({ records }) {
    const details = $("#details");
    const count = new Intl.NumberFormat("en");
    let marked = [];
    let pinned = "";
    let pointer = null;

    // What is said of a box

    function mark([source, first, last], reveal) {
      marked.forEach((line) => line.classList.remove("on"));
      marked = [];
      for (let line = first; line <= last; line += 1) {
        const found = document.getElementById(`s${source}-${line}`);
        if (found) marked.push(found);
      }
      marked.forEach((line) => line.classList.add("on"));
      const file = $(`[data-source="${source}"]`);
      if (!marked.length || !file) return;
      file.open = true;
      const pane = $("pre", file);
      const outer = $("#spec");
      const top = marked[0].offsetTop - pane.offsetTop;
      pane.scrollTop = top - pane.clientHeight / 3;
      if (outer.scrollHeight > outer.clientHeight) outer.scrollTop = marked[0].offsetTop - outer.offsetTop - outer.clientHeight / 3;
      if (reveal) marked[0].scrollIntoView({ block: "center" });
    }

    function show(key) {
      const record = records[key];
      if (!record) return;
      const file = record.at ? $(`[data-source="${record.at[0]}"] summary`).textContent : "";
      const rows = [
        ["path", record.path],
        ["repeated", record.times && `×${record.times}, this is the first`],
        ["blocks", record.total && `×${record.total}, counted together`],
        ["input", record.input],
        ["output", record.output],
        ["params", record.params !== undefined && count.format(record.params)],
        ["MACs", record.macs !== undefined && count.format(record.macs)],
        ["receptive field", record.field],
        ["effective stride", record.stride],
        ["spec", record.at && `${file}, line ${record.at[1]}`],
      ];
      const title = document.createElement("h3");
      title.textContent = record.title;
      const list = document.createElement("dl");
      for (const [name, value] of rows) {
        if (!value) continue;
        const term = document.createElement("dt");
        const text = document.createElement("dd");
        term.textContent = name;
        text.textContent = value;
        text.dataset.field = name;
        list.append(term, text);
      }
      const close = document.createElement("button");
      close.type = "button";
      close.className = "close";
      close.textContent = "Close";
      close.addEventListener("click", () => {
        details.replaceChildren();
        delete details.dataset.k;
      });
      details.replaceChildren(close, title, list);
      details.dataset.k = key;
      if (record.at) mark(record.at, false);
      $$(".chosen").forEach((each) => each.classList.remove("chosen"));
      $$(`[data-k="${key}"]`).forEach((each) => each !== details && each.classList.add("chosen"));
    }

    const boxOf = (target) => target instanceof Element && target.closest(".canvas [data-k]");
    const canvas = $(".canvas");
    document.addEventListener("pointermove", (event) => {
      // boxes that move below a pointer at rest are not pointed at
      const rests = pointer && pointer[0] === event.clientX && pointer[1] === event.clientY;
      pointer = [event.clientX, event.clientY];
      const box = boxOf(event.target);
      if (box && !pinned && !rests && details.dataset.k !== box.dataset.k) show(box.dataset.k);
    });
    canvas.addEventListener("focusin", (event) => {
      const box = boxOf(event.target);
      if (!box) return;
      pinned = "";
      show(box.dataset.k);
      bring(box);
    });
    canvas.addEventListener("click", (event) => {
      const box = boxOf(event.target);
      if (!box || box.matches("summary")) return;
      pinned = pinned === box.dataset.k ? "" : box.dataset.k;
      show(box.dataset.k);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") pinned = "";
    });
    $$("[data-at]").forEach((button) =>
      button.addEventListener("click", () => mark(button.dataset.at.split(",").map(Number), true)),
    );

    // Drawings: one stop of the Tab key each, arrow keys from box to box

    $$(".drawing svg").forEach((drawing) => {
      const all = $$("g[data-k]", drawing);
      drawing.setAttribute("role", "group");
      drawing.setAttribute("aria-label", `${all.length} boxes`);
      all.forEach((box, number) => {
        const record = records[box.dataset.k] || {};
        box.setAttribute("role", "button");
        box.setAttribute("aria-label", `${record.title || ""}, output ${record.output || ""}`);
        box.setAttribute("tabindex", number ? "-1" : "0");
      });
      drawing.addEventListener("keydown", (event) => {
        const now = all.indexOf(document.activeElement);
        const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, Home: -now, End: all.length - 1 - now };
        if (event.key in steps && now >= 0) {
          const next = all[Math.min(Math.max(now + steps[event.key], 0), all.length - 1)];
          all.forEach((box) => box.setAttribute("tabindex", box === next ? "0" : "-1"));
          next.focus({ preventScroll: true });
          event.preventDefault();
          event.stopPropagation();
        }
        if (event.key === "Enter" || event.key === " ") {
          const box = boxOf(document.activeElement);
          if (box) pinned = box.dataset.k;
          event.preventDefault();
        }
      });
    });

    // Moving and zooming

    const view = $(".viewport");
    const moved = Panzoom(canvas, {
      maxScale: 6, minScale: 0.05, step: 0.3, origin: "0 0", cursor: "",
      handleStartEvent: () => {}, duration: 0, animate: false,
    });
    view.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      chosen = true;
      moved.zoomWithWheel(event);
    }, { passive: false });
    view.addEventListener("dragstart", (event) => event.preventDefault());

    let chosen = false; // whether the scale is the reader's own

    function settle() {
      if (chosen) return;
      const before = moved.getScale();
      const scale = Math.min(1, view.clientWidth / canvas.offsetWidth);
      const down = (moved.getPan().y * before) / scale;
      moved.zoom(scale, { force: true });
      moved.pan(Math.max(0, (view.clientWidth / scale - canvas.offsetWidth) / 2), down, { force: true });
    }
    function reset() {
      view.scrollTo(0, 0);
      moved.zoom(1, { force: true });
      moved.pan(Math.min(0, (view.clientWidth - canvas.offsetWidth) / 2), 0, { force: true });
    }
    function fit(whole) {
      reset();
      chosen = whole;
      const wide = view.clientWidth / canvas.offsetWidth;
      const scale = Math.min(1, wide, whole ? view.clientHeight / canvas.offsetHeight : wide);
      moved.zoom(scale, { force: true });
      const left = Math.max(0, (view.clientWidth - canvas.offsetWidth * scale) / 2);
      moved.pan(left / scale, 0, { force: true });
    }
    function bring(box) {
      view.scrollTo(0, 0);
      const inner = box.getBoundingClientRect();
      const outer = view.getBoundingClientRect();
      const by = (low, high, start, end) => (low < start ? start - low + 12 : high > end ? Math.max(end - high - 12, start - low + 12) : 0);
      const across = by(inner.left, inner.right, outer.left, outer.right);
      const down = by(inner.top, inner.bottom, outer.top, outer.bottom);
      if (across || down) moved.pan(across / moved.getScale(), down / moved.getScale(), { relative: true, force: true });
    }
    const zooms = { in: () => moved.zoomIn(), out: () => moved.zoomOut(), fit: () => fit(true), reset };
    $$("[data-zoom]").forEach((button) => button.addEventListener("click", () => {
      zooms[button.dataset.zoom]();
      chosen = true;
    }));
    canvas.addEventListener("toggle", settle, true);
    addEventListener("resize", settle);
    view.addEventListener("keydown", (event) => {
      if (event.target !== view) return;
      const keys = {
        ArrowUp: [0, 60], ArrowDown: [0, -60], ArrowLeft: [60, 0], ArrowRight: [-60, 0],
      };
      if (event.key in keys) moved.pan(...keys[event.key], { relative: true });
      else if (event.key === "+" || event.key === "=") zooms.in(chosen = true);
      else if (event.key === "-") zooms.out(chosen = true);
      else if (event.key === "0") fit(true);
      else return;
      event.preventDefault();
    });

    // Opening and closing

    const levels = { stages: [], blocks: ["stage"], layers: ["stage", "block"] };
    const buttons = $$("[data-level]");
    function level(name) {
      $$("details.stage, details.block", canvas).forEach((each) => {
        each.open = levels[name].some((kind) => each.classList.contains(kind));
      });
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.level === name)));
      fit(false);
    }
    buttons.forEach((button) => button.addEventListener("click", () => level(button.dataset.level)));
    canvas.addEventListener("click", (event) => {
      if (event.target instanceof Element && event.target.closest("summary")) {
        buttons.forEach((button) => button.setAttribute("aria-pressed", "false"));
      }
    });

    // A drag that ends on a box is no click on it
    let from = null;
    canvas.addEventListener("pointerdown", (event) => { from = [event.clientX, event.clientY]; }, true);
    canvas.addEventListener("click", (event) => {
      if (from && event.detail && Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 6) {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
    }, true);

    // Tables

    $$("table.sortable").forEach((table) => {
      new Tablesort(table, { descending: false });
      $$("thead th[tabindex]", table).forEach((head) =>
        head.addEventListener("keydown", (event) => {
          if (event.key === " ") { event.preventDefault(); head.click(); }
        }),
      );
    });

    // Colours

    $("#theme").addEventListener("click", () => {
      const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      root.dataset.theme = dark ? "light" : "dark";
    });

    if (kept) {
      $$("details").forEach((each, number) => { if (number in kept.open) each.open = kept.open[number]; });
      if (kept.theme) root.dataset.theme = kept.theme;
      scrollTo(0, kept.scroll);
    }
    buttons[1].setAttribute("aria-pressed", "true");
    fit(false);
    root.dataset.ready = "";
  }
})();
