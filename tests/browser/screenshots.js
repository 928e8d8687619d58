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
const CHOSEN = { 'approval-dark-desktop': 'demo.png', 'question-light-phone': 'demo-phone.png' };
const DESKTOP = { width: 1200, height: 760 };

/** Takes one, once nothing moves any more and with the pointer out of the way. */
async function shoot({ page }, name) {
  await page.mouse.move(0, 0);
  await page.waitForFunction(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity));
  await page.screenshot({ path: join(ALL, `${name}.png`), animations: 'disabled' });
}

/** Plays the tour to its end; every question gets the answer that lets it go on. */
async function play(alice, seen) {
  const asks = (label) => alice.messages.locator('.components').filter({ has: alice.page.getByRole('button', { name: label, exact: true }) });
  const end = alice.byBot('scripted/scripted-1');
  for (;;) {
    await asks('Approve').or(asks('Other…')).or(end).first().waitFor({ timeout: 90_000 });
    if (await end.count()) return;
    // The card tells of it a moment later.
    await alice.byBot('Waiting for').waitFor();
    const what = (await asks('Approve').count()) ? 'approval' : 'question';
    await seen(what);
    const question = what === 'approval' ? asks('Approve') : asks('Other…');
    await question.getByRole('button').first().click();
    await question.waitFor({ state: 'detached' });
  }
}

/** Short states, in every look. */
async function states(demo, thread) {
  const asking = await demo.launch('Give it a name. INPUT:What shall the release be called?|Release 1.4');
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
      if (phone) await page.locator('#panel').getByRole('button', { name: 'Close panel' }).click();
      await page.locator(`#channels [data-channel-id="${asking}"]`).evaluate((row) => row.click());
      await alice.button('Answer…').click();
      await page.getByRole('dialog').getByRole('textbox').waitFor();
      await shoot(alice, name('form'));
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
  await play(alice, async (what) => {
    for (const { name, visitor } of all) {
      await visitor.byBot('Waiting for').waitFor();
      await shoot(visitor, `${what}-${name}`);
    }
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
