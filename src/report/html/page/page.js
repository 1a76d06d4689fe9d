// The page as a whole: the window of time that everything shows, the theme, and the beginning.

// An element with attributes and children; text stays text.
function element(name, attributes, ...children) {
  return furnish(document.createElement(name), attributes, children);
}

function svg(name, attributes) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, []);
}

function furnish(node, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true && key !== "aria-hidden" && key !== "aria-pressed") node.setAttribute(key, "");
    else if (value !== false && value !== "") node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const byId = (id) => document.getElementById(id);

// The window of time, and what follows it.
function makeView(pageData) {
  const start = pageData.startMs / 1000;
  const stepSeconds = pageData.stepMs / 1000;
  const times = Array.from({ length: pageData.count }, (_, i) => start + i * stepSeconds);
  const end = Math.max(pageData.endMs / 1000, times.at(-1), start + stepSeconds);
  const faults = pageData.timeline.filter(({ title }) => title === "Faults")
    .flatMap(({ lanes }) => lanes.flatMap(({ spans }) => spans.map((span) => [span.fromMs / 1000, span.toMs / 1000])));
  let followers = () => [];
  let pointed = null;
  const view = {
    start, stepSeconds, times, faults, from: start, to: end,
    follow(list) {
      followers = list;
    },
    // The first and the last time within the window.
    indices() {
      const at = (seconds, round) => Math.min(times.length - 1, Math.max(0, round((seconds - start) / stepSeconds)));
      return [at(view.from, Math.ceil), at(view.to, Math.floor)];
    },
    show(from, to) {
      const least = Math.min(end - start, stepSeconds * 4);
      const middle = (from + to) / 2;
      const half = Math.max(to - from, least) / 2;
      view.from = Math.max(start, middle - half);
      view.to = Math.min(end, middle + half);
      for (const follower of followers()) follower.rescale();
      const isWhole = view.from === start && view.to === end;
      byId("whole").disabled = isWhole;
      byId("window").textContent = isWhole ? "" : `${formatTime(view.from)} to ${formatTime(view.to)} UTC`;
    },
    showAll: () => view.show(start, end),
    zoom(factor) {
      const middle = pointed == null ? (view.from + view.to) / 2 : times[pointed];
      const half = (view.to - view.from) * factor / 2;
      view.show(middle - half, middle + half);
    },
    // One of the times is pointed at.
    point(index) {
      if (index === pointed) return;
      pointed = index;
      timeline?.pointAt(index);
    },
    // Moves on from the time that is pointed at, and says what the chart tells there.
    step(steps, plot) {
      const [first, last] = view.indices();
      const index = Math.min(last, Math.max(first, (pointed ?? (steps > 0 ? first - 1 : last + 1)) + steps));
      for (const { pointAt } of followers()) pointAt?.(index);
      const chart = followers().find((follower) => follower.plot === plot);
      byId("spoken").textContent = `${formatTime(times[index])}: ${chart.tellAt(index)}`;
    },
  };
  let timeline = null;
  view.attachTimeline = (it) => {
    timeline = it;
  };
  return view;
}

const THEMES = ["system", "light", "dark"];

function makeTheme(button, onChange) {
  let theme = 0;
  button.addEventListener("click", () => {
    theme = (theme + 1) % THEMES.length;
    document.documentElement.dataset.theme = THEMES[theme];
    button.textContent = `Theme: ${THEMES[theme]}`;
    onChange();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onChange);
}

function makeCopy(button, text) {
  button.addEventListener("click", async () => {
    getSelection().selectAllChildren(text);
    // Without a clipboard the text is at least selected.
    await navigator.clipboard?.writeText(text.textContent).catch(() => {});
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
}

const pageData = JSON.parse(byId("page-data").textContent);
const view = makeView(pageData);
const timeline = makeTimeline(byId("timeline"), pageData.timeline, view);
view.attachTimeline(timeline);
const dashboard = makeDashboard(byId("panels"), pageData, view);
view.follow(() => [...dashboard.panels(), timeline]);
makeVariables(byId("variables"), pageData, dashboard.choose);
makeTheme(byId("theme"), () => dashboard.panels().forEach((panel) => panel.redraw()));
makeCopy(byId("copy"), byId("replay"));
byId("whole").addEventListener("click", view.showAll);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") view.showAll();
});
