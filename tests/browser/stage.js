// One browser for all tests, a visit of its own for each, and what every visit has to be free of: errors in the
// console, refused by the policy, or requests that failed. A test that fails leaves a picture and the page's words in
// target/browser.
import assert from 'node:assert/strict';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { Demo, PATIENCE } from './demo.js';
import { Visitor } from './visitor.js';

const LEFT = fileURLToPath(new URL('../../target/browser/', import.meta.url));
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

const runs = (path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Where the browser is, or nothing. */
export function chromiumPath() {
  const asked = process.env.OMPCORD_TEST_CHROMIUM;
  if (asked) return asked;
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find(runs);
}

let browser = null;

export async function openBrowser() {
  const executablePath = chromiumPath();
  assert.ok(executablePath, 'no Chromium was found: install it, or name it in OMPCORD_TEST_CHROMIUM');
  browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
}

export async function closeBrowser() {
  await browser?.close();
  browser = null;
}

/** Everything on a page that should not have happened, and what it said besides. */
function watch(page, expected) {
  const [problems, words] = [[], []];
  const note = (text) => {
    words.push(text);
    if (!expected.some((pattern) => pattern.test(text))) problems.push(text);
  };
  page.on('console', (message) => {
    const text = `console.${message.type()}: ${message.text()} (${message.location().url})`;
    if (['error', 'warning', 'assert'].includes(message.type())) note(text);
    else words.push(text);
  });
  page.on('pageerror', (error) => note(`uncaught: ${error.name} ${error.stack || error.message}`));
  page.on('crash', () => note('the page crashed'));
  page.on('dialog', (dialog) => {
    note(`a ${dialog.type()} dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.on('requestfailed', (request) => {
    // A stream ends when its page does.
    if (page.isClosed() || request.failure()?.errorText === 'net::ERR_ABORTED') return;
    note(`failed: ${request.method()} ${request.url()} ${request.failure()?.errorText}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note(`refused: ${response.request().method()} ${response.url()} ${response.status()}`);
  });
  return { problems, words };
}

/** What the visits of one test share: how they are opened, and how they end. */
export class Stage {
  visits = [];
  demos = [];

  /** A demo for this test alone. */
  async demo(settings) {
    const demo = new Demo();
    this.demos.push(demo);
    await demo.begin(settings);
    return demo.online();
  }

  /** A person opens the page. `expected`: what may appear in the console all the same. */
  async visit(demo, { path = '/', as = null, theme = 'dark', phone = false, viewport = { width: 1280, height: 800 }, expected = [], context: more = {} } = {}) {
    const settings = phone ? { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true } : { viewport };
    const context = await browser.newContext({ colorScheme: theme, locale: 'en-GB', timezoneId: 'UTC', ...settings, ...more });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    const watched = watch(page, expected);
    await page.addInitScript(() => {
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
        console.error(`policy violated: ${violatedDirective} ${blockedURI} ${sample}`);
      });
    });
    const visitor = new Visitor(page, demo);
    this.visits.push({ page, context, visitor, ...watched });
    // A page whose script is broken is not waited for.
    const broken = new Promise((_, reject) => page.once('pageerror', (error) => reject(new Error(`the page is broken: ${error.message}`))));
    broken.catch(() => {});
    await page.goto(demo.url + path);
    if (path === '/') {
      await Promise.race([broken, page.locator('#bot-status .online').waitFor({ state: 'attached' })]);
      if (as) await visitor.be(as);
    }
    return visitor;
  }

  async check() {
    for (const { page, problems } of this.visits) {
      assert.deepEqual(problems, [], 'the page has nothing to complain about');
      if (page.isClosed()) continue;
      const width = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(width <= 0, `the page is ${width} px wider than its window`);
    }
  }

  async keep(name) {
    mkdirSync(LEFT, { recursive: true });
    const file = name.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 60);
    for (const [number, { page, words, problems }] of this.visits.entries()) {
      writeFileSync(join(LEFT, `${file}-${number}.txt`), `${page.url()}\n\n${words.join('\n')}\n\nproblems:\n${problems.join('\n')}\n`);
      if (!page.isClosed()) await page.screenshot({ path: join(LEFT, `${file}-${number}.png`), timeout: 5000 }).catch(() => {});
    }
    console.error(`what the page showed is in target/browser/${file}-*`);
  }

  async leave() {
    for (const { context } of this.visits) await context.close();
    for (const demo of this.demos) await demo.end();
  }
}

/** A test with pages. It fails on whatever a page complains of, too. */
export function scene(name, body) {
  test(name, { timeout: 4 * PATIENCE }, async (t) => {
    const stage = new Stage();
    try {
      await body(stage, t);
      await stage.check();
    } catch (error) {
      await stage.keep(name);
      throw error;
    } finally {
      await stage.leave();
    }
  });
}
