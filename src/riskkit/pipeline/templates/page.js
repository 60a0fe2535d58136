// What a page can do where scripts run; without them every figure still stands there.
"use strict";

const make = (name, text = "", attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

// -- tables: sort and filter --------------------------------------------------------------------

const FEW_ROWS = 4;
const MANY_ROWS = 20;

// a number as the page writes it, else null: thousands, percent, signs, "< 0.0001", "at most 0.01"
const numberOf = (text) => {
  const plain = text.trim().replace(/^([<>]|at most) /, "").replace(/[,%\s]/g, "").replace("\u2212", "-");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : null;
};

// the text of a cell that spans rows stands in each of them, so that a row can go its own way
const spread = (body) => {
  const rows = [...body.rows];
  rows.forEach((row, at) => {
    [...row.cells].forEach((cell) => {
      const spanned = cell.rowSpan;
      if (spanned < 2) return;
      const column = cell.cellIndex;
      cell.removeAttribute("rowspan");
      for (const below of rows.slice(at + 1, at + spanned)) {
        below.insertBefore(cell.cloneNode(true), below.cells[column] || null);
      }
    });
  });
};

const compared = (one, other) => {
  const [a, b] = [numberOf(one), numberOf(other)];
  if (a !== null && b !== null) return a - b;
  return one.localeCompare(other, undefined, { numeric: true });
};

const isNothing = (text) => text === "" || text === "\u2013";

const sortBy = (table, head, body) => {
  if (!table.dataset.spread) spread(body);
  table.dataset.spread = "yes";
  const column = [...head.parentNode.cells].indexOf(head);
  const upwards = head.getAttribute("aria-sort") !== "ascending";
  table.querySelectorAll("th[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", upwards ? "ascending" : "descending");
  const keyed = [...body.rows].map((row) => [row.cells[column].textContent.trim(), row]);
  keyed.sort(([a], [b]) => {
    // what is missing stays last, whichever way
    if (isNothing(a) || isNothing(b)) return isNothing(a) - isNothing(b);
    return upwards ? compared(a, b) : compared(b, a);
  });
  body.append(...keyed.map(([, row]) => row));
};

const makeSortable = (table) => {
  const body = table.tBodies[0];
  const heads = table.tHead ? [...table.tHead.rows].at(-1).cells : [];
  if (!body || body.rows.length < FEW_ROWS || !heads.length) return;
  for (const head of heads) {
    const text = head.textContent.trim();
    if (!text) continue;
    const button = make("button", "", { type: "button", title: "Sort by this column" });
    button.append(...head.childNodes);
    button.addEventListener("click", () => sortBy(table, head, body));
    head.append(button);
  }
  if (body.rows.length < MANY_ROWS) return;
  const field = make("input", "", { type: "search", placeholder: "Filter rows" });
  field.setAttribute("aria-label", "Filter the rows of the table below");
  field.addEventListener("input", () => {
    if (!table.dataset.spread) spread(body);
    table.dataset.spread = "yes";
    const wanted = field.value.trim().toLowerCase();
    for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    nothing.hidden = [...body.rows].some((row) => !row.hidden);
  });
  const nothing = make("p", "No row has that.", { class: "note", hidden: "" });
  table.before(field);
  table.after(nothing);
};

// -- a slider over every row of two tables ------------------------------------------------------

const fill = (table, rows) => {
  [...table.tBodies[0].rows].forEach((row, at) => {
    [...row.cells].slice(1).forEach((cell, column) => {
      cell.textContent = rows[at][column];
    });
  });
};

const makeSlider = (block) => {
  const data = JSON.parse(block.querySelector("script").textContent);
  const [choice, range] = block.querySelectorAll("select, input");
  const said = block.querySelector("output");
  const [figures, swaps] = block.querySelectorAll("table");
  const heads = [...figures.tHead.rows[0].cells].slice(1);
  const show = () => {
    const position = data.positions[choice.value][Number(range.value)];
    said.textContent = position.told;
    range.setAttribute("aria-valuetext", position.told);
    heads.forEach((head, at) => {
      head.textContent = position.heads[at];
    });
    fill(figures, position.figures);
    fill(swaps, position.swaps);
  };
  const start = () => {
    range.max = data.positions[choice.value].length - 1;
    range.value = data.starts[choice.value];
    show();
  };
  choice.addEventListener("change", start);
  range.addEventListener("input", show);
  block.querySelector(".controls").hidden = false;
  start();
};

// -- curves of a choice -------------------------------------------------------------------------

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 760;
const HEIGHT = 320;
const EDGE = { left: 56, right: 96, top: 16, bottom: 44 };

const drawn = (name, attributes, text = "") => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
};

// steps of 1, 2 or 5 that part a range into some five
const ticks = (most) => {
  const rough = most / 5 || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * unit).find((n) => n >= rough);
  const found = [];
  for (let at = 0; at <= most + step / 1e6; at += step) found.push(at);
  return found;
};

// the newest cohort that has something to show
const newestOf = (curves) => {
  const told = curves.filter((one) => one.values.length > 3 && one.values.at(-1) > 0);
  return told.at(-1) || curves.at(-1);
};

const drawCurves = (svg, whole, drawnMonths, title) => {
  const curves = whole.map((one) => ({ ...one, values: one.values.slice(0, drawnMonths) }));
  const newest = newestOf(curves);
  svg.replaceChildren(drawn("title", {}, title));
  const months = Math.max(1, ...curves.map((one) => one.values.length - 1));
  const highest = Math.max(1e-9, ...curves.flatMap((one) => one.values));
  const across = (month) => EDGE.left + (month / months) * (WIDTH - EDGE.left - EDGE.right);
  const up = (value) => HEIGHT - EDGE.bottom - (value / highest) * (HEIGHT - EDGE.top - EDGE.bottom);
  const rates = ticks(highest);
  const digits = rates.length > 1 && rates[1] < 0.01 ? 1 : 0;
  for (const rate of rates) {
    const y = up(rate);
    svg.append(
      drawn("line", { x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y, y2: y, class: "grid" }),
      drawn("text", { x: EDGE.left - 8, y: y + 4, "text-anchor": "end" }, `${(100 * rate).toFixed(digits)}%`),
    );
  }
  for (const month of ticks(months).filter(Number.isInteger)) {
    svg.append(drawn("text", { x: across(month), y: HEIGHT - EDGE.bottom + 18, "text-anchor": "middle" }, month));
  }
  svg.append(drawn("text", { x: across(months / 2), y: HEIGHT - 6, "text-anchor": "middle" }, "month on book"));
  curves.forEach((one, at) => {
    // the newest is drawn strongest and named, as is the oldest
    const isNewest = one === newest;
    const points = one.values.map((value, month) => `${across(month)},${up(value)}`).join(" ");
    const line = drawn("polyline", { points, class: isNewest ? "newest" : "curve" });
    line.style.opacity = isNewest ? 1 : 0.35 + (0.5 * at) / curves.length;
    const last = one.values.length - 1;
    const told = `${one.name}: ${(100 * one.values[last]).toFixed(2)}% by month ${last}, ${one.loans} loans`;
    line.append(drawn("title", {}, told));
    svg.append(line);
    if (isNewest || at === 0) {
      svg.append(drawn("text", { x: across(last) + 6, y: up(one.values[last]) + 4, class: "name" }, one.name));
    }
  });
};

const makeCurves = (block) => {
  const data = JSON.parse(block.querySelector("script").textContent);
  const choices = [...block.querySelectorAll("select")];
  const svg = block.querySelector("svg");
  const note = block.querySelector(".note");
  const table = block.querySelector("table");
  const show = () => {
    const key = choices.map((one) => one.value).join("|");
    const curves = data.curves[key] || [];
    const title = choices.map((one) => one.selectedOptions[0].textContent).join(", ");
    svg.setAttribute("aria-label", title);
    svg.toggleAttribute("hidden", !curves.length);
    note.textContent = curves.length ? "" : "No cohort has such loans.";
    if (curves.length) drawCurves(svg, curves, data.drawn_months[key], title);
    table.tBodies[0].replaceChildren(
      ...curves.map((one) => {
        const row = make("tr");
        row.append(make("th", one.name, { scope: "row" }), make("td", one.loans));
        for (const month of data.milestones) {
          const value = one.values[month];
          row.append(make("td", value === undefined ? "\u2013" : `${(100 * value).toFixed(2)}%`));
        }
        return row;
      }),
    );
  };
  choices.forEach((one) => one.addEventListener("change", show));
  block.hidden = false;
  show();
};

document.querySelectorAll("[data-slider]").forEach(makeSlider);
document.querySelectorAll("[data-curves]").forEach(makeCurves);
document.querySelectorAll(".wide > table").forEach(makeSortable);
