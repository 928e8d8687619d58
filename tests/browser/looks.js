// How it looks and fits: both themes, and a phone.
import assert from 'node:assert/strict';
import { scene } from './stage.js';
import { faintTexts } from './contrast.js';

/** Something of everything that a thread can show. */
const EVERYTHING = [
  'SAY:# A heading\\n**bold**, *italic*, ~~gone~~, `code`, ||hidden||, <@1>, @everyone, [a link](https://example.com)\\n> quoted\\n-# small\\n1. one\\n2. two',
  'SAY:\\n```diff\\n+ added\\n- removed\\n```\\n```rust\\n// A comment\\nlet x: Option<&str> = Some("text"); // 42\\n#[derive(Debug)] struct A { b: u8 }\\nfn main() { println!("{}", 3.14); return; }\\n```',
  'SAY:\\n```json\\n{"name": [1, true, null, "x"]}\\n```\\n```sh\\nfor i in "$@"; do echo "$i" | grep -v x; done # why\\n```\\n```python\\ndef f(a: int = 3) -> str:\\n    """Doc."""\\n    return f"{a}" if a is not None else \'\'\\n```',
  'TOOL:bash:{"command":"cargo test"} LOG:[lsp] indexing',
  'ASK:Which of these?|The first|The second|The third|The fourth|The fifth',
  'APPROVE:bash:rm -rf build',
].join('\n');

/** What is on its way to another colour or place is in neither. */
const atRest = (visitor) => visitor.until(() => document.getAnimations().every((one) => one.playState !== 'running' || one.effect.getTiming().iterations === Infinity));

async function readable(visitor, what) {
  await atRest(visitor);
  const { faint, seen } = await visitor.page.evaluate(faintTexts);
  assert.ok(seen >= 8, `${what}: only ${seen} texts were found`);
  assert.deepEqual([...new Set(faint)], [], `${what}: texts that are hard to read`);
}

export function looks(demo) {
  for (const theme of ['dark', 'light']) {
    scene(`the ${theme} theme can be read everywhere`, async (stage) => {
      const alice = await stage.visit(demo, { theme });
      const { page } = alice;
      assert.equal(await page.locator('html').getAttribute('data-theme'), theme);
      const back = await page.evaluate(() => getComputedStyle(document.getElementById('main')).backgroundColor.match(/[\d.]+/g).slice(0, 3).map(Number));
      assert.ok(theme === 'dark' ? Math.max(...back) < 80 : Math.min(...back) > 200, `the ${theme} theme's background is ${back}`);
      await readable(alice, 'home');
      await alice.input.pressSequentially('/');
      await alice.suggestions.getByRole('option').first().waitFor();
      await readable(alice, 'suggestions');
      await alice.input.fill('');
      await alice.launch(`Everything in ${theme} ${EVERYTHING}`, `Everything in ${theme}`);
      await alice.question('Which of these?').waitFor();
      await readable(alice, 'a thread');
      // Everything that is further up, too.
      await page.locator('#scroller').evaluate((node) => node.scrollTo(0, 0));
      await readable(alice, 'the thread further up');
      await alice.question('Which of these?').locator('button.select').click();
      await readable(alice, 'an open menu');
      await page.keyboard.press('Escape');
      await alice.act(alice.byBot('A heading'), 'Add reaction');
      await readable(alice, 'the picker');
      await page.keyboard.press('Escape');
      await page.locator('#me').click();
      await readable(alice, 'the users');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Thread actions' }).click();
      await readable(alice, 'the actions of a thread');
      await page.keyboard.press('Escape');
      await page.locator('#panel summary').click();
      await page.locator('#panel .switch').first().waitFor();
      await page.locator('#panel .switch').first().scrollIntoViewIfNeeded();
      await readable(alice, 'the faults');
      await alice.question('Which of these?').locator('button.select').click();
      await page.getByRole('option', { name: 'The first' }).click();
      await alice.button('Approve').click();
      await alice.byBot('scripted/scripted-1').waitFor();
      await readable(alice, 'a finished thread');
      await page.goto(`${demo.url}/calls`);
      await page.locator('#rows tr').first().waitFor();
      await readable(alice, 'the calls');
    });
  }

  scene('the theme follows the system, can be chosen, and stays chosen', async (stage) => {
    const alice = await stage.visit(demo, { theme: 'light' });
    const { page } = alice;
    const theme = (name) => page.locator(`html[data-theme=${name}]`).waitFor({ state: 'attached' });
    await page.emulateMedia({ colorScheme: 'dark' });
    await theme('dark');
    await page.getByRole('button', { name: /^System theme/ }).click();
    await page.getByRole('button', { name: /^Light theme/ }).waitFor();
    await theme('light');
    await page.reload();
    await theme('light');
    await page.getByRole('button', { name: /^Light theme/ }).click();
    await theme('dark');
  });

  scene('everything is at hand on a phone', async (stage) => {
    const alice = await stage.visit(demo, { phone: true });
    const { page } = alice;
    const fits = async (what) => {
      await atRest(alice);
      const wide = await page.evaluate(() => [...document.querySelectorAll('body *')].filter((node) => {
        const box = node.getBoundingClientRect();
        return box.width > 0 && box.right > innerWidth + 1 && node.checkVisibility({ visibilityProperty: true }) && !node.closest('pre, .unseen, #sidebar, svg');
      }).map((node) => `${node.tagName}#${node.id}.${node.className}`).slice(0, 5));
      assert.deepEqual(wide, [], `${what}: nothing is beyond the right edge`);
    };
    /** What a thumb has to hit is 44 px high, or has that much room to itself. */
    const hittable = async (what, within) => {
      const small = await page.locator(within).locator('button:visible, input:visible, [role=option]:visible').evaluateAll((nodes) => nodes.filter((node) => {
        const { width, height } = node.getBoundingClientRect();
        const more = getComputedStyle(node, '::after');
        const grown = more.content !== 'none' && more.position === 'absolute' ? 2 * Math.max(0, -Number.parseFloat(more.top) || 0) : 0;
        return Math.min(width, height) + grown < 36 && !node.closest('.content, .rich');
      }).map((node) => `${node.getAttribute('aria-label') ?? node.innerText} ${node.getBoundingClientRect().width}×${node.getBoundingClientRect().height}`));
      assert.deepEqual(small, [], `${what}: too small for a thumb`);
    };
    await fits('home');
    await hittable('home', '#main');

    // The channels are behind a button, and go away by a tap beside them.
    const sidebar = page.locator('#sidebar');
    await sidebar.waitFor({ state: 'hidden' });
    await page.getByRole('button', { name: 'Channels' }).tap();
    await sidebar.waitFor();
    await hittable('the channels', '#sidebar');
    await page.touchscreen.tap(370, 500);
    await sidebar.waitFor({ state: 'hidden' });

    // Enter makes a line on a phone; a button sends.
    await demo.say('Somebody else', { user: 'bob' });
    await alice.message('Somebody else', 'bob').waitFor();
    await alice.input.tap();
    const prompt = `From my phone\nSAY:${'wide '.repeat(40)}\\n\`\`\`\\n${'x'.repeat(300)}\\n\`\`\`\nINPUT:What shall it be called?|a name\nASK:Which one?|First|Second|Third|Fourth|Fifth|Sixth`;
    await alice.input.fill('From my phone');
    await alice.input.press('Enter');
    assert.equal(await alice.input.inputValue(), 'From my phone\n');
    await alice.input.fill(prompt);
    await page.getByRole('button', { name: 'Send message' }).tap();
    const message = alice.message('From my phone');
    await message.waitFor();
    await message.getByRole('button', { name: 'Message actions' }).tap();
    const sheet = page.getByRole('menu', { name: 'Message actions' });
    await sheet.waitFor();
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    // The same by holding a finger on it.
    const spot = await message.locator('.content').boundingBox();
    const touch = await page.context().newCDPSession(page);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: spot.x + 20, y: spot.y + 10 }] });
    // How long it is held is all that tells a press from a tap.
    await alice.until((from) => performance.now() > from + 700, await page.evaluate(() => performance.now()));
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await sheet.waitFor();
    await fits('the sheet');
    const { y, height } = await sheet.boundingBox();
    assert.ok(Math.abs(y + height - 844) < 2, 'the sheet stands at the bottom');
    await sheet.getByRole('button', { name: 'React with 🚀 rocket' }).tap();
    await message.locator('.thread-chip').tap();
    await page.locator('#place h1').filter({ hasText: 'Run: From my phone' }).waitFor();

    // A form leaves room for the keyboard and can be sent with a thumb.
    await alice.button('Answer…').tap();
    const form = page.getByRole('dialog');
    await form.waitFor();
    await fits('the form');
    await hittable('the form', 'dialog');
    const box = await form.boundingBox();
    assert.ok(box.x >= 0 && box.y >= 0 && box.x + box.width <= 390 && box.y + box.height <= 844, 'the form is on the screen as a whole');
    await form.getByRole('textbox').tap();
    await form.getByRole('textbox').fill('Phoebe');
    assert.ok(await form.getByRole('textbox').evaluate((node) => Number.parseFloat(getComputedStyle(node).fontSize)) >= 16, 'the phone does not zoom in');
    await form.getByRole('button', { name: 'Submit' }).tap();
    await alice.byBot('You wrote: Phoebe').waitFor();

    const menu = alice.question('Which one?').locator('button.select');
    await menu.waitFor();
    await fits('the thread');
    await hittable('the thread', '#main');
    await menu.tap();
    await fits('the menu');
    await hittable('the menu', '.select-list');
    await page.getByRole('option', { name: 'Fourth' }).tap();
    await alice.byBot('You chose: Fourth').waitFor();

    // The panel comes from below and leaves the way back.
    await page.getByRole('button', { name: 'Things to try' }).tap();
    const panel = page.locator('#panel');
    await panel.waitFor();
    await fits('the panel');
    await hittable('the panel', '#panel');
    await panel.getByRole('button', { name: 'Close panel' }).tap();
    await panel.waitFor({ state: 'hidden' });

    await page.goto(`${demo.url}/calls`);
    await page.locator('#rows tr').first().waitFor();
    await fits('the calls');
  });
}
