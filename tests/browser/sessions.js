// A session from its first word to its end, as a visitor lives it.
import assert from 'node:assert/strict';
import { scene } from './stage.js';

export function sessions(demo) {
  scene('a message, a rocket, and a thread that streams', async (stage) => {
    const alice = await stage.visit(demo);
    const words = Array.from({ length: 60 }, (_, number) => `flow${number}`).join(' ');
    await alice.write(`Tell me more SLOW:80 SAY:${words}`);
    const prompt = alice.message('Tell me more');
    await prompt.waitFor();
    assert.equal(await alice.input.inputValue(), '', 'what was sent is gone from the input');

    await alice.act(prompt, 'React with 🚀');
    const mine = prompt.getByRole('group', { name: 'Reactions' }).getByRole('button', { name: '🚀 1: alice' });
    assert.equal(await mine.getAttribute('aria-pressed'), 'true');
    const chip = prompt.getByRole('button', { name: /^Open thread .*Tell me more/ });
    await chip.click();
    assert.match(await alice.place(), /Tell me more/);
    await alice.page.locator('#typing.on').waitFor();

    // What the thread shows of the answer, each time that it changes.
    await alice.byBot('flow0').waitFor();
    await alice.page.evaluate(() => {
      const look = () => {
        const text = [...document.querySelectorAll('#messages article:not(.system) .content')].map((node) => node.firstChild?.textContent ?? '').find((one) => one.startsWith('flow0'));
        if (text && text !== window.seen.at(-1)) window.seen.push(text);
      };
      window.seen = [];
      new MutationObserver(look).observe(document.getElementById('messages'), { subtree: true, childList: true, characterData: true });
      look();
    });
    await alice.byBot('flow59').waitFor();
    const seen = await alice.page.evaluate(() => window.seen);
    assert.ok(seen.length >= 3, `the answer grew in ${seen.length} steps only`);
    for (const [number, text] of seen.entries()) {
      if (number) assert.ok(text.length > seen[number - 1].length && text.startsWith(seen[number - 1]), `${text} after ${seen[number - 1]}`);
    }
    assert.equal(seen.at(-1).trim(), words, 'nothing is lost or doubled');
    // The footer ends the turn, and with it the typing.
    await alice.byBot('scripted/scripted-1').waitFor();
    await alice.page.locator('#typing:not(.on)').waitFor();
  });

  scene('the prompt is pinned while its session runs', async (stage) => {
    const alice = await stage.visit(demo);
    const thread = await alice.launch('Keep this at hand STEERABLE');
    await alice.page.getByRole('button', { name: 'home', exact: true }).first().click();
    await alice.page.getByRole('button', { name: 'Pinned messages' }).click();
    const pins = alice.page.getByRole('dialog', { name: 'Pinned messages' });
    const pinned = pins.locator('.pinned').filter({ hasText: 'Keep this at hand' });
    await pinned.getByRole('button', { name: 'Jump' }).click();
    await alice.message('Keep this at hand', 'alice').and(alice.page.locator(':focus')).waitFor();
    await alice.open(thread);
    await alice.write('!that is all');
    await alice.byBot(/(Steered|Understood): that is all/).waitFor();
    await alice.byBot('scripted/scripted-1').waitFor();
    await alice.open(demo.home);
    const none = async () => !(await demo.get(`/sim/channels/${demo.home}/pins`)).some(({ id }) => id === thread);
    await demo.until('the pin is taken away', none);
  });

  scene('a tool is approved, and another one denied, with a button', async (stage) => {
    const alice = await stage.visit(demo);
    await alice.launch('Clean up APPROVE:bash:rm -rf build\nAPPROVE:bash:rm -rf src');
    const first = alice.question('rm -rf build');
    await alice.button('Approve', first).click();
    await alice.byBot('bash ran: rm -rf build').waitFor();
    const second = alice.question('rm -rf src');
    assert.ok(await second.locator('.content').innerText().then((text) => text.includes('bash')), 'it says which tool');
    await alice.button('Deny', second).click();
    await alice.byBot('scripted/scripted-1').waitFor();
    for (const label of ['Approve', 'Deny']) await alice.button(label).waitFor({ state: 'detached' });
    assert.equal(await alice.byBot('bash ran: rm -rf src').count(), 0, 'what was denied did not run');
    // Who answered what stays.
    await alice.message(/Approve.*alice/s, 'ompcord').waitFor();
    await alice.message(/Den(y|ied).*alice/s, 'ompcord').waitFor();
  });

  scene('a question is answered with a button, and from a menu by the keyboard', async (stage) => {
    const alice = await stage.visit(demo);
    await alice.launch('Ask me ASK:Tea or coffee?|Tea|Coffee\nASK:Which day?|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday');
    await alice.button('Coffee').click();
    await alice.byBot('You chose: Coffee').waitFor();
    const menu = alice.byBot('Which day?').locator('button.select');
    await menu.focus();
    await menu.press('Enter');
    await alice.page.getByRole('listbox').waitFor();
    await alice.page.keyboard.press('ArrowDown');
    await alice.page.keyboard.press('ArrowDown');
    await alice.page.getByRole('option', { name: 'Wednesday' }).and(alice.page.locator(':focus')).waitFor();
    await alice.page.keyboard.press('Enter');
    await alice.byBot('You chose: Wednesday').waitFor();
    assert.equal(await alice.byBot('Which day?').locator('button.select').count(), 0, 'an answered question has no menu');
  });

  scene('a question is answered in words, in a form', async (stage) => {
    const alice = await stage.visit(demo);
    await alice.launch('Fill in INPUT:What is it called?|a short name\nASK:Which day?|Monday|Tuesday\nEDITOR:The message|fix: the old words\nAPPROVE:bash:rm -rf docs');
    const form = alice.page.getByRole('dialog');
    await alice.button('Answer…').click();
    const name = form.getByRole('textbox', { name: 'What is it called?' });
    await name.and(alice.page.locator(':focus')).waitFor();
    assert.equal(await name.getAttribute('placeholder'), 'a short name');
    // It can be left and opened again; Enter sends a single line.
    await alice.page.keyboard.press('Escape');
    await form.waitFor({ state: 'detached' });
    await alice.button('Answer…').click();
    await name.fill('Plumtree & co');
    await name.press('Enter');
    await form.waitFor({ state: 'detached' });
    await alice.byBot('You wrote: Plumtree & co').waitFor();

    await alice.button('Other…').click();
    await form.getByRole('textbox').fill('Sunday');
    await form.getByRole('button', { name: 'Submit' }).click();
    await form.waitFor({ state: 'detached' });

    await alice.button('Edit…').click();
    const text = form.getByRole('textbox', { name: 'The message' });
    assert.equal(await text.inputValue(), 'fix: the old words');
    await text.fill('fix: the new words\n\nand why');
    await form.getByRole('button', { name: 'Submit' }).click();
    await alice.byBot(/You wrote: fix: the new words\s+and why/).waitFor();
    await alice.byBot('You chose: Sunday').waitFor();

    await alice.button('Deny with reason…').click();
    await form.getByRole('textbox', { name: 'What should the agent know?' }).fill('They are still needed');
    await form.getByRole('button', { name: 'Submit' }).click();
    await alice.byBot('I may not run: rm -rf docs').waitFor();
    await alice.byBot('They are still needed').first().waitFor();
    await form.waitFor({ state: 'detached' });
  });

  scene('what is written to a busy agent waits, and can be changed and dropped', async (stage) => {
    const alice = await stage.visit(demo);
    await alice.launch('Work for a while STEERABLE');
    await alice.page.locator('#typing.on').waitFor();
    await alice.write('SAY:the old words');
    const waiting = alice.message('SAY:the old words', 'alice');
    const inbox = (message) => message.getByRole('button', { name: '📥 1: ompcord' });
    await inbox(waiting).waitFor();
    const id = await waiting.getAttribute('data-message-id');

    await alice.write('SAY:to be dropped');
    const dropped = alice.message('SAY:to be dropped', 'alice');
    await inbox(dropped).waitFor();
    await alice.act(dropped, 'Delete message');
    await alice.page.getByRole('alertdialog', { name: 'Delete message' }).getByRole('button', { name: 'Delete' }).click();
    await dropped.waitFor({ state: 'detached' });

    // ↑ in the empty input edits one's last message.
    await alice.input.focus();
    await alice.input.press('ArrowUp');
    const editor = alice.page.getByRole('textbox', { name: 'Edit message' });
    assert.equal(await editor.inputValue(), 'SAY:the old words');
    await editor.fill('SAY:the new words');
    await editor.press('Enter');
    const changed = alice.page.locator(`article[data-message-id="${id}"]`);
    await changed.locator('.edited').waitFor();

    await alice.write('!go on');
    await alice.byBot(/(Steered|Understood): go on/).waitFor();
    await alice.byBot('the new words').waitFor();
    await alice.write('SAY:the last words');
    await alice.byBot('the last words').waitFor();
    assert.equal(await alice.byBot('the old words').count(), 0);
    assert.equal(await alice.byBot('to be dropped').count(), 0);
    await inbox(changed).waitFor({ state: 'detached' });
  });

  scene('a turn is cancelled, its queue goes on by a button, and the session is stopped', async (stage) => {
    const alice = await stage.visit(demo);
    const id = await alice.launch('Never stop STEERABLE');
    await alice.page.locator('#typing.on').waitFor();
    await alice.write('SAY:after the break');
    await alice.message('SAY:after the break', 'alice').getByRole('button', { name: /📥 1/ }).waitFor();
    await alice.command('omp cancel');
    await alice.button('Continue queue').click();
    await alice.message(/^(?!.*SAY:).*after the break/s, 'ompcord').waitFor();
    await alice.byBot('scripted/scripted-1').waitFor();

    await alice.command('omp stop');
    await alice.page.locator('#place .chip').filter({ hasText: 'archived' }).waitFor();
    await alice.byBot('Session stopped').waitFor();
    await alice.open(demo.home);
    assert.equal(await alice.page.locator(`#channels [data-channel-id="${id}"]`).count(), 0, 'an archived thread is out of the way');
    await alice.page.locator('#channels .archived').first().click();
    await alice.open(id);
  });
}
