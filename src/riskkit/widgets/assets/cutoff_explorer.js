
// -- a figure of every cutoff against the share approved, and where the two stand -------------------

const PANEL = { width: 380, height: 220, left: 58, right: 12, top: 20, bottom: 34 };

const shortMoney = (value) => {
  const size = Math.abs(value);
  if (size >= 1e6) return `${(value / 1e6).toFixed(1)} m`;
  if (size >= 1e3) return `${(value / 1e3).toFixed(0)} k`;
  return value.toFixed(0);
};

const drawPanel = (state, name, title, text) => {
  const { width, height, left, right, top, bottom } = PANEL;
  const floor = height - bottom;
  const ends = (curve) => [`${name.replace("_amount", "")}_low`, `${name.replace("_amount", "")}_high`].map((key) => curve[key]);
  const drawn = state.curves.flatMap((curve) => [...curve[name], state.today[name]]).filter((value) => value !== null);
  const low = Math.min(0, ...drawn);
  const high = Math.max(...drawn, low + 1e-9);
  const x = (rate) => left + rate * (width - left - right);
  const y = (value) => floor - ((Math.min(high * 1.08, Math.max(low, value)) - low) / (high * 1.08 - low)) * (floor - top);
  const path = (curve, values) => {
    let open = false;
    return values.map((value, at) => {
      if (value === null) { open = false; return ""; }
      const step = `${open ? "L" : "M"}${x(curve.approval_rate[at]).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
      return step;
    }).join("");
  };
  const band = (curve) => {
    const [lows, highs] = ends(curve);
    const known = lows.map((value, at) => at).filter((at) => lows[at] !== null && highs[at] !== null);
    const there = known.map((at) => `${x(curve.approval_rate[at]).toFixed(1)} ${y(highs[at]).toFixed(1)}`);
    const back = known.map((at) => `${x(curve.approval_rate[at]).toFixed(1)} ${y(lows[at]).toFixed(1)}`).reverse();
    return there.length ? `M${[...there, ...back].join("L")}Z` : "";
  };
  const colours = ["rk-first", "rk-second"];
  const ticks = [low, (low + high) / 2, high].map((value) => svg("g", {},
    svg("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "rk-grid" }),
    svg("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, text(value))));
  const rates = [0, 0.25, 0.5, 0.75, 1].map((rate) =>
    svg("text", { x: x(rate), y: floor + 14, "text-anchor": "middle" }, percent(rate, 0)));
  const marks = state.at.map((at, number) => at[name] === null ? null : svg("g", { class: colours[number] },
    svg("line", { x1: x(at.approval_rate), x2: x(at.approval_rate), y1: top, y2: floor, "stroke-dasharray": "2 3" }),
    svg("circle", { cx: x(at.approval_rate), cy: y(at[name]), r: 5 })));
  const today = state.today[name] === null ? null
    : svg("circle", { cx: x(state.today.approval_rate), cy: y(state.today[name]), r: 5, class: "rk-today" });
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
    svg("text", { x: left, y: 11 }, title), ...ticks, ...rates,
    svg("text", { x: width - right, y: height - 4, "text-anchor": "end" }, state.rate_name),
    ...state.curves.map((curve, at) => svg("path", { d: band(curve), class: `rk-band ${colours[at]}` })),
    ...state.curves.map((curve, at) => svg("path", { d: path(curve, curve[name]), class: `rk-curve ${colours[at]}` })),
    ...marks.filter((mark) => mark !== null), ...(today ? [today] : []));
};

const render = ({ model, el: host }) => {
  const typed = {};
  const draw = (state, send) => {
    const sliders = state.models.map((one, at) => el("div", { class: "rk-slider" },
      el("span", {}, one.name),
      el("input", {
        type: "range", min: 0, max: one.points.length - 1, step: 1, value: one.place,
        "data-key": `slide-${one.name}`, "aria-label": `Cutoff of the ${one.name}`, "aria-valuetext": `${one.cutoff} points`,
        oninput: (event) => send({ act: "move", model: one.name, cutoff: one.points[Number(event.target.value)] }),
      }),
      el("output", {}, String(one.cutoff)),
      el("label", {}, el("input", { type: "radio", name: "decided", "data-key": `decided-${one.name}`, checked: one.name === state.decided, onchange: () => send({ act: "model", model: one.name }) }), " decide about this one")));
    return [
      el("p", { class: "rk-soft" }, `On ${state.chosen_on}; other loans judge the cutoff.`),
      state.has_policy
        ? el("div", { class: "rk-row" }, el("label", {}, "Rule ",
            el("select", { "data-key": "rule", onchange: (event) => send({ act: "behind", behind: event.target.value === "behind" }) },
              el("option", { value: "behind", selected: state.behind }, "a second hurdle behind today's policy"),
              el("option", { value: "only", selected: !state.behind }, "the only rule"))))
        : null,
      ...sliders,
      el("div", { class: "rk-row" }, el("label", {}, el("input", { type: "checkbox", "data-key": "linked", checked: state.is_linked, onchange: (event) => send({ act: "link", is_linked: event.target.checked }) }), " the other model follows at equal approval")),
      told(state.message),
      el("p", { class: "rk-key" }, el("span", { class: "rk-key-first" }, state.models[0].name), el("span", { class: "rk-key-second" }, state.models[1].name),
        el("span", { class: "rk-soft" }, `the ring is ${state.heads.at(-1)}; bands are 95 %`)),
      el("div", { class: "rk-panels" },
        drawPanel(state, "bad_rate", "Bad rate of booked loans", (value) => percent(value)),
        drawPanel(state, "profit_amount", `Profit of the loans booked${state.currency ? `, ${state.currency}` : ""}`, shortMoney)),
      table(["", ...state.heads], state.rows, "At these cutoffs"),
      table(["decision", "applications", "booked", "bads", "bad rate, 95 %"], state.swaps, "Who changes places between the two"),
      state.so_far ? el("p", {}, state.so_far) : null,
      signature(typed, send, `Sign and save the cutoff of the ${state.decided}`, false),
      state.saves_to ? el("p", { class: "rk-soft" }, `saved to ${state.saves_to}`) : null,
    ].filter((part) => part !== null);
  };
  return drawing(model, host, draw);
};

export default { render };
