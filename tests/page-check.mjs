// page-check.mjs MODULES CHROMIUM PAGE..: opens pages in headless Chromium, light and dark, with and without JavaScript. Prints every
// message of the console, every request but that of the page, and what axe-core calls serious or critical. Exit code 1 if there is any.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, executablePath, ...pages] = process.argv.slice(2);
const load = createRequire(`${modules}/`);
const puppeteer = load("puppeteer-core");
const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");
const problems = [];

// What is said of each element, once for elements of the same kind.
const violations = async () => {
  const { violations } = await window.axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  const serious = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
  return serious.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.length} times, first in ${nodes[0].html.slice(0, 200)}`);
};

// Opens some of what is folded, of each kind, and removes the rest: axe-core takes minutes for 10,000 points.
const unfold = () => {
  for (const kind of ["component", "branches", "part", "point"]) {
    for (const details of [...document.querySelectorAll(`details.${kind}`)].slice(0, 4)) details.open = true;
  }
  for (const hidden of document.querySelectorAll("details:not([open]) > :not(summary)")) hidden.remove();
};

// Prints have the diagram last, as a whole: it leaves no empty space before other sections.
const prints = async (page) => {
  await page.emulateMediaType("print");
  const [last, height] = await page.evaluate(() => {
    const top = (element) => element.getBoundingClientRect().top;
    const sections = [...document.querySelectorAll("main.whole > section")].sort((a, b) => top(a) - top(b));
    return [sections.at(-1)?.getAttribute("aria-labelledby"), Math.max(...[...document.querySelectorAll(".drawing:not(.tall) svg")].map((svg) => svg.clientHeight))];
  });
  if (last && last !== "diagram") throw new Error(`prints end with ${last} instead of the diagram`);
  if (height > page.viewport().height) throw new Error(`a printed diagram is ${height} px high, more than a page`);
};

// What the script adds: search, zoom, and links that unfold.
const usesScript = async (page) => {
  const links = await page.$$eval(".matrix a", (all) => all.map((link) => link.getAttribute("href").slice(3)));
  if (links.length < 2) return;
  await page.keyboard.press("/");
  await page.keyboard.type(links.at(-1));
  await page.waitForFunction((count) => document.getElementById("found").value.endsWith(` of ${count} points`), {}, links.length);
  const match = () => document.querySelector(".matrix a:not(.other)").checkVisibility();
  if (!await page.evaluate(match)) throw new Error("a match should be unfolded");
  await page.keyboard.press("Enter");
  const unfolded = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.checkVisibility();
  await page.waitForFunction(unfolded);
  const follows = () => document.activeElement.closest("details.point, tr")?.contains(document.getElementById(decodeURIComponent(location.hash.slice(1))));
  if (!await page.evaluate(follows)) throw new Error("the focus should follow the search");
  // The search hides the first point; a link to it shows it again.
  await page.$eval(".matrix a.other", (link) => link.click());
  await page.waitForFunction(unfolded).catch(() => { throw new Error("a link should show what the search hides"); });
  await page.focus("#words");
  await page.keyboard.press("Enter");
  await page.waitForFunction((name) => location.hash.slice(3) === name, {}, links.at(-1));
  await page.waitForFunction(follows).catch(() => { throw new Error("Enter should go to the match again"); });
  await page.$eval("#words", (input) => { input.value = ""; input.dispatchEvent(new Event("input")); });
  await page.waitForFunction(() => !document.querySelector(".other"));
  const width = () => document.querySelector("figure svg").width.baseVal.value;
  const before = await page.evaluate(width);
  await page.$eval("[data-zoom=in]", (button) => button.click());
  if (await page.evaluate(width) <= before) throw new Error("the diagram should be larger");
  await page.$eval("[data-zoom=fit]", (button) => button.click());
  const isWhole = () => { const { clientHeight, scrollHeight } = document.querySelector(".drawing"); return scrollHeight <= clientHeight; };
  if (!await page.evaluate(isWhole)) throw new Error("`Fit` should show the whole diagram");
};

// A link to a point from elsewhere: its heading is not behind the search, and the keyboard goes on there.
const opensAt = async (page, address) => {
  const link = await page.$eval(".point > div", (point) => point.id).catch(() => null);
  if (!link) return;
  await page.goto("about:blank");
  await page.goto(`${address}#${link}`);
  const isHere = (id) => {
    const summary = document.getElementById(id).parentElement.querySelector("summary");
    const { left, top, height } = summary.getBoundingClientRect();
    return document.activeElement === summary && summary.contains(document.elementFromPoint(left + 30, top + height / 2));
  };
  await page.waitForFunction(isHere, { timeout: 5000 }, link).catch(() => { throw new Error(`a link to ${link} should show it`); });
};

const check = async (browser, file, scheme, hasScript) => {
  const name = `${file}, ${scheme}, ${hasScript ? "with" : "without"} JavaScript`;
  const page = await browser.newPage();
  const address = pathToFileURL(file).href;
  page.on("console", (message) => problems.push(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (![address, "about:blank"].includes(request.url().split("#")[0]) && !request.url().startsWith("data:")) problems.push(`${name}: loads ${request.url()}`);
  });
  await page.setJavaScriptEnabled(hasScript);
  await page.goto(address);
  const start = Date.now();
  await prints(page).catch((error) => problems.push(`${name}: ${error}`));
  // It ends the emulation of print.
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const isShown = (scheme) => matchMedia(`screen and (prefers-color-scheme: ${scheme})`).matches;
  if (!await page.evaluate(isShown, scheme)) problems.push(`${name}: is not shown so`);
  if (hasScript) await opensAt(page, address).then(() => usesScript(page)).catch((error) => problems.push(`${name}: ${error}`));
  else if (await page.$eval("#find", (form) => form.checkVisibility())) problems.push(`${name}: shows a search that cannot work`);
  await page.evaluate(unfold);
  // Without it nothing asynchronous runs; the script of the page does not run any more.
  await page.setJavaScriptEnabled(true);
  await page.evaluate(axe);
  problems.push(...(await page.evaluate(violations)).map((text) => `${name}: ${text}`));
  console.log(`${name}: looked at for ${((Date.now() - start) / 1000).toFixed(1)} s`);
  await page.close();
};

const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-quic"], protocolTimeout: 900_000 });
for (const file of pages) {
  for (const scheme of ["light", "dark"]) {
    for (const hasScript of [true, false]) await check(browser, file, scheme, hasScript);
  }
}
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length ? 1 : 0);
