// Panels by kind: each function fills a body with what some series say.

// The series of a panel for what is chosen now, each with its field configuration.
function seriesOf(panel, chosen, variables) {
  const found = [];
  for (const target of panel.targets) {
    const place = target.by.reduce((at, number) => at * variables[number].choices.length + chosen[number], 0);
    for (const { name, labels, values } of target.answers[place]) {
      const series = { name, labels, refId: target.refId, instant: target.instant, query: target.query };
      found.push({ ...series, values: unpack(values), field: fieldOf(panel, series, found.length) });
    }
  }
  return found;
}

// `[v, n]` stands for n times v.
function unpack(values) {
  return values.flatMap((value) => (Array.isArray(value) ? Array(value[1]).fill(value[0]) : [value]));
}

const PANELS = {
  timeseries: (body, panel, series, view) => makeChart(body, { title: panel.title, panel, series }, view),
  graph: (body, panel, series, view) => makeChart(body, { title: panel.title, panel, series }, view),
  stat: drawing(drawStat),
  gauge: drawing(drawGauge),
  bargauge: drawing(drawBars),
  table: drawing(drawTable),
  text: drawing(drawText),
};

// A panel that is drawn afresh whenever the time that is shown changes.
function drawing(draw) {
  return (body, panel, series, view) => {
    const again = () => draw(body, panel, series, view);
    again();
    return { rescale: again, redraw: again, destroy: () => body.replaceChildren() };
  };
}

// The value of a series for a panel with one number: over the time that is shown.
function valueOf(panel, series, view) {
  if (series.instant) return series.values[0];
  const [calculation = "lastNotNull"] = panel.options?.reduceOptions?.calcs ?? [];
  const [first, last] = view.indices();
  return reduce(series.values.slice(first, last + 1), calculation);
}

function drawStat(body, panel, series, view) {
  const { colorMode = "value", graphMode = "area", textMode = "auto" } = panel.options ?? {};
  const withName = textMode === "value_and_name" || textMode === "name" || (textMode === "auto" && series.length > 1);
  const tiles = series.map((one) => {
    const value = valueOf(panel, one, view);
    const tint = thresholdColour(one.field, value);
    const tile = element("div", { class: `tile ${colorMode.startsWith("background") ? "filled" : ""}` });
    tile.style.setProperty("--tint", colorMode === "none" ? "var(--text)" : tint);
    if (withName) tile.append(element("span", { class: "name" }, one.field.name));
    if (textMode !== "name") tile.append(element("b", { class: "number" }, formatField(one.field, value)));
    if (graphMode === "area" && !one.instant) tile.append(sparkline(one.values, view));
    return tile;
  });
  body.replaceChildren(element("div", { class: "tiles" }, ...tiles));
}

// The course of a value behind its number: a shape, not a scale.
function sparkline(values, view) {
  const [first, last] = view.indices();
  const shown = values.slice(first, last + 1);
  const high = Math.max(...shown.map((value) => value ?? 0), 1e-12);
  const low = Math.min(...shown.map((value) => value ?? 0), 0);
  const y = (value) => (29 - 28 * (value - low) / (high - low)).toFixed(2);
  const points = shown.map((value, i) => `${i},${y(value ?? low)}`);
  const shape = svg("svg", { class: "spark", viewBox: `0 0 ${Math.max(1, shown.length - 1)} 30`, preserveAspectRatio: "none", "aria-hidden": true });
  shape.append(
    svg("polygon", { points: `0,30 ${points.join(" ")} ${shown.length - 1},30` }),
    svg("polyline", { points: points.join(" "), "vector-effect": "non-scaling-stroke" }),
  );
  return shape;
}

function drawGauge(body, panel, series, view) {
  const gauges = series.map((one) => {
    const value = valueOf(panel, one, view);
    const { min = 0, max = 100 } = one.field;
    const share = Math.min(1, Math.max(0, ((value ?? min) - min) / (max - min || 1)));
    const arc = (part) => {
      const angle = Math.PI * (1 - part);
      return `M 10 60 A 50 50 0 0 1 ${60 + 50 * Math.cos(angle)} ${60 - 50 * Math.sin(angle)}`;
    };
    const dial = svg("svg", { viewBox: "0 0 120 66", class: "dial", "aria-hidden": true });
    const hand = svg("path", { d: arc(share), class: "hand" });
    hand.style.stroke = thresholdColour(one.field, value);
    dial.append(svg("path", { d: arc(1), class: "scale" }), hand);
    return element("div", { class: "tile" }, dial,
      element("b", { class: "number" }, formatField(one.field, value)), element("span", { class: "name" }, one.field.name));
  });
  body.replaceChildren(element("div", { class: "tiles" }, ...gauges));
}

function drawBars(body, panel, series, view) {
  const values = series.map((one) => valueOf(panel, one, view));
  const most = Math.max(...values.map((value) => value ?? 0), 1e-12);
  const rows = series.map((one, i) => {
    const { min = 0, max = most } = one.field;
    const bar = element("span", { class: "bar" });
    bar.style.width = `${Math.min(100, Math.max(0, ((values[i] ?? min) - min) / (max - min || 1) * 100))}%`;
    bar.style.background = thresholdColour(one.field, values[i]);
    return element("li", {}, element("span", { class: "name" }, one.field.name),
      element("span", { class: "track" }, bar), element("b", {}, formatField(one.field, values[i])));
  });
  body.replaceChildren(element("ul", { class: "bars" }, ...rows));
}

function drawTable(body, panel, series) {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels ?? {})))].filter((name) => name !== "__name__");
  const targets = [...new Set(series.map((one) => one.refId))];
  const rows = new Map();
  for (const one of series) {
    const key = JSON.stringify(labels.map((name) => one.labels?.[name] ?? ""));
    if (!rows.has(key)) rows.set(key, { labels: one.labels ?? {}, values: {} });
    rows.get(key).values[one.refId] = formatField(one.field, one.values[0]);
  }
  const titles = targets.map((refId) => (targets.length === 1 ? "Value" : `Value ${refId}`));
  const head = [...labels, ...titles].map((name, i) => element("th", { scope: "col", class: i >= labels.length ? "number" : "" }, name));
  const lines = [...rows.values()].map((row) => element("tr", {},
    ...labels.map((name) => element("td", {}, row.labels[name] ?? "")),
    ...targets.map((refId) => element("td", { class: "number" }, row.values[refId] ?? "–"))));
  body.replaceChildren(element("div", { class: "scroll", tabindex: 0 },
    element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...lines))));
}

function drawText(body, panel) {
  body.replaceChildren(element("p", { class: "words" }, panel.options?.content ?? ""));
}

// The names of a chart's series, as switches, with the values at the cursor.
function makeLegend(panel, series, onSwitch) {
  const { showLegend = true, displayMode, placement, calcs = [] } = panel.options?.legend ?? {};
  const root = element("ul", { class: "legend", hidden: !showLegend || displayMode === "hidden" });
  root.classList.toggle("right", placement === "right");
  const values = series.map(() => element("b", {}));
  const swatches = series.map(() => element("i", {}));
  series.forEach((one, i) => {
    const button = element("button", { type: "button", "aria-pressed": true, title: one.query }, swatches[i],
      element("span", {}, one.field.name), values[i]);
    for (const calculation of calcs) {
      const text = formatField(one.field, reduce(one.values, calculation));
      button.append(element("small", {}, `${CALCULATIONS[calculation] ?? calculation} ${text}`));
    }
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      onSwitch(i, shown);
    });
    root.append(element("li", {}, button));
  });
  const paint = () => series.forEach(({ field }, i) => paintSwatch(swatches[i], seriesColour(field), seriesDash(field)));
  paint();
  return {
    root,
    paint,
    // The values at one of the times; without one, the last ones.
    tell: (index) => series.forEach((one, i) => {
      const value = index == null ? reduce(one.values, "lastNotNull") : one.values[index];
      values[i].textContent = formatField(one.field, value);
    }),
  };
}

function paintSwatch(mark, tint, dash) {
  mark.style.borderTopColor = tint;
  mark.style.borderTopStyle = dash ? "dashed" : "solid";
}

function swatch(tint) {
  const mark = element("i", {});
  paintSwatch(mark, tint);
  return mark;
}
