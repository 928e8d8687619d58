// Commands, from the slash to the answer, without a mouse; and those who may not use them.
import assert from 'node:assert/strict';
import { scene } from './stage.js';

export function commands(demo) {
  scene('/omp new is completed and run by the keyboard alone', async (stage) => {
    const alice = await stage.visit(demo);
    const { keyboard } = alice.page;
    await alice.page.locator('#input:focus').waitFor();
    await keyboard.type('/');
    const row = (name) => alice.suggestions.getByRole('option').filter({ has: alice.page.getByText(name, { exact: true }) });
    await row('/omp new').waitFor();
    // The list is walked by arrows; it turns over at its ends.
    const names = await alice.suggestions.locator('.suggestion-name').allInnerTexts();
    const marked = () => alice.suggestions.locator('[aria-selected=true] .suggestion-name').innerText();
    assert.equal(await marked(), names[0]);
    await keyboard.press('ArrowUp');
    assert.equal(await marked(), names.at(-1));
    await keyboard.press('ArrowDown');
    for (let step = 0; step < names.indexOf('/omp new'); step += 1) await keyboard.press('ArrowDown');
    assert.equal(await marked(), '/omp new');
    const active = await alice.input.getAttribute('aria-activedescendant');
    assert.match(await alice.page.locator(`#${active}`).innerText(), /\/omp new/);
    await keyboard.press('Tab');

    const field = (name) => alice.page.locator(`#command input[data-option=${name}]`);
    await field('topic').and(alice.page.locator(':focus')).waitFor();
    await keyboard.type('Garden plans');
    // The next thing that Tab reaches is what else can be given.
    await keyboard.press('Tab');
    await alice.page.getByRole('button', { name: /^Add option prompt/ }).and(alice.page.locator(':focus')).waitFor();
    await keyboard.press('Enter');
    await field('prompt').and(alice.page.locator(':focus')).waitFor();
    await keyboard.type('SAY:roses and peas');
    await keyboard.press('Enter');
    await alice.page.locator('#input:focus').waitFor();

    // The answer says where, and whose command it was.
    const said = alice.message('/omp new', 'ompcord').filter({ hasText: 'alice used' });
    const thread = await said.locator('.content [data-goto-channel]').first().getAttribute('data-goto-channel');
    await alice.page.locator(`#channels [data-channel-id="${thread}"]`).waitFor();
    const here = () => alice.page.locator('#channels [aria-current=page]').getAttribute('data-channel-id');
    for (let step = 0; (await here()) !== thread; step += 1) {
      assert.ok(step < 60, 'Alt+↓ never comes to the thread');
      await keyboard.press('Alt+ArrowDown');
    }
    await alice.byBot('roses and peas').waitFor();
  });

  scene('a command says what is missing, and can be left', async (stage) => {
    const alice = await stage.visit(demo);
    const { keyboard } = alice.page;
    await keyboard.type('/omp say ');
    const prompt = alice.page.locator('#command input[data-option=prompt]');
    await prompt.and(alice.page.locator(':focus')).waitFor();
    await keyboard.press('Enter');
    await alice.page.locator('#command [role=alert]').filter({ hasText: 'required' }).waitFor();
    await keyboard.press('Escape');
    await alice.page.locator('#command').waitFor({ state: 'hidden' });
    await alice.page.locator('#input:focus').waitFor();
    await keyboard.type('/omp can');
    await alice.until(() => document.querySelectorAll('#suggestions [role=option]').length === 1);
    await keyboard.press('Escape');
    await alice.suggestions.waitFor({ state: 'hidden' });
    await alice.input.fill('/nothing of the kind');
    await alice.suggestions.filter({ hasText: 'No command matches' }).waitFor();
  });

  scene('who may not use the bot is ignored, refused, and told so privately', async (stage) => {
    const thread = await demo.launch('Wait for me APPROVE:bash:make coffee');
    const [alice, mallory] = [await stage.visit(demo), await stage.visit(demo, { as: 'mallory' })];
    await alice.open(thread);
    await mallory.write('SAY:mallory was here');
    const hers = mallory.message('SAY:mallory was here');
    await mallory.act(hers, 'React with 🚀');
    await hers.getByRole('button', { name: '🚀 1: mallory' }).waitFor();
    const id = await hers.getAttribute('data-message-id');

    await mallory.command('omp new', 'Mine now');
    const refusal = mallory.page.locator('article.private').filter({ hasText: 'Only you can see this' });
    await refusal.waitFor();

    await mallory.open(thread);
    await mallory.button('Approve').click();
    const told = mallory.page.locator('article.private');
    await told.waitFor();
    // It is told to nobody else, and the question stays open for who may answer it.
    assert.equal(await alice.page.locator('article.private').count(), 0);
    await alice.button('Approve').click();
    await alice.byBot('bash ran: make coffee').waitFor();
    await mallory.byBot('bash ran: make coffee').waitFor();
    await told.getByRole('button', { name: 'Dismiss message' }).click();
    await told.waitFor({ state: 'detached' });

    // Everything that came after mallory's reaction was dealt with, so it was passed over, not late.
    const channels = (await demo.get('/sim/state')).channels.map(({ channel }) => channel);
    assert.ok(!channels.some((one) => one.id === id), 'no thread was made');
    assert.ok(!channels.some((one) => String(one.name).includes('Mine now')), 'no session was started');
    assert.ok(!(await demo.calls()).some(({ path }) => path.includes(id)), 'the bot did nothing about her message');
    await alice.open(demo.home);
    await alice.message('mallory was here', 'mallory').waitFor();
    assert.equal(await alice.page.locator('article.private').count(), 0);
  });
}
