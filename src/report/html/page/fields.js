// How the values of a series look: Grafana's field configuration, with its overrides.

const PALETTE = ["blue", "orange", "green", "purple", "sky", "amber", "red", "brown"];

// A second and third round through the palette are told apart by dashes.
const DASHES = [undefined, [7, 4], [2, 3], [9, 3, 2, 3]];

function fieldOf(panel, series, index) {
  const config = panel.fieldConfig ?? {};
  const field = { custom: {}, ...config.defaults, name: series.name, paletteIndex: index };
  field.custom = { ...field.custom };
  for (const override of config.overrides ?? []) {
    if (!matches(override.matcher ?? {}, series)) continue;
    for (const { id, value } of override.properties ?? []) {
      if (id.startsWith("custom.")) field.custom[id.slice(7)] = value;
      else field[id] = value;
    }
  }
  if (field.displayName) field.name = field.displayName.replace("${__field.displayName}", series.name);
  return field;
}

function matches({ id, options }, series) {
  switch (id) {
    case "byName": return options === series.name;
    case "byFrameRefID": return options === series.refId;
    case "byRegexp": return regularExpression(options)?.test(series.name) ?? false;
    default: return false;
  }
}

function regularExpression(text) {
  const [, body, flags] = /^\/(.*)\/(\w*)$/s.exec(text) ?? [null, text, ""];
  try {
    return new RegExp(body, flags);
  } catch {
    return null;
  }
}

// The colour as the theme has it. Grafana's shades of a hue are one hue here.
function colour(name) {
  const hue = name.replace(/^(super-light|light|semi-dark|dark)-/, "").replace("yellow", "amber");
  if (!/^[a-z]+$/.test(hue)) return name;
  const style = getComputedStyle(document.documentElement);
  return style.getPropertyValue(`--${hue}`).trim() || hue;
}

function seriesColour(field) {
  const { mode, fixedColor } = field.color ?? {};
  if (mode === "fixed" && fixedColor) return colour(fixedColor);
  return colour(PALETTE[field.paletteIndex % PALETTE.length]);
}

function seriesDash(field) {
  const style = field.custom.lineStyle;
  if (style?.fill === "dash") return style.dash ?? [10, 10];
  if (field.color?.mode === "fixed") return undefined;
  return DASHES[Math.floor(field.paletteIndex / PALETTE.length) % DASHES.length];
}

// The colour of a value by the field's thresholds.
function thresholdColour(field, value) {
  if (field.color?.mode === "fixed") return colour(field.color.fixedColor ?? "text");
  const steps = field.thresholds?.steps ?? [];
  const reached = steps.filter((step) => step.value == null || value >= thresholdValue(field, step));
  return colour(reached.at(-1)?.color ?? "text");
}

function thresholdValue(field, step) {
  if (field.thresholds?.mode !== "percentage") return step.value;
  const { min = 0, max = 100 } = field;
  return min + (max - min) * step.value / 100;
}

function formatField(field, value) {
  for (const { type, options } of field.mappings ?? []) {
    const mapped = {
      value: () => options[String(value)],
      range: () => value != null && value >= (options.from ?? -Infinity) && value <= (options.to ?? Infinity) && options.result,
      special: () => value == null && /^null/.test(options.match) && options.result,
    }[type]?.();
    if (mapped?.text) return mapped.text;
  }
  return formatUnit(value, field.unit, field.decimals);
}

// One number for a series, as Grafana's calculations make it.
function reduce(values, calculation) {
  const known = values.filter((value) => value != null);
  const sum = () => known.reduce((total, value) => total + value, 0);
  if (known.length === 0) return calculation === "count" || calculation === "sum" ? 0 : null;
  switch (calculation) {
    case "first": return values[0];
    case "firstNotNull": return known[0];
    case "last": return values.at(-1);
    case "mean": return sum() / known.length;
    case "sum": return sum();
    case "count": return known.length;
    case "min": return Math.min(...known);
    case "max": return Math.max(...known);
    case "range": return Math.max(...known) - Math.min(...known);
    case "diff": return known.at(-1) - known[0];
    default: return known.at(-1);
  }
}

const CALCULATIONS = { lastNotNull: "last", firstNotNull: "first", last: "last", first: "first" };
