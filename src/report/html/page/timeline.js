// The timeline: one lane per kind of fault, SLO breach and alert, in the same window as the panels.

// Steps of an axis of time, s.
const TICK_STEPS = [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];

function makeTimeline(root, groups, view) {
  const placed = [];
  const cursor = element("div", { class: "cursor", hidden: true });
  for (const { title, remark, lanes } of groups) {
    root.append(element("h3", {}, title, element("span", { class: "aside" }, remark)));
    for (const lane of lanes) root.append(makeLane(lane, view, placed));
  }
  const axis = element("div", { class: "axis" });
  const foot = element("div", { class: "lane foot" }, element("span", { class: "name" }, "UTC"), axis);
  root.append(foot, element("div", { class: "overlay" }, cursor));

  const share = (seconds) => (seconds - view.from) / (view.to - view.from) * 100;
  function rescale() {
    for (const [mark, { from, to }] of placed) {
      const [left, right] = [share(from), share(to)];
      mark.hidden = right < 0 || left > 100;
      mark.style.left = `${Math.max(0, left)}%`;
      mark.style.width = `${Math.min(100, right) - Math.max(0, left)}%`;
    }
    axis.replaceChildren(...ticks(view).map((seconds) => {
      const tick = element("span", {}, tickText(seconds, { min: view.from, max: view.to }));
      tick.style.left = `${share(seconds)}%`;
      return tick;
    }));
  }
  rescale();
  return {
    rescale,
    pointAt(index) {
      cursor.hidden = index == null;
      if (index != null) cursor.style.left = `${share(view.times[index])}%`;
    },
  };
}

// A lane is one stop of the Tab key; arrows move along it, Enter zooms to where one is.
function makeLane({ name, meaning, spans }, view, placed) {
  const track = element("div", { class: "track" });
  const marks = spans.map((span, i) => {
    const [from, to] = [span.fromMs / 1000, span.toMs / 1000];
    const many = span.count > 1 ? `${span.count} times, ` : "";
    const text = `${name}: ${many}${span.text}, ${span.tone}, ${formatTime(from)} for ${formatLength(to - from)}`;
    const mark = element("button", { type: "button", class: `span ${span.tone}`, title: text, "aria-label": text, tabindex: i === 0 ? 0 : -1 });
    mark.addEventListener("click", () => view.show(...around(from, to, view)));
    placed.push([mark, { from, to }]);
    return mark;
  });
  track.append(...marks);
  track.addEventListener("keydown", (event) => {
    const next = marks.indexOf(document.activeElement) + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? NaN);
    if (event.key === "Escape") view.showAll();
    marks[next]?.focus();
    if (marks[next]) event.preventDefault();
  });
  const times = spans.reduce((sum, span) => sum + span.count, 0);
  return element("div", { class: "lane" },
    element("span", { class: "name", title: meaning }, name, element("small", {}, ` ${times}×`)), track);
}

// A window that shows what happened with what came before and after it.
function around(from, to, view) {
  const room = Math.max((to - from) * 1.5, view.stepSeconds * 12);
  return [from - room, to + room];
}

function ticks(view) {
  const length = view.to - view.from;
  const step = TICK_STEPS.find((step) => length / step <= 9) ?? 7776000;
  const first = Math.ceil(view.from / step) * step;
  return Array.from({ length: Math.floor((view.to - first) / step) + 1 }, (_, i) => first + i * step);
}

// A time on an axis: the day at midnight, or where days are all that matters.
function tickText(seconds, { min, max }) {
  const text = formatTime(seconds);
  if (max - min > 6 * 86400 || text.endsWith("00:00:00")) return text.slice(5, 10);
  return max - min > 300 ? text.slice(11, 16) : text.slice(11);
}
