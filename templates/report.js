"use strict";
// The page is complete without this, up to the runs that are packed: it sorts and filters, switches
// colours, and opens what a link points into.
(() => {
  const root = document.documentElement;
  const storageKey = "android-bench-theme";

  // A page opened from a file may have no storage, or an exception instead of one.
  function remembered() {
    try {
      return localStorage.getItem(storageKey);
    } catch {
      return null;
    }
  }

  function remember(theme) {
    try {
      localStorage.setItem(storageKey, theme);
    } catch {
      // Then the choice holds for this page only.
    }
  }

  function show(theme) {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  }

  // Before anything is painted.
  show(remembered());
  root.classList.add("scripted");

  function switchTheme() {
    const theme = document.getElementById("theme");
    const chosen = remembered();
    theme.hidden = false;
    for (const input of theme.querySelectorAll("input")) {
      if (input.value === chosen) input.checked = true;
      input.addEventListener("change", () => {
        show(input.value);
        remember(input.value);
      });
    }
  }

  function announce(text) {
    document.getElementById("announce").textContent = text;
  }

  // Sorting

  const direction = { none: "ascending", ascending: "descending", descending: "ascending" };

  function key(row, column) {
    const cell = row.cells[column];
    if (cell === undefined) return null;
    const value = cell.dataset.v;
    if (value === undefined) return cell.tagName === "TH" ? cell.textContent.trim() : null;
    const number = Number(value);
    return value === "" || Number.isNaN(number) ? value : number;
  }

  // Unknown values stay at the end whichever way the order goes.
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * collator.compare(String(a), String(b));
  }
  const collator = new Intl.Collator(undefined, { numeric: true });

  function sort(table, heading, column) {
    const order = direction[heading.getAttribute("aria-sort") || "none"];
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("device"));
      const keyed = rows.map((row) => [key(row, column), row]);
      keyed.sort((a, b) => compare(a[0], b[0], sign));
      body.append(...keyed.map((pair) => pair[1]));
    }
    announce(`Sorted by ${heading.textContent.trim()}, ${order}.`);
  }

  function makeSortable(table) {
    const headings = table.tHead.rows[table.tHead.rows.length - 1].cells;
    [...headings].forEach((heading, column) => {
      if (heading.tagName !== "TH") return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  }

  // Filtering

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const matches = (text, words) => words.every((word) => text.includes(word));
  const wordsOf = (text) => plain(text).split(/\s+/).filter(Boolean);

  function makeRunFilter() {
    const form = document.getElementById("filter");
    const table = document.getElementById("variants-table");
    if (!form || !table) return;
    const runs = [...table.querySelectorAll("tr[data-run]")].map((row) => ({
      anchor: row.dataset.run,
      text: plain(`${row.cells[0].textContent} ${row.closest("tbody").querySelector(".device")?.textContent ?? ""}`),
      device: row.dataset.device,
      delegate: row.dataset.delegate,
    }));
    if (runs.length < 2) return;
    form.hidden = false;
    const text = document.getElementById("filter-text");
    const device = document.getElementById("filter-device");
    const delegate = document.getElementById("filter-delegate");
    const status = document.getElementById("filter-status");

    function apply() {
      const words = wordsOf(text.value);
      const shown = new Set();
      for (const run of runs) {
        const fits =
          (!device?.value || run.device === device.value) &&
          (!delegate?.value || run.delegate === delegate.value) &&
          matches(run.text, words);
        if (fits) shown.add(run.anchor);
      }
      const all = shown.size === runs.length;
      form.classList.toggle("active", !all);
      for (const item of document.querySelectorAll("[data-run]")) {
        const out = !shown.has(item.dataset.run);
        if (item instanceof HTMLElement) item.hidden = out;
        else item.classList.toggle("out", out);
      }
      for (const body of table.tBodies) body.hidden = !body.querySelector("tr[data-run]:not([hidden])");
      status.textContent = all ? "" : `${shown.size} of ${runs.length} runs shown, in all tables.`;
    }

    // One reading of the status for a word, not for each of its letters.
    let waiting;
    text.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(apply, 120);
    });
    device?.addEventListener("change", apply);
    delegate?.addEventListener("change", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(apply));
  }

  function makeTableFilter(table) {
    const rows = [...table.tBodies[0].rows];
    if (rows.length < 12) return;
    const label = document.createElement("label");
    const input = document.createElement("input");
    label.className = "table-filter";
    input.type = "search";
    input.placeholder = table.dataset.filter;
    label.append("Filter this table ", input);
    input.addEventListener("input", () => {
      const words = wordsOf(input.value);
      let count = 0;
      for (const row of rows) {
        row.hidden = !matches(plain(row.textContent), words);
        count += row.hidden ? 0 : 1;
      }
      announce(`${count} of ${rows.length} rows shown.`);
    });
    table.parentElement.before(label);
  }

  // Long tables begin with a hundred rows: laying out a thousand takes longer than reading them.
  function makeAllRows() {
    const button = document.getElementById("all-rows");
    button?.addEventListener("click", () => root.classList.add("all-rows"));
  }

  function enliven(part) {
    for (const table of part.querySelectorAll("table.sortable")) makeSortable(table);
    for (const table of part.querySelectorAll("table[data-filter]")) makeTableFilter(table);
  }

  // What is packed, and what a link points into

  let unpacked;

  function unpack() {
    unpacked ??= (async () => {
      const text = document.getElementById("packed").content.textContent;
      const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      return JSON.parse(await new Response(stream).text());
    })();
    return unpacked;
  }

  // What is packed was escaped when it was made, as the rest of the page was.
  async function fill(details) {
    if (!("packed" in details.dataset)) return;
    const part = document.createElement("div");
    try {
      part.innerHTML = (await unpack())[details.id];
    } catch {
      part.textContent = "This browser cannot unpack it. The numbers stand in the run's run.json.";
    }
    if (!("packed" in details.dataset)) return;
    delete details.dataset.packed;
    enliven(part);
    details.append(part);
  }

  async function reveal() {
    const id = decodeURIComponent(location.hash.slice(1));
    const owner = document.getElementById(/^(run|pair)-\d+/.exec(id)?.[0] ?? id);
    const outer = owner?.closest("details");
    if (outer) await fill(outer);
    const target = document.getElementById(id) ?? owner;
    let details = target?.closest("details");
    if (!details) return;
    for (; details; details = details.parentElement.closest("details")) details.open = true;
    target.scrollIntoView();
  }

  function openAll() {
    const button = document.getElementById("open-all");
    if (!button) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const runs = [...document.querySelectorAll("details.run")].filter((item) => !item.hidden);
      const open = runs.some((item) => !item.open);
      for (const item of runs) {
        if (open) await fill(item);
        item.open = open;
      }
      button.textContent = open ? "Close all" : "Open all";
    });
  }

  addEventListener("DOMContentLoaded", () => {
    switchTheme();
    document.getElementById("needs-script")?.remove();
    enliven(document);
    makeRunFilter();
    makeAllRows();
    openAll();
    // The event does not bubble, so it is caught on its way down.
    document.addEventListener("toggle", (event) => event.target.open && fill(event.target), true);
    addEventListener("hashchange", reveal);
    reveal();
  });
})();
