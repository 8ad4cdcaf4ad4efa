"use strict";
// The page is complete without this: it adds sorting, opens what a link points into, and opens all.
(() => {
  const direction = { none: "ascending", ascending: "descending", descending: "ascending" };

  function key(row, column) {
    const cell = row.cells[column];
    const value = cell.dataset.v;
    if (value === undefined) return cell.tagName === "TH" ? cell.textContent.trim() : null;
    const number = Number(value);
    return Number.isNaN(number) ? value : number;
  }

  // Unknown values stay at the end whichever way the order goes.
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return sign * (a - b);
    return sign * String(a).localeCompare(String(b), undefined, { numeric: true });
  }

  function sort(table, heading, column) {
    const order = direction[heading.getAttribute("aria-sort") || "none"];
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    for (const body of table.tBodies) {
      const rows = [...body.rows].filter((row) => !row.classList.contains("device"));
      rows.sort((a, b) => compare(key(a, column), key(b, column), sign));
      body.append(...rows);
    }
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = table.tHead.rows[table.tHead.rows.length - 1].cells;
    [...headings].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => sort(table, heading, column));
    });
  }

  function reveal() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const details = target && target.closest("details");
    if (details) {
      details.open = true;
      target.scrollIntoView();
    }
  }
  addEventListener("hashchange", reveal);
  reveal();

  const button = document.getElementById("open-all");
  if (button) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const runs = [...document.querySelectorAll("details.run")];
      const open = runs.some((item) => !item.open);
      for (const item of runs) item.open = open;
      button.textContent = open ? "Close all" : "Open all";
    });
  }
})();
