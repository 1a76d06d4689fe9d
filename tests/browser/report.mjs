// Opens an HTML report in Chromium, uses it as a person would, and holds what it says against the
// run's JSON. Arguments: the report drawn with dashboard.json, the run's JSON, the report drawn with
// the bundled dashboard, a directory for pictures.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [bench, json, bundled, pictures] = process.argv.slice(2);
const run = JSON.parse(readFileSync(json, "utf8"));

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
  "--disable-sync", "--no-first-run",
];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

// What the run's JSON says of an instrument, over the series with these labels.
function told(instrument, labels = {}) {
  const fits = (series) => Object.entries(labels).every(([name, value]) => series.labels[name] === value);
  return run.instruments[instrument].series.filter(fits).reduce((sum, series) => sum + series.value, 0);
}

const IMAGES = "scheduler_runner_images_total";

// A page of a report, with everything that must not happen on it.
async function open(file, colorScheme) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme });
  const address = pathToFileURL(resolve(file)).href;
  const troubles = [];
  page.on("console", (message) => troubles.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error.stack}`));
  page.on("request", (request) => {
    if (request.url() !== address && !request.url().startsWith("data:")) troubles.push(`request: ${request.url()}`);
  });
  await page.goto(address);
  return { page, troubles };
}

const panel = (page, title) => page.locator("article.panel").filter({ has: page.getByRole("heading", { name: title, exact: true }) });

// The legend of a panel as names and values.
const legend = (page, title) => panel(page, title).locator(".legend button").evaluateAll((buttons) =>
  Object.fromEntries(buttons.map((button) => [button.querySelector("span").textContent, button.querySelector("b").textContent])));

const number = async (page, title) => Number(await panel(page, title).locator(".tile .number").textContent());

// Whether the middle of a panel's canvas has the pixels that it had.
const pixels = (page, title) => panel(page, title).locator("canvas").evaluate((canvas) => canvas.toDataURL());

async function hover(page, title, share) {
  const over = panel(page, title).locator(".u-over");
  await over.scrollIntoViewIfNeeded();
  const box = await over.boundingBox();
  await page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
}

async function drag(page, title, from, to) {
  await hover(page, title, from);
  await page.mouse.down();
  await hover(page, title, to);
  await page.mouse.up();
}

async function valuesAreThoseOfTheRun(page) {
  assert.equal(await number(page, "Images"), told(IMAGES));
  const rows = await panel(page, "Images by mode and delta").locator("tbody tr").evaluateAll((lines) =>
    lines.map((line) => [...line.cells].map((cell) => cell.textContent)));
  assert.ok(rows.length === 4, `${rows.length} rows`);
  for (const [delta, mode, value] of rows) assert.equal(Number(value), told(IMAGES, { delta, mode }));
  const share = await panel(page, "Share changed").locator(".number").textContent();
  assert.ok(Math.abs(parseFloat(share) / 100 - told(IMAGES, { delta: "true" }) / told(IMAGES)) < 0.001, share);
  const enqueued = await panel(page, "By status").locator("li", { hasText: "enqueued" }).locator("b").textContent();
  assert.equal(Number(enqueued), told("scheduler_planner_runs_total", { status: "enqueued" }));
}

async function hoveringTellsValuesInEveryPanel(page) {
  await hover(page, "Images over time", 0.5);
  const half = await legend(page, "Images over time");
  const tip = await panel(page, "Images over time").locator(".tip").textContent();
  assert.ok(tip.includes("2024-05-06") && tip.includes(half.analysisOnly), tip);
  const others = await panel(page, "Open runs").locator(".u-cursor-x").evaluate((line) => getComputedStyle(line).display);
  assert.notEqual(others, "none");
  assert.ok(await page.locator("#timeline .cursor").isVisible());
  await hover(page, "Images over time", 0.9999);
  const last = await legend(page, "Images over time");
  for (const mode of ["analysisOnly", "contentRefresh"]) {
    assert.equal(Number(last[mode]), told(IMAGES, { mode }));
    assert.ok(Number(half[mode]) < Number(last[mode]), `${mode} rises`);
  }
  await page.mouse.move(5, 5);
}

async function legendsSwitchSeries(page) {
  const before = await pixels(page, "Images over time");
  const button = panel(page, "Images over time").getByRole("button", { name: "contentRefresh" });
  await button.click();
  assert.equal(await button.getAttribute("aria-pressed"), "false");
  await page.waitForTimeout(100);
  assert.notEqual(await pixels(page, "Images over time"), before);
  await button.click();
  await page.waitForTimeout(100);
  assert.equal(await pixels(page, "Images over time"), before);
}

async function theModeSelectorWorks(page) {
  const select = page.locator("#variables").getByLabel("Mode");
  for (const mode of ["analysisOnly", "contentRefresh"]) {
    await select.selectOption(mode);
    assert.equal(await number(page, "Images"), told(IMAGES, { mode }));
    assert.deepEqual(Object.keys(await legend(page, "Images over time")), [mode]);
  }
  await select.selectOption("All");
  assert.equal(await number(page, "Images"), told(IMAGES));
}

async function panelsZoomTogether(page) {
  const before = await pixels(page, "Open runs");
  assert.ok(await page.locator("#whole").isDisabled());
  await drag(page, "Images over time", 0.2, 0.4);
  const [from, to] = (await page.locator("#window").textContent()).replace(" UTC", "").split(" to ").map((text) => Date.parse(`${text}Z`));
  assert.ok(Math.abs((to - from) / 1000 / run.virtualSeconds - 0.2) < 0.02, `${from} to ${to}`);
  await page.waitForTimeout(100);
  assert.notEqual(await pixels(page, "Open runs"), before);
  assert.ok(await number(page, "Images") < told(IMAGES), "a number is that of the window");
  await panel(page, "Open runs").locator(".u-over").dblclick();
  assert.equal(await page.locator("#window").textContent(), "");
  assert.equal(await number(page, "Images"), told(IMAGES));
  // A span of the time line zooms to where it is.
  await page.locator("#timeline .span.fault").first().click();
  assert.match(await page.locator("#window").textContent(), /2024-05-06 19:\d\d/);
  await page.locator("#whole").click();
}

async function theKeyboardReachesEverything(page) {
  await page.evaluate(() => document.activeElement?.blur());
  const reached = new Set();
  for (let i = 0; i < 60; i += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => {
      const { tagName, className, id } = document.activeElement;
      return [tagName, id || className.split(" ")[0]].filter(Boolean).join(".");
    }));
  }
  for (const stop of ["A.skip", "BUTTON.theme", "SUMMARY", "BUTTON.span", "SELECT", "DIV.plot", "BUTTON", "BUTTON.copy"]) {
    assert.ok(reached.has(stop), `Tab does not reach ${stop}: ${[...reached].join(" ")}`);
  }
  const plot = panel(page, "Images over time").locator(".plot");
  await plot.focus();
  await page.keyboard.press("ArrowLeft");
  const spoken = await page.locator("#spoken").textContent();
  assert.ok(spoken.includes(`analysisOnly ${told(IMAGES, { mode: "analysisOnly" })}`), spoken);
  await page.keyboard.press("+");
  assert.notEqual(await page.locator("#window").textContent(), "");
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#window").textContent(), "");
}

async function whatCannotBeDrawnSaysWhy(page) {
  await page.getByText("Cannot be drawn").click();
  for (const [title, reason] of [
    ["A map", "it has the type `geomap`"],
    ["A typing error", "did you mean `scheduler_runner_images_total`?"],
    ["A function", "rated"],
    ["A log", "its data source has the type `loki`"],
  ]) {
    const said = await panel(page, title).locator(".problem").textContent();
    assert.ok(said.includes(reason), `${title}: ${said}`);
  }
}

// Every mark of a text against what lies behind it must be told apart by people who see little.
async function colours(page) {
  return page.evaluate(() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]);
}

const brightness = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 765;

const seen = {};
for (const scheme of ["light", "dark"]) {
  const { page, troubles } = await open(bench, scheme);
  seen[scheme] = await colours(page);
  await valuesAreThoseOfTheRun(page);
  await hoveringTellsValuesInEveryPanel(page);
  await legendsSwitchSeries(page);
  await theModeSelectorWorks(page);
  await panelsZoomTogether(page);
  await theKeyboardReachesEverything(page);
  await whatCannotBeDrawnSaysWhy(page);
  const other = scheme === "light" ? "dark" : "light";
  const theme = page.locator("#theme");
  while (!(await theme.textContent()).includes(other)) await theme.click();
  seen[`${other} by the switch`] = await colours(page);
  assert.deepEqual(troubles, []);
  await page.close();

  const whole = await open(bundled, scheme);
  assert.equal(await whole.page.locator(".panel .problem").count(), 0, "every bundled panel is drawn");
  assert.ok(await whole.page.locator("canvas").count() >= 15);
  await whole.page.waitForTimeout(200);
  await whole.page.screenshot({ path: `${pictures}/${scheme}.png`, fullPage: true });
  assert.deepEqual(whole.troubles, []);
  await whole.page.close();
}
for (const [scheme, [behind, text]] of Object.entries(seen)) {
  const difference = brightness(behind) - brightness(text);
  assert.ok(scheme.startsWith("light") ? difference > 0.7 : difference < -0.7, `${scheme}: ${text} on ${behind}`);
}
await browser.close();
console.log("the report holds");
