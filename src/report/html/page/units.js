// Values as people read them, in Grafana's units.

const SHORT = ["", " K", " Mil", " Bil", " Tri"];
const SI = ["", "k", "M", "G", "T", "P"];
const IEC = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

// From the smallest: up to which value of seconds, how many seconds one is, and its name.
const TIMES = [
  [1e-6, 1e-9, "ns"], [1e-3, 1e-6, "µs"], [1, 1e-3, "ms"], [60, 1, "s"], [3600, 60, "min"],
  [86400, 3600, "h"], [604800, 86400, "d"], [31536000, 604800, "weeks"], [Infinity, 31536000, "years"],
];

// So many seconds is one of each unit of time.
const SECONDS = { ns: 1e-9, "µs": 1e-6, us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 };

// Counts of something in a time: the value, scaled, and this.
const COUNTS = {
  cps: "c/s", cpm: "c/min", ops: "ops/s", opm: "ops/min", reqps: "req/s", reqpm: "req/min", rps: "rd/s",
  rpm: "rd/min", wps: "wr/s", wpm: "wr/min", iops: "io/s", eps: "evt/s", epm: "evt/min", mps: "msg/s",
  mpm: "msg/min", recps: "rec/s", recpm: "rec/min", rowsps: "rows/s",
};

// Bytes and bits: base, names of powers, and what one is.
const SIZES = {
  bytes: [1024, IEC, "B"], decbytes: [1000, SI, "B"], bits: [1024, IEC, "b"], decbits: [1000, SI, "b"],
  binBps: [1024, IEC, "B/s"], Bps: [1000, SI, "B/s"], binbps: [1024, IEC, "b/s"], bps: [1000, SI, "b/s"],
  hertz: [1000, SI, "Hz"],
};

// A number with the digits asked for, or with three that count.
function digits(value, decimals) {
  if (decimals != null) return value.toFixed(decimals);
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const before = Math.floor(Math.log10(Math.abs(value))) + 1;
  const text = value.toFixed(Math.min(12, Math.max(0, 3 - before)));
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

function scaled(value, base, names, decimals) {
  let power = 0;
  while (Math.abs(value) >= base && power < names.length - 1) {
    value /= base;
    power += 1;
  }
  return [digits(value, power === 0 && Number.isInteger(value) ? decimals ?? 0 : decimals), names[power]];
}

function formatSeconds(seconds, decimals) {
  if (seconds === 0) return "0 s";
  const [, one, name] = TIMES.find(([until]) => Math.abs(seconds) < until);
  return `${digits(seconds / one, decimals)} ${name}`;
}

// 93784 as `1d 2h 3m`: for lengths of time that are no measurements.
function formatLength(seconds) {
  const parts = [];
  for (const [name, one] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    const whole = Math.floor(seconds / one);
    if (whole > 0) parts.push(`${whole}${name}`);
    seconds -= whole * one;
  }
  return parts.slice(0, 2).join(" ") || "0s";
}

function formatUnit(value, unit, decimals) {
  if (value == null || Number.isNaN(value)) return "–";
  if (SECONDS[unit]) return formatSeconds(value * SECONDS[unit], decimals);
  if (COUNTS[unit]) {
    const [text, name] = scaled(value, 1000, SHORT, decimals);
    return `${text}${name} ${COUNTS[unit]}`;
  }
  if (SIZES[unit]) {
    const [base, names, one] = SIZES[unit];
    const [text, name] = scaled(value, base, names, decimals);
    return `${text} ${name}${one}`;
  }
  switch (unit) {
    case undefined: case "": case "none": return digits(value, decimals);
    case "short": return scaled(value, 1000, SHORT, decimals).join("");
    case "sishort": return scaled(value, 1000, SI, decimals).join(" ").trim();
    case "percent": return `${digits(value, decimals)}%`;
    case "percentunit": return `${digits(value * 100, decimals)}%`;
    case "dtdurations": return formatLength(value);
    case "dtdurationms": return formatLength(value / 1000);
    case "bool": return value ? "True" : "False";
    case "bool_yes_no": return value ? "Yes" : "No";
    case "bool_on_off": return value ? "On" : "Off";
    case "dateTimeAsIso": case "dateTimeFromNow": return formatTime(value / 1000);
  }
  const [kind, text] = unit.split(/:(.*)/s);
  if (kind === "prefix") return `${text}${digits(value, decimals)}`;
  if (kind === "si") return `${scaled(value, 1000, SI, decimals).join(" ")}${text}`;
  return `${digits(value, decimals)} ${kind === "suffix" ? text : unit}`;
}

// Seconds since 1970 as `2024-03-04 20:15:00`, in UTC.
function formatTime(seconds) {
  return new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");
}
