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

// What the script adds: search, zoom, and links that unfold.
const usesScript = async (page) => {
  const links = await page.$$eval(".matrix a", (all) => all.map((link) => link.getAttribute("href").slice(3)));
  if (links.length < 2) return;
  await page.keyboard.press("/");
  await page.keyboard.type(links.at(-1));
  await page.waitForFunction((count) => document.getElementById("found").value.endsWith(` of ${count} points`), {}, links.length);
  await page.keyboard.press("Enter");
  const unfolded = () => document.getElementById(decodeURIComponent(location.hash.slice(1)))?.checkVisibility();
  await page.waitForFunction(unfolded);
  await page.$eval("#words", (input) => { input.value = ""; input.dispatchEvent(new Event("input")); });
  const width = () => document.querySelector("figure svg").width.baseVal.value;
  const before = await page.evaluate(width);
  await page.$eval("[data-zoom=in]", (button) => button.click());
  if (await page.evaluate(width) <= before) throw new Error("the diagram should be larger");
};

const check = async (browser, file, scheme, hasScript) => {
  const name = `${file}, ${scheme}, ${hasScript ? "with" : "without"} JavaScript`;
  const page = await browser.newPage();
  const address = pathToFileURL(file).href;
  page.on("console", (message) => problems.push(`${name}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`${name}: ${error}`));
  page.on("request", (request) => {
    if (request.url() !== address && !request.url().startsWith("data:")) problems.push(`${name}: loads ${request.url()}`);
  });
  await page.setJavaScriptEnabled(hasScript);
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  await page.goto(address);
  const start = Date.now();
  if (hasScript) await usesScript(page).catch((error) => problems.push(`${name}: ${error}`));
  else if (await page.$eval("#find", (form) => form.checkVisibility())) problems.push(`${name}: shows a search that cannot work`);
  if (await page.$$eval("#details ~ details", (all) => all.length) < 50) {
    await page.$$eval("details", (all) => { for (const details of all) details.open = true; });
  }
  // Without it nothing asynchronous runs; the script of the page does not run any more.
  await page.setJavaScriptEnabled(true);
  await page.evaluate(axe);
  problems.push(...(await page.evaluate(violations)).map((text) => `${name}: ${text}`));
  console.log(`${name}: looked at for ${((Date.now() - start) / 1000).toFixed(1)} s`);
  await page.close();
};

const browser = await puppeteer.launch({ executablePath, args: ["--no-sandbox"], protocolTimeout: 900_000 });
for (const file of pages) {
  for (const scheme of ["light", "dark"]) {
    for (const hasScript of [true, false]) await check(browser, file, scheme, hasScript);
  }
}
await browser.close();
for (const problem of problems) console.log(problem);
process.exit(problems.length ? 1 : 0);
