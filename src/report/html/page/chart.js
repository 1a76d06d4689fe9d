// One chart over time: drawn by uPlot, named by a legend, told from by mouse and keyboard.

// Builds the chart of some series into `host`. `view` is the time that is shown, shared by all.
function makeChart(host, { title, series, panel }, view) {
  const custom = series[0]?.field.custom ?? {};
  const stacked = custom.stacking?.mode === "normal" || custom.stacking?.mode === "percent";
  const area = element("div", { class: "plot", tabindex: 0, role: "group", "aria-label": describe(title) });
  const tip = element("div", { class: "tip", hidden: true });
  const legend = makeLegend(panel, series, (index, shown) => show(index, shown));
  host.append(area, legend.root);
  area.append(tip);

  const hidden = new Set();
  // In a stack the lowest is drawn last: where those above it add nothing, its edge is seen.
  const order = series.map((_, i) => (stacked ? series.length - 1 - i : i));
  const place = (i) => order.indexOf(i) + 1;
  const units = [...new Set(series.map(({ field }) => field.unit ?? ""))].slice(0, 2);
  const scaleOf = (field) => `y${Math.max(0, units.indexOf(field.unit ?? ""))}`;
  const options = {
    ...sizeOf(area),
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
    legend: { show: false },
    padding: [8, 18, 0, 0],
    cursor: {
      sync: { key: "run", setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
      bind: { dblclick: () => () => view.showAll() },
    },
    scales: { x: { min: view.from, max: view.to } },
    axes: [timeAxis()],
    series: [{}],
    hooks: {
      setCursor: [(u) => followCursor(u)],
      setSelect: [(u) => {
        if (u.select.width < 4) return;
        const [from, to] = [u.select.left, u.select.left + u.select.width].map((x) => u.posToVal(x, "x"));
        u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
        view.show(from, to);
      }],
      drawAxes: [(u) => washFaults(u, view)],
      draw: [(u) => drawThresholds(u, series[0]?.field)],
    },
  };
  units.forEach((unit, index) => {
    const { field } = series.find((one) => (one.field.unit ?? "") === unit);
    options.scales[`y${index}`] = {
      range: (_, low, high) => rangeOf(field, low, high),
      distr: custom.scaleDistribution?.type === "log" ? 3 : 1,
      log: custom.scaleDistribution?.log ?? 10,
    };
    const ofUnit = series.filter((one) => (one.field.unit ?? "") === unit);
    options.axes.push(valueAxis(`y${index}`, field, index, ofUnit.every(({ values }) => values.every(isCount))));
  });
  options.series.push(...order.map((i) => lineOf(series[i].field, scaleOf(series[i].field), stacked)));
  options.bands = bands();

  const plot = new uPlot(options, data(), area);
  plot.over.addEventListener("mouseenter", () => area.classList.add("hovered"));
  plot.over.addEventListener("mouseleave", () => area.classList.remove("hovered"));
  area.addEventListener("keydown", (event) => onKey(event, plot, view));
  const observer = new ResizeObserver(() => plot.setSize(sizeOf(area)));
  observer.observe(area);
  legend.tell(null);

  function data() {
    const columns = series.map(({ values }) => values);
    const drawn = stacked ? stack(columns, hidden, custom.stacking.mode) : columns;
    return [view.times, ...order.map((i) => drawn[i])];
  }

  // Between each series of a stack and the next one below it that is shown.
  function bands() {
    const shown = series.map((_, i) => i).filter((i) => stacked && !hidden.has(i));
    return shown.slice(1).map((i, n) => ({ series: [place(i), place(shown[n])], dir: -1 }));
  }

  function show(index, shown) {
    if (shown) hidden.delete(index);
    else hidden.add(index);
    if (stacked) {
      plot.setData(data(), false);
      plot.delBand(null);
      bands().forEach((band) => plot.addBand(band));
    }
    plot.setSeries(place(index), { show: shown });
    plot.setScale("x", { min: view.from, max: view.to });
  }

  function followCursor(u) {
    const index = u.cursor.left >= 0 ? u.cursor.idx : null;
    legend.tell(index);
    view.point(index);
    tip.hidden = index == null || !area.matches(".hovered, .keyed");
    if (!tip.hidden) placeTip(tip, u, tipText(series, hidden, view.times[index], index, view));
  }

  return {
    plot,
    // Moves the cursor of this chart to one of the times; none takes it away.
    pointAt(index) {
      const left = index == null ? -10 : plot.valToPos(view.times[index], "x");
      plot.setCursor({ left, top: index == null ? -10 : plot.over.clientHeight / 2 });
    },
    // What the series say at one of the times.
    tellAt: (index) => series.filter((_, i) => !hidden.has(i))
      .map(({ field, values }) => `${field.name} ${formatField(field, values[index])}`).join(", "),
    rescale: () => plot.setScale("x", { min: view.from, max: view.to }),
    redraw: () => {
      plot.redraw(false);
      legend.paint();
    },
    destroy() {
      observer.disconnect();
      plot.destroy();
      host.replaceChildren();
    },
  };
}

const describe = (title) => `${title}. Arrow keys move through time, plus and minus zoom, Escape shows all.`;

const sizeOf = (area) => ({ width: Math.max(80, area.clientWidth), height: Math.max(60, area.clientHeight) });

const FONT = "11px system-ui, sans-serif";

function timeAxis() {
  return {
    stroke: () => colour("quiet"), font: FONT, size: 28, space: 70,
    grid: { stroke: () => colour("grid"), width: 1 }, ticks: { show: false },
    incrs: TICK_STEPS, values: (u, splits) => splits.map((seconds) => tickText(seconds, u.scales.x)),
  };
}

function valueAxis(scale, field, index, isWhole) {
  const width = (texts) => Math.max(0, ...texts.map((text) => text.length)) * 6.2 + 14;
  return {
    scale, side: index === 0 ? 3 : 1, stroke: () => colour("quiet"), font: FONT, gap: 4, space: 26,
    size: (_, texts) => (texts ? width(texts) : 40),
    grid: { show: index === 0, stroke: () => colour("grid"), width: 1 }, ticks: { show: false },
    incrs: stepsOf(field, isWhole),
    values: (_, splits) => splits.map((value) => (value == null ? "" : formatUnit(value, field.unit, null))),
  };
}

// Steps of an axis of seconds: round ones, in whatever unit they are written.
const TIME_STEPS = [
  1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 10800, 21600, 43200, 86400, 172800, 432000, 864000,
];

const isCount = (value) => value == null || Number.isInteger(value);

// Counts have no fractions, and seconds are counted by sixty.
function stepsOf({ unit }, isWhole) {
  if (SECONDS[unit]) return TIME_STEPS.map((step) => step / SECONDS[unit]);
  if (!isWhole) return undefined;
  return Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
}

// Zero belongs to the picture, unless the dashboard says otherwise.
function rangeOf(field, low, high) {
  if (low == null) return [field.min ?? 0, field.max ?? 1];
  const bottom = field.min ?? field.custom.axisSoftMin ?? Math.min(0, low);
  const room = high + (high - Math.min(bottom, low)) * 0.06;
  const top = field.max ?? Math.max(field.custom.axisSoftMax ?? -Infinity, high > bottom ? room : bottom + 1);
  return [bottom, top];
}

function lineOf(field, scale, stacked) {
  const { drawStyle = "line", lineInterpolation = "linear", lineWidth = 1, fillOpacity = 0, spanNulls } = field.custom;
  const paths = {
    bars: () => uPlot.paths.bars({ size: [0.9, 40] }),
    points: () => () => null,
    line: () => ({
      smooth: uPlot.paths.spline, stepBefore: () => uPlot.paths.stepped({ align: -1 }),
      stepAfter: () => uPlot.paths.stepped({ align: 1 }),
    }[lineInterpolation] ?? uPlot.paths.linear)(),
  };
  const share = stacked ? Math.max(fillOpacity, 30) : drawStyle === "bars" ? Math.max(fillOpacity, 60) : fillOpacity;
  return {
    scale, label: field.name, width: Math.max(1.25, lineWidth), dash: seriesDash(field),
    stroke: () => seriesColour(field),
    fill: share > 0 ? () => `color-mix(in srgb, ${seriesColour(field)} ${share}%, transparent)` : undefined,
    paths: (paths[drawStyle] ?? paths.line)(),
    points: drawStyle === "points" ? { show: true, size: 4 } : { show: isLonely, size: 5 },
    spanGaps: spanNulls === true,
  };
}

// A value without neighbours makes no line: it is shown as a point.
function isLonely(u, seriesIndex, from, to) {
  const values = u.data[seriesIndex];
  const lonely = [];
  for (let i = from; i <= to; i += 1) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) lonely.push(i);
  }
  return lonely.length > 0 && lonely.length < 50 && lonely.length === values.slice(from, to + 1).filter((v) => v != null).length;
}

// Each column on top of those before it. Where no series has a value there is none.
function stack(columns, hidden, mode) {
  const shown = columns.map((_, i) => i).filter((i) => !hidden.has(i));
  const totals = columns[0]?.map((_, at) => shown.reduce((sum, i) => sum + (columns[i][at] ?? 0), 0)) ?? [];
  const isEmpty = totals.map((_, at) => shown.every((i) => columns[i][at] == null));
  const running = totals.map(() => 0);
  return columns.map((column, i) => column.map((value, at) => {
    if (isEmpty[at]) return null;
    if (!hidden.has(i)) running[at] += value ?? 0;
    return mode === "percent" ? running[at] / (totals[at] || 1) * 100 : running[at];
  }));
}

// Behind the lines: when faults went on.
function washFaults(u, view) {
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  u.ctx.beginPath();
  u.ctx.rect(left, top, width, height);
  u.ctx.clip();
  u.ctx.fillStyle = colour("wash");
  for (const [from, to] of view.faults) {
    const [x0, x1] = [from, to].map((seconds) => u.valToPos(seconds, "x", true));
    u.ctx.fillRect(x0, top, Math.max(x1 - x0, devicePixelRatio), height);
  }
  u.ctx.restore();
}

function drawThresholds(u, field) {
  const style = field?.custom.thresholdsStyle?.mode ?? "off";
  if (style === "off") return;
  const { left, top, width, height } = u.bbox;
  u.ctx.save();
  for (const step of field.thresholds?.steps ?? []) {
    if (step.value == null) continue;
    const y = Math.round(u.valToPos(thresholdValue(field, step), "y0", true));
    if (!(y >= top && y <= top + height)) continue;
    u.ctx.strokeStyle = colour(step.color);
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash(style.includes("dashed") ? [8, 6] : []);
    u.ctx.beginPath();
    u.ctx.moveTo(left, y);
    u.ctx.lineTo(left + width, y);
    u.ctx.stroke();
  }
  u.ctx.restore();
}

function tipText(series, hidden, seconds, index, view) {
  const lines = series.map(({ field, values }, i) => ({ field, value: values[index], i }))
    .filter(({ value, i }) => value != null && !hidden.has(i))
    .sort((a, b) => b.value - a.value);
  const rows = lines.slice(0, 10).map(({ field, value }) => element("li", {},
    swatch(seriesColour(field)), element("span", {}, field.name), element("b", {}, formatField(field, value))));
  const rest = lines.length - rows.length;
  return [
    element("p", {}, `${formatTime(seconds)} UTC`, element("small", {}, ` +${formatLength(seconds - view.start)}`)),
    element("ul", {}, ...rows),
    ...(rest > 0 ? [element("p", {}, `and ${rest} more`)] : []),
  ];
}

function placeTip(tip, u, content) {
  tip.replaceChildren(...content);
  const { left, width } = u.over.getBoundingClientRect();
  const x = u.cursor.left;
  const offset = left - tip.parentElement.getBoundingClientRect().left;
  const isRight = x > width / 2;
  tip.style.left = `${offset + x + (isRight ? -tip.offsetWidth - 14 : 14)}px`;
}

function onKey(event, plot, view) {
  const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (steps) view.step(steps * (event.shiftKey ? 10 : 1), plot);
  else if (event.key === "+" || event.key === "=") view.zoom(0.5);
  else if (event.key === "-") view.zoom(2);
  else if (event.key === "Escape") view.showAll();
  else return;
  event.preventDefault();
}
