// A page that is left open while what it shows goes away and comes back, or goes wrong.
import assert from 'node:assert/strict';
import { scene } from './stage.js';

/** Notes every text of the banner, however short it is there. */
const watchBanner = (page) => page.evaluate(() => {
  const banner = document.getElementById('banner');
  window.banners = [];
  const look = () => {
    if (!banner.hidden) window.banners.push(banner.textContent);
  };
  new MutationObserver(look).observe(banner, { attributes: true, childList: true, subtree: true });
});

export function endurance(demo) {
  scene('the bot is restarted under an open page, and the conversation goes on', async (stage) => {
    const alice = await stage.visit(demo);
    await alice.launch('SAY:remember the word plumtree');
    await alice.byBot('scripted/scripted-1').waitFor();
    await watchBanner(alice.page);
    await alice.page.getByRole('button', { name: 'Restart the bot', exact: true }).click();
    await alice.until(() => window.banners.some((text) => text.includes('ompcord is offline')));
    await alice.page.locator('#banner').waitFor({ state: 'hidden' });
    await alice.page.locator('#bot-status .online').waitFor();
    await alice.write('HISTORY');
    // What was said before the restart is still known, by the agent that was started anew.
    await alice.byBot(/SAY:remember the word plumtree/).waitFor();
    await alice.byBot('scripted/scripted-1').waitFor();
  });

  scene('the demo is started anew on the same port, and the page finds it', async (stage) => {
    const first = await stage.demo();
    // While nobody listens the browser itself says so.
    const alice = await stage.visit(first, { expected: [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE/] });
    const thread = await alice.launch('SAY:of the first life');
    await alice.byBot('of the first life').waitFor();
    await first.end();
    await alice.page.locator('#banner').filter({ hasText: 'Reconnecting' }).waitFor();
    await stage.demo({ port: first.port });
    await alice.page.locator('#banner').waitFor({ state: 'hidden' });
    await alice.page.locator('#bot-status .online').waitFor({ state: 'attached' });
    // It is another world: what was in the old one is gone, and the page is at home.
    await alice.page.locator(`#channels [data-channel-id="${thread}"]`).waitFor({ state: 'detached' });
    assert.equal(await alice.place(), 'home');
    assert.equal(await alice.message('of the first life').count(), 0);
    await alice.launch('SAY:of the second life');
    await alice.byBot('of the second life').waitFor();
  });

  scene('faults that are switched on are met, told, and survived', async (stage) => {
    const alice = await stage.visit(demo);
    const calls = await stage.visit(demo, { path: '/calls' });
    await calls.page.locator('#line').filter({ hasText: 'live' }).waitFor();
    await calls.page.getByRole('button', { name: 'Clear' }).click();
    await alice.page.locator('#panel summary').click();
    const fault = (name) => alice.page.getByRole('switch', { name });
    const words = Array.from({ length: 200 }, (_, number) => `storm${number}`).join(' ');
    const thread = await alice.launch('SAY:calm so far');
    await alice.byBot('scripted/scripted-1').waitFor();
    try {
      await fault('Errors').click();
      await alice.page.locator('[role=switch][data-fault=errors][aria-checked=true]').waitFor();
      await alice.write(`SLOW:40 SAY:${words}`);
      await calls.page.locator('#rows tr[data-status="500"] .chip').first().waitFor();
      await fault('Errors').click();
      await fault('Rate limits').click();
      await calls.page.locator('#rows tr[data-status="429"] .chip').first().waitFor();
      await calls.page.getByRole('checkbox', { name: 'Only errors' }).check();
      await calls.until(() => [...document.querySelectorAll('#rows tr:not([hidden])')].every((row) => Number(row.dataset.status) >= 400));
      await calls.page.getByRole('searchbox', { name: 'Filter by text' }).fill('429');
      await calls.until(() => {
        const shown = [...document.querySelectorAll('#rows tr:not([hidden])')];
        return shown.length > 0 && shown.every((row) => row.dataset.status === '429');
      });
      await alice.page.getByRole('button', { name: 'Clear all faults' }).click();
      await alice.page.locator('[role=switch][data-fault=rate-limits][aria-checked=false]').waitFor();
      await alice.byBot('storm199').waitFor();
      await alice.until(() => [...document.querySelectorAll('#messages article')].filter((node) => node.innerText.includes('scripted/scripted-1')).length === 2);
      const said = (await demo.messages(thread)).filter((one) => one.by_bot && one.content.includes('storm0'));
      assert.deepEqual(said.map((one) => one.content.trim()), [words], 'the thread is complete, and nothing is twice in it');
    } finally {
      await demo.post('/sim/faults', undefined, 'DELETE');
    }
  });
}
