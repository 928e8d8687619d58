// Pictures of the page in its main states. They are made from a session that is really played, in both themes and
// both sizes, so that a change of the page or of the bot's words shows in them.
import { copyFileSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Demo } from './demo.js';
import { Stage, closeBrowser, openBrowser } from './stage.js';

const ALL = fileURLToPath(new URL('../../target/screenshots/', import.meta.url));
const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
/** What the README shows. */
const CHOSEN = { 'thread-dark-desktop': 'demo.png', 'thread-light-phone': 'demo-phone.png' };
const DESKTOP = { width: 1200, height: 760 };

/** Takes one, once nothing moves any more and with the pointer out of the way. */
async function shoot({ page }, name) {
  await page.mouse.move(0, 0);
  await page.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity));
  await page.screenshot({ path: join(ALL, `${name}.png`), animations: 'disabled' });
}

/** Plays the tour to its end; every question gets the answer that lets it go on. */
async function play(alice, seen) {
  const approve = alice.button('Approve');
  const choices = alice.messages.locator('.components').getByRole('button', { name: 'Other…' });
  const form = alice.button('Answer…');
  for (let asked = 0; asked < 12; asked += 1) {
    const end = alice.byBot('scripted/scripted-1');
    await approve.or(choices).or(form).or(end).first().waitFor({ timeout: 90_000 });
    if (await approve.count()) {
      await seen('approval');
      await approve.click();
      await approve.waitFor({ state: 'detached' });
    } else if (await choices.count()) {
      await seen('question');
      await alice.messages.locator('.components', { has: alice.page.getByRole('button', { name: 'Other…' }) }).getByRole('button').first().click();
      await choices.waitFor({ state: 'detached' });
    } else if (await form.count()) {
      await form.click();
      await seen('form');
      await alice.page.getByRole('dialog').getByRole('textbox').fill('Release 1.4');
      await alice.page.getByRole('dialog').getByRole('button', { name: 'Submit' }).click();
      await form.waitFor({ state: 'detached' });
    } else return;
  }
}

/** Short states, in every look. */
async function states(demo, thread) {
  for (const theme of ['dark', 'light']) {
    for (const phone of [false, true]) {
      const name = (state) => `${state}-${theme}-${phone ? 'phone' : 'desktop'}`;
      const stage = new Stage();
      const alice = await stage.visit(demo, { theme, phone, viewport: DESKTOP });
      const { page } = alice;
      await alice.messages.locator('article').first().waitFor();
      await shoot(alice, name('home'));
      if (phone) {
        await page.getByRole('button', { name: 'Channels' }).tap();
        await shoot(alice, name('drawer'));
        await page.locator(`#channels [data-channel-id="${thread}"]`).tap();
      } else await alice.open(thread);
      await alice.byBot('scripted/scripted-1').waitFor();
      await shoot(alice, name('thread-end'));
      await page.locator('#scroller').evaluate((node) => node.scrollTo(0, node.scrollHeight * 0.45));
      await shoot(alice, name('thread-middle'));
      await page.locator('#scroller').evaluate((node) => node.scrollTo(0, 0));
      await shoot(alice, name('thread-start'));
      await alice.input.pressSequentially('/');
      await alice.suggestions.getByRole('option').first().waitFor();
      await shoot(alice, name('commands'));
      await alice.input.fill('');
      await alice.input.pressSequentially('/omp new ');
      await page.locator('#command .command-name').waitFor();
      await shoot(alice, name('options'));
      await page.keyboard.press('Escape');
      if (phone) {
        await page.getByRole('button', { name: 'Message actions' }).last().tap();
        await shoot(alice, name('sheet'));
        await page.keyboard.press('Escape');
        await page.getByRole('button', { name: 'Things to try' }).tap();
        await shoot(alice, name('panel'));
      } else {
        await page.locator('#panel summary').click();
        await page.locator('#panel .switch').first().scrollIntoViewIfNeeded();
        await shoot(alice, name('faults'));
      }
      await page.goto(`${demo.url}/calls`);
      await page.locator('#rows tr').nth(5).waitFor();
      await shoot(alice, name('calls'));
      await stage.leave();
    }
  }
}

rmSync(ALL, { recursive: true, force: true });
mkdirSync(ALL, { recursive: true });
const demo = new Demo();
await Promise.all([openBrowser(), demo.begin().then(() => demo.online())]);
try {
  const stage = new Stage();
  const looks = [['dark', false], ['light', true], ['light', false], ['dark', true]];
  const all = [];
  for (const [theme, phone] of looks) all.push({ name: `${theme}-${phone ? 'phone' : 'desktop'}`, visitor: await stage.visit(demo, { theme, phone, viewport: DESKTOP }) });
  const alice = all[0].visitor;
  const thread = await alice.launch('Our client hammers a busy server. Can you fix the retries?');
  const open = async ({ page }) => page.evaluate((id) => document.querySelector(`#channels [data-channel-id="${id}"]`).click(), thread);
  for (const { visitor } of all.slice(1)) {
    await visitor.page.locator(`#channels [data-channel-id="${thread}"]`).waitFor({ state: 'attached' });
    await open(visitor);
  }
  let first = true;
  await play(alice, async (what) => {
    for (const { name, visitor } of all) {
      if (what !== 'form') await shoot(visitor, `${what}-${name}`);
      if (first) await shoot(visitor, `thread-${name}`);
    }
    first = false;
    if (what === 'form') await shoot(alice, 'form-dark-desktop');
  });
  await stage.leave();

  const other = new Stage();
  const mallory = await other.visit(demo, { as: 'mallory', viewport: DESKTOP });
  await mallory.command('omp new', 'Mine now');
  await mallory.page.locator('article.private').waitFor();
  await shoot(mallory, 'refused-dark-desktop');
  await other.leave();
  await states(demo, thread);
} finally {
  await closeBrowser();
  await demo.end();
}
for (const [name, file] of Object.entries(CHOSEN)) {
  copyFileSync(join(ALL, `${name}.png`), join(DOCS, file));
  console.log(`docs/${file}: ${Math.round(statSync(join(DOCS, file)).size / 1024)} KiB`);
}
console.log('all pictures are in target/screenshots');
