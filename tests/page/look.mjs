// Looks at the status page with a real browser, and ends with 1 if something is not as it should be.
// usage: node look.mjs URL SERVICE LATER PICTURES
//   SERVICE is there; LATER comes once "open" was printed; screenshots go into the folder PICTURES.
// FERROLB_PAGE_MODULES: the folder with node_modules.
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.FERROLB_PAGE_MODULES, "package.json"));
const { chromium } = require("playwright-core");
const axe = require("axe-core");
const [url, service, later, pictures] = process.argv.slice(2);
const widths = { phone: 360, tablet: 800, desktop: 1280 };
const wrong = [];

function expect(what, is) {
  console.log(`${is ? "ok" : "WRONG"}: ${what}`);
  if (!is) wrong.push(what);
}

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
});
const visible = (page) => page.locator("#services tr:visible th").allInnerTexts();

// Without a script it is a plain page.
const plain = await browser.newPage({ javaScriptEnabled: false });
await plain.goto(url);
expect("without a script the Service is in the table", (await visible(plain)).includes(service));
await plain.goto(`${url}?q=nothing-has-this-name`);
expect("without a script the filter hides what does not match", (await visible(plain)).length === 0);
await plain.close();

const page = await browser.newPage();
const requests = [];
const complaints = [];
page.on("request", (request) => requests.push(request.url()));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
await page.goto(url);
await page.waitForFunction(() => document.getElementById("live").textContent === "Live");
for (const scheme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: scheme });
  for (const [name, width] of Object.entries(widths)) {
    await page.setViewportSize({ width, height: 900 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    expect(`${scheme}, ${width} pixels: nothing but a table is wider than the window`, !wide);
    if (scheme === "light" || name === "desktop") {
      await page.screenshot({ path: join(pictures, `page-${name}-${scheme}.png`) });
    }
  }
  // By the test's own connection: the page itself lets no foreign script in.
  await page.evaluate(axe.source);
  const found = await page.evaluate(() => window.axe.run());
  for (const one of found.violations) console.log(JSON.stringify([one.id, one.nodes.map((node) => node.html)]));
  expect(`${scheme}: axe-core finds nothing in ${found.passes.length} rules`, found.violations.length === 0);
}

await page.locator("#filter").fill("nothing-has-this-name");
expect("the filter hides what does not match", (await visible(page)).length === 0);
await page.locator("#filter").fill(service.toUpperCase());
expect("and shows what does, in any case", (await visible(page)).join() === service);
expect("the filter is in the address", page.url().includes("?q="));
await page.locator("#filter").fill("");

await page.goto(`${url}#service/${service}`);
const target = page.locator("tr:target");
expect("a Service has an address of its own", (await target.locator("th").innerText()) === service);
await page.goto("about:blank");
await page.goto(url);
await page.keyboard.press("Tab");
const focused = await page.evaluate(() => document.activeElement?.id);
expect("the first stop of the keyboard is the filter", focused === "filter");

await page.evaluate(() => { window.stays = true; });
console.log("open");
const row = page.locator(`tr[data-key="${later}"]`);
await row.waitFor({ timeout: 30000 });
// It outlives the end of a stream, after eight seconds.
const first = requests.filter((one) => one.includes("/events")).length;
await page.waitForRequest(/\/events/, { timeout: 15000 });
expect("the browser asks again when a stream ends", requests.filter((one) => one.includes("/events")).length > first);
await row.locator("td", { hasText: "Announced" }).waitFor({ timeout: 30000 });
expect("what changes is shown without loading the page again", await page.evaluate(() => window.stays === true));
const own = new URL(url).origin;
expect("nothing from elsewhere is asked for", requests.every((one) => one.startsWith(own)));
expect(`no complaint of the browser: ${complaints.join("; ")}`, complaints.length === 0);
await browser.close();
console.log(`done: ${wrong.length} wrong`);
process.exit(wrong.length === 0 ? 0 : 1);
