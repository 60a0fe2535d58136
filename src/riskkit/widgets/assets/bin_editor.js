
// -- the chart: share of loans as bars, bad rates as points ---------------------------------------

const CHART = { width: 760, height: 250, left: 52, right: 52, top: 14, bottom: 62 };

const drawChart = (state, picked, pick) => {
  const { width, height, left, right, top, bottom } = CHART;
  const bins = state.bins;
  const step = (width - left - right) / bins.length;
  const floor = height - bottom;
  const most = ceiling(Math.max(...bins.map((bin) => bin.share || 0)));
  const highs = bins.flatMap((bin) => [bin.rate[2], bin.test[2]]).filter((value) => value !== null);
  const worst = Math.min(1, ceiling(Math.max(...highs, 0.001)));
  const yShare = (value) => floor - (value / most) * (floor - top);
  const yRate = (value) => floor - (value / worst) * (floor - top);
  const ticks = [0, 0.5, 1].map((part) => {
    const y = floor - part * (floor - top);
    return svg(
      "g",
      {},
      svg("line", { x1: left, x2: width - right, y1: y, y2: y, class: "rk-grid" }),
      svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, percent(part * most, most < 0.1 ? 1 : 0)),
      svg("text", { x: width - right + 6, y: y + 4, class: "rk-rate" }, percent(part * worst)),
    );
  });
  const whisker = (x, [at, low, high], kind) =>
    at === null
      ? null
      : svg(
          "g",
          { class: kind },
          low === null ? null : svg("line", { x1: x, x2: x, y1: yRate(low), y2: yRate(Math.min(high, worst)) }),
          svg("circle", { cx: x, cy: yRate(at), r: 4 }),
        );
  const columns = bins.map((bin, at) => {
    const x = left + at * step;
    const label = short(bin.label, 16);
    return svg(
      "g",
      {
        class: `rk-bin${picked === at ? " picked" : ""}${bin.is_ordinary ? "" : " apart"}`,
        role: "button",
        tabindex: "0",
        "data-key": `bin-${at}`,
        "aria-pressed": picked === at ? "true" : "false",
        "aria-label": `Bin ${bin.label}: ${bin.cells[1]} loans, bad rate ${bin.cells[3]}`,
        onclick: () => pick(at),
        onkeydown: (event) => {
          if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(at); }
        },
      },
      svg("title", {}, `${bin.label}: ${bin.cells[1]} loans, bad rate ${bin.cells[3]}; test ${bin.cells[6]}`),
      svg("rect", { x, y: top, width: step, height: floor - top + bottom, class: "rk-hit" }),
      svg("rect", { x: x + step * 0.12, width: step * 0.76, y: yShare(bin.share || 0), height: floor - yShare(bin.share || 0), class: "rk-bar" }),
      whisker(x + step * 0.42, bin.rate, "rk-train"),
      whisker(x + step * 0.58, bin.test, "rk-test"),
      svg("text", { x: x + step / 2, y: floor + 16, "text-anchor": "end", transform: `rotate(-28 ${x + step / 2} ${floor + 16})` }, label),
    );
  });
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Bins: share of loans and bad rates" },
    ...ticks,
    ...columns,
  );
};

// -- where a number is cut: click to cut, drag an edge to move it ----------------------------------

const STRIP = { width: 760, height: 76, left: 52, right: 52, top: 18, bottom: 20 };

const drawStrip = (state, send) => {
  const { width, height, left, right, top, bottom } = STRIP;
  const { values, shares, rates, edges } = state.strip;
  const span = width - left - right;
  const floor = height - bottom;
  const xOf = (share) => left + share * span;
  const worst = Math.max(...rates.filter((rate) => rate !== null), 0.001);
  const valueAt = (share) => {
    let best = 0;
    shares.forEach((one, at) => { if (Math.abs(one - share) < Math.abs(shares[best] - share)) best = at; });
    return values[best];
  };
  const shareOf = (event, box) => {
    const drawn = box.getBoundingClientRect();
    const x = ((event.clientX - drawn.left) / drawn.width) * width;
    return Math.min(1, Math.max(0, (x - left) / span));
  };
  const bars = values.map((_, at) => {
    const from = at ? shares[at - 1] : 0;
    const rate = rates[at] || 0;
    const tall = (rate / worst) * (floor - top);
    return svg("rect", { x: xOf(from), width: Math.max(0.5, (shares[at] - from) * span), y: floor - tall, height: tall, class: "rk-fine" });
  });
  const hint = svg("text", { x: left, y: 12 }, "bad rate of the training loans, in the order of their values; click to cut, drag an edge to move it");
  const box = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Where the values are cut" });
  const ground = svg("rect", {
    x: left, y: top, width: span, height: floor - top, class: "rk-ground",
    onclick: (event) => send({ act: "edit", edit: "split_bin", arguments: [valueAt(shareOf(event, box))] }),
    onmousemove: (event) => { hint.textContent = `cut at ${valueAt(shareOf(event, box))}`; },
  });
  const handles = edges.map((edge, number) => {
    const line = svg("line", { x1: xOf(edge.share), x2: xOf(edge.share), y1: top - 4, y2: floor + 3 });
    const label = svg("text", { x: xOf(edge.share), y: height - 5, "text-anchor": "middle" }, String(edge.value));
    const grip = svg("rect", { x: xOf(edge.share) - 6, y: top - 4, width: 12, height: floor - top + 8, class: "rk-grip" });
    let moved = null;
    const handle = svg(
      "g",
      {
        class: "rk-edge",
        "data-edge": number,
        tabindex: "0",
        role: "slider",
        "data-key": `edge-${number}`,
        "aria-label": `Edge ${number + 1}`,
        "aria-valuenow": edge.value,
        "aria-valuetext": `${edge.value}; arrow keys move it`,
        onkeydown: (event) => {
          const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
          if (!by) return;
          event.preventDefault();
          // where this edge stands among the places, or the next one beyond it
          const there = values.filter((value) => (by > 0 ? value > edge.value : value < edge.value));
          const to = by > 0 ? there[0] : there.at(-1);
          if (to !== undefined) send({ act: "edit", edit: "move_edge", arguments: [number, to] });
        },
        onpointerdown: (event) => { moved = edge.value; grip.setPointerCapture(event.pointerId); event.preventDefault(); },
        onpointermove: (event) => {
          if (moved === null) return;
          const share = shareOf(event, box);
          moved = valueAt(share);
          for (const end of ["x1", "x2"]) line.setAttribute(end, xOf(share));
          label.setAttribute("x", xOf(share));
          label.textContent = moved;
        },
        onpointerup: () => {
          const to = moved;
          moved = null;
          if (to !== null && to !== edge.value) send({ act: "edit", edit: "move_edge", arguments: [number, to] });
        },
      },
      grip,
      line,
      label,
    );
    return handle;
  });
  fill(box, {}, [hint, ground, ...bars, ...handles]);
  const field = el("input", { type: "text", inputmode: "decimal", name: "split", size: "10", "aria-label": "Value to cut at" });
  const typed = el(
    "form",
    {
      class: "rk-split",
      onsubmit: (event) => {
        event.preventDefault();
        const at = Number(field.value.trim());
        if (field.value.trim() === "" || Number.isNaN(at)) field.setCustomValidity("a number, please");
        else { field.setCustomValidity(""); send({ act: "edit", edit: "split_bin", arguments: [at] }); }
        field.reportValidity();
      },
      oninput: () => field.setCustomValidity(""),
    },
    el("label", {}, "Cut at ", field),
    el("button", { type: "submit", "data-key": "split-button" }, "Split"),
  );
  return el("div", {}, box, typed);
};

// -- levels of a category: drag them, or tick and move them ----------------------------------------

const drawGroups = (state, ticked, send, redraw) => {
  const move = (to) => {
    send({ act: "edit", edit: "move_levels", arguments: [[...ticked], to] });
    ticked.clear();
  };
  const drop = (to) => ({
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => {
      event.preventDefault();
      ticked.add(event.dataTransfer.getData("text/plain"));
      move(to);
    },
  });
  const boxes = state.groups.map((group, at) =>
    el(
      "div",
      { class: "rk-group", "data-group": at, ...drop(at) },
      el("span", { class: "rk-group-name" }, `bin ${at + 1}`),
      group.map((level) =>
        el(
          "button",
          {
            type: "button",
            class: `rk-level${ticked.has(level.name) ? " picked" : ""}`,
            draggable: "true",
            title: level.text,
            "data-key": `level-${level.name}`,
            "aria-pressed": ticked.has(level.name) ? "true" : "false",
            onclick: () => {
              if (!ticked.delete(level.name)) ticked.add(level.name);
              redraw();
            },
            ondragstart: (event) => event.dataTransfer.setData("text/plain", level.name),
          },
          level.name,
        ),
      ),
      state.n_levels[at] > group.length
        ? el("span", { class: "rk-soft" }, `and ${state.n_levels[at] - group.length} more`)
        : null,
      ticked.size ? button("move here", () => move(at), { "data-key": `to-${at}` }) : null,
    ),
  );
  const fresh = el(
    "div",
    { class: "rk-group rk-new", ...drop(null) },
    el("span", { class: "rk-group-name" }, "a new bin"),
    ticked.size ? button("move here", () => move(null), { "data-key": "to-new" }) : el("span", { class: "rk-soft" }, "drop a level here"),
  );
  return el("div", { class: "rk-groups", role: "group", "aria-label": "Levels of each bin" }, ...boxes, fresh);
};

// -- PSI by month ----------------------------------------------------------------------------------

const drawMonths = (months) => {
  const [width, height, left, floor] = [760, 74, 52, 56];
  const top = Math.max(0.1, ...months.map((one) => Math.max(one.psi || 0, one.critical || 0)));
  const step = (width - 2 * left) / months.length;
  const y = (value) => floor - (value / top) * (floor - 10);
  return svg(
    "svg",
    { viewBox: `0 0 ${width} ${height}`, class: "rk-months", role: "img", "aria-label": "PSI of the bins by month" },
    svg("text", { x: left - 6, y: 14, "text-anchor": "end" }, top.toFixed(2)),
    svg("text", { x: left - 6, y: floor, "text-anchor": "end" }, "PSI"),
    svg("line", { x1: left, x2: width - left, y1: y(0.1), y2: y(0.1), class: "rk-limit" }),
    ...months.map((one, at) =>
      svg(
        "g",
        { class: one.psi > Math.max(0.1, one.critical) ? "rk-moved" : "" },
        svg("title", {}, one.text),
        svg("rect", { x: left + at * step + step * 0.15, width: step * 0.7, y: y(one.psi || 0), height: floor - y(one.psi || 0) }),
        svg("line", { x1: left + at * step, x2: left + (at + 1) * step, y1: y(one.critical || 0), y2: y(one.critical || 0) }),
      ),
    ),
    svg("text", { x: left, y: height - 3 }, months[0].month),
    svg("text", { x: width - left, y: height - 3, "text-anchor": "end" }, months.at(-1).month),
  );
};

// -- all of it ---------------------------------------------------------------------------------------

const render = ({ model, el: host }) => {
  const typed = {};
  const ticked = new Set();
  let picked = null;
  let feature = null;
  const draw = (state, send, redraw) => {
    if (state.feature !== feature) { picked = null; ticked.clear(); feature = state.feature; }
    const merge = (one, other) => {
      picked = null;
      send({ act: "edit", edit: "merge_bins", arguments: [Math.min(one, other), Math.max(one, other)] });
    };
    const pick = (at) => {
      if (picked === null) picked = at;
      else if (picked === at) picked = null;
      else { merge(picked, at); return; }
      redraw();
    };
    const chooser = el(
      "select",
      { "data-key": "feature", onchange: (event) => send({ act: "look", feature: event.target.value }) },
      state.features.map((one) =>
        el("option", { value: one.name, selected: one.name === state.feature }, `${one.label} · IV ${one.iv}${one.mark ? ` · ${one.mark}` : ""}`),
      ),
    );
    const rows = state.bins.map((bin, at) => {
      const merging = bin.next < 0
        ? ""
        : button(`merge with ${short(state.bins[bin.next].label, 12)}`, () => merge(at, bin.next), { "data-key": `merge-${at}` });
      return {
        attributes: { class: picked === at ? "picked" : "" },
        cells: [...bin.cells, el("span", { class: bin.is_doubtful ? "rk-doubt" : "" }, bin.p), merging],
      };
    });
    const effect = state.effect;
    return [
      el("div", { class: "rk-row" }, el("label", {}, "Feature ", chooser),
        button("Undo", () => send({ act: "undo" }), { disabled: !state.can_undo, "data-key": "undo" }),
        button("Redo", () => send({ act: "redo" }), { disabled: !state.can_redo, "data-key": "redo" })),
      el("div", { class: "rk-figures" }, state.figures.map(([name, text, why]) =>
        el("div", { title: why }, el("div", { class: "rk-name" }, name), el("div", { class: "rk-value" }, text)))),
      told(state.message),
      el("p", { class: "rk-key" },
        el("span", { class: "rk-key-bar" }, "share of training loans"),
        el("span", { class: "rk-key-train" }, "bad rate, training, 95 %"),
        el("span", { class: "rk-key-test" }, "bad rate, test, 95 %"),
        el("span", { class: "rk-soft" }, picked === null ? "click two bins to merge them" : "click another bin to merge the two")),
      drawChart(state, picked, pick),
      state.strip ? drawStrip(state, send) : drawGroups(state, ticked, send, redraw),
      table([...state.heads, "p against next", ""], rows),
      state.months.length ? drawMonths(state.months) : null,
      el("div", { class: "rk-row" },
        button("What does it change?", () => send({ act: "effect" }), { disabled: !state.is_changed, "data-key": "effect" }),
        el("span", { class: "rk-soft" }, "fits a card with the bins before and after")),
      effect
        ? el("div", { class: "rk-effect" }, el("ul", {}, effect.lines.map((line) => el("li", {}, line))),
            el("div", { class: "rk-row rk-top" }, ["before", "after"].map((card) =>
              table(["bin", "points"], effect.points.filter((row) => row[0] === card).map((row) => row.slice(1)), `Points ${card}`))),
            el("p", { class: "rk-soft" }, effect.about))
        : null,
      signature(typed, send, "Sign and save", !state.is_changed),
      state.saves_to ? el("p", { class: "rk-soft" }, `saved to ${state.saves_to}`) : null,
    ].filter((part) => part !== null);
  };
  return drawing(model, host, draw);
};

export default { render };
