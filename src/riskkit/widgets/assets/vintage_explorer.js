
// -- vintage curves that were chosen, and each cohort at one month on book --------------------------

const FRAME = { width: 760, height: 300, left: 52, right: 74, top: 14, bottom: 34 };
const NAMED = 3;

const drawCurves = (state) => {
  const { width, height, left, right, top, bottom } = FRAME;
  const floor = height - bottom;
  const last = Math.max(state.last_month, 1);
  const high = ceiling(Math.max(0, ...state.curves.flatMap((curve) => curve.values)));
  const x = (month) => left + (month / last) * (width - left - right);
  const y = (rate) => floor - (rate / high) * (floor - top);
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => svg("g", {},
    svg("line", { x1: left, x2: width - right, y1: y(share * high), y2: y(share * high), class: "rk-grid" }),
    svg("text", { x: left - 6, y: y(share * high) + 4, "text-anchor": "end" }, percent(share * high, high < 0.04 ? 2 : 1))));
  const step = Math.max(1, Math.ceil(last / 12));
  const months = Array.from({ length: last + 1 }, (_, month) => month).filter((month) => month % step === 0)
    .map((month) => svg("text", { x: x(month), y: floor + 15, "text-anchor": "middle" }, String(month)));
  // the newest that have a line to speak of are in colour, the earlier ones grey, older ones paler
  const drawn = state.curves.filter((curve) => curve.values.length > 1);
  const taken = [];
  const lines = drawn.map((curve, at) => {
    const fromNewest = drawn.length - 1 - at;
    const isNamed = fromNewest < NAMED;
    const points = curve.values.map((value, month) => `${x(month).toFixed(1)} ${y(value).toFixed(1)}`);
    const end = curve.values.length - 1;
    let beside = y(curve.values[end]);
    while (isNamed && taken.some((other) => Math.abs(other - beside) < 12)) beside -= 12;
    if (isNamed) taken.push(beside);
    return svg("g", { class: isNamed ? `rk-cohort rk-new-${fromNewest}` : "rk-cohort rk-old", opacity: isNamed ? 1 : 0.25 + (0.5 * at) / drawn.length },
      svg("title", {}, curve.name),
      svg("path", { d: `M${points.join("L")}` }),
      isNamed ? svg("text", { x: x(end) + 5, y: beside + 4 }, curve.name) : "");
  });
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Vintage curves of ${drawn.length} cohorts, to month ${state.last_month} on book` },
    ...ticks, ...months, svg("text", { x: width - right, y: height - 4, "text-anchor": "end" }, "month on book"),
    svg("line", { x1: x(state.month), x2: x(state.month), y1: top, y2: floor, class: "rk-limit" }), ...lines);
};

const render = ({ model, el: host }) => {
  const draw = (state, send) => [
    el("div", { class: "rk-row" }, ...state.choices.filter((choice) => choice.values.length > 1).map((choice) =>
      el("label", {}, `${choice.label} `, el("select", {
        "data-key": choice.name,
        onchange: (event) => send({ act: "choose", [choice.name]: choice.values[event.target.selectedIndex] }),
      }, choice.values.map((value, at) => el("option", { selected: value === choice.at }, choice.texts[at])))))),
    told(state.message),
    state.rows.length || state.curves.length ? drawCurves(state) : el("p", {}, "No cohort of these loans is old enough for a curve."),
    el("div", { class: "rk-slider" }, el("span", {}, "at month"),
      el("input", {
        type: "range", min: 0, max: state.last_month, step: 1, value: state.month, "data-key": "month",
        "aria-label": "Month on book", "aria-valuetext": `month ${state.month}`,
        oninput: (event) => send({ act: "choose", month: Number(event.target.value) }),
      }), el("output", {}, String(state.month))),
    table(state.heads, state.rows, `Cohorts that have reached month ${state.month}`),
  ];
  return drawing(model, host, draw);
};

export default { render };
