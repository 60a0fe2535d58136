// What both editors draw with. A name in a file of data is text here, never markup.
const SVG = "http://www.w3.org/2000/svg";

const fill = (element, attributes, children) => {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null) element.setAttribute(key, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== ""));
  return element;
};
const el = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) =>
  fill(document.createElementNS(SVG, name), attributes, children);

const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;
// a round number just above, so that an axis ends on a tick
const ceiling = (value) => {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((top) => top >= value);
};

const short = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

const button = (text, act, attributes = {}) =>
  el("button", { type: "button", onclick: act, ...attributes }, text);

const table = (heads, rows, caption) =>
  el(
    "div",
    { class: "rk-wide", tabindex: "0" },
    el(
      "table",
      {},
      caption ? el("caption", {}, caption) : null,
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))),
      el(
        "tbody",
        {},
        rows.map((row) =>
          el(
            "tr",
            row.attributes || {},
            (row.cells || row).map((cell, at) =>
              at ? el("td", {}, cell) : el("th", { scope: "row" }, cell),
            ),
          ),
        ),
      ),
    ),
  );

const told = (message) =>
  el(
    "p",
    { class: `rk-message ${message ? message.kind : ""}`, role: "status" },
    message ? message.text : "",
  );

// name and reason, and a button that sends them; what was typed stays when the rest is drawn anew
const signature = (typed, send, label, disabled) => {
  const field = (name, text) =>
    el(
      "label",
      {},
      text,
      fill(el("input", { type: "text", name, value: typed[name] || "" }), {
        oninput: (event) => { typed[name] = event.target.value; },
      }, []),
    );
  return el(
    "form",
    {
      class: "rk-sign",
      onsubmit: (event) => {
        event.preventDefault();
        send({ act: "save", by: typed.by || "", reason: typed.reason || "" });
      },
    },
    field("by", "Your name "),
    field("reason", "Reason "),
    el("button", { type: "submit", disabled, class: "rk-main" }, label),
  );
};

// draws anew at each change, and keeps the keyboard where it was
const drawing = (model, host, draw) => {
  const send = (asked) => model.send(asked);
  const redraw = () => {
    const focused = host.contains(document.activeElement)
      ? document.activeElement.getAttribute("data-key") || document.activeElement.name
      : null;
    const at = document.activeElement?.selectionStart;
    host.replaceChildren(...draw(model.get("state"), send, redraw));
    if (!focused) return;
    const again = host.querySelector(`[data-key="${CSS.escape(focused)}"], [name="${CSS.escape(focused)}"]`);
    again?.focus({ preventScroll: true });
    if (again?.type === "text" && Number.isInteger(at)) again.setSelectionRange(at, at);
  };
  host.classList.add("rk");
  model.on("change:state", redraw);
  redraw();
  return () => model.off("change:state", redraw);
};
