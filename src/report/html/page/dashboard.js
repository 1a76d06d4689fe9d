// The dashboard: rows that fold, panels on Grafana's grid, and what can be chosen.

function makeDashboard(root, pageData, view) {
  const drawn = new Map();
  const chosen = pageData.variables.map((variable) => variable.chosen);

  function draw(panel, body) {
    drawn.get(body)?.destroy();
    const series = seriesOf(panel, chosen, pageData.variables);
    if (series.length === 0 && panel.kind !== "text") {
      body.replaceChildren(element("p", { class: "nothing" }, "No data"));
      drawn.delete(body);
      return;
    }
    drawn.set(body, PANELS[panel.kind](body, panel, series, view));
  }

  const bodies = [];
  for (const section of pageData.sections) {
    const grid = element("div", { class: "grid" });
    const fill = section.panels.map((panel) => makePanel(grid, panel, (body) => {
      bodies.push([panel, body]);
      draw(panel, body);
    }));
    root.append(section.title == null ? grid : fold(section, grid, fill));
    if (section.title == null || !section.collapsed) fill.splice(0).forEach((now) => now());
  }

  return {
    panels: () => [...drawn.values()],
    // Chooses for a variable, and draws what depends on it.
    choose(number, choice) {
      chosen[number] = choice;
      for (const [panel, body] of bodies) {
        if (panel.targets.some((target) => target.by.includes(number))) draw(panel, body);
      }
    },
  };
}

// A row whose panels are drawn when it is first opened.
function fold(section, grid, fill) {
  const details = element("details", { class: "row", open: !section.collapsed });
  const count = `${section.panels.length} ${section.panels.length === 1 ? "panel" : "panels"}`;
  details.append(element("summary", {}, section.title || "Row", element("span", { class: "aside" }, count)), grid);
  details.addEventListener("toggle", () => details.open && fill.splice(0).forEach((now) => now()));
  return details;
}

// Puts a panel's frame on the grid. Returns what fills it.
function makePanel(grid, panel, draw) {
  const [x, y, width, height] = panel.gridPos;
  const body = element("div", { class: "body" });
  const heading = element("h3", { title: panel.description ?? "" }, panel.title || "\u00a0");
  const frame = element("article", { class: `panel ${panel.kind}` }, heading, body);
  frame.style.gridArea = `${y + 1} / ${x + 1} / span ${height} / span ${width}`;
  if (panel.remarks) heading.append(element("span", { class: "remark", title: panel.remarks.join("; ") }, "not as in Grafana"));
  grid.append(frame);
  if (panel.problem) {
    body.append(element("p", { class: "problem" }, "Not drawn: ", panel.problem));
    return () => {};
  }
  return () => draw(body);
}

function makeVariables(root, pageData, onChoose) {
  pageData.variables.forEach((variable, number) => {
    const select = element("select", {}, ...variable.choices.map((text) => element("option", {}, text)));
    select.selectedIndex = variable.chosen;
    select.disabled = variable.choices.length < 2;
    select.addEventListener("change", () => onChoose(number, select.selectedIndex));
    root.append(element("label", { title: variable.remark ?? "" }, element("span", {}, variable.label), select));
  });
}
