// Thousands of messages: the page holds a window of them, and what is new costs what is new.
import assert from 'node:assert/strict';
import { scene } from './stage.js';

const COUNT = 5000;
/** What the page may hold, whatever the channel holds. */
const MOST_ARTICLES = 260;
const MOST_NODES = 12_000;
/** One message: itself and its neighbour, the list at the left, the marks of what is read. */
const MOST_MUTATIONS = 60;

export function volume() {
  scene('five thousand messages stay smooth', async (stage, t) => {
    const demo = await stage.demo({ args: ['--messages', String(COUNT)] });
    const alice = await stage.visit(demo);
    const { page } = alice;
    await alice.messages.locator('article').nth(20).waitFor();
    const held = () => page.evaluate(() => ({ articles: document.querySelectorAll('#messages article').length, nodes: document.querySelectorAll('*').length }));
    await page.evaluate(() => {
      window.long = [];
      new PerformanceObserver((list) => window.long.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' });
    });

    // Up through ten pages: what one reads stays where it is while more comes above.
    for (let round = 0; round < 10; round += 1) {
      const before = await page.evaluate(() => {
        const scroller = document.getElementById('scroller');
        const first = document.querySelector('#messages article').dataset.messageId;
        scroller.scrollTop = 400;
        const line = scroller.getBoundingClientRect().top;
        const anchor = [...document.querySelectorAll('#messages article')].find((node) => node.getBoundingClientRect().bottom > line);
        return { first, anchor: anchor.dataset.messageId, top: anchor.getBoundingClientRect().top };
      });
      await alice.until((first) => document.querySelector('#messages article').dataset.messageId !== first, before.first);
      const top = await page.locator(`article[data-message-id="${before.anchor}"]`).evaluate((node) => node.getBoundingClientRect().top);
      assert.ok(Math.abs(top - before.top) <= 2, `round ${round}: what was read moved by ${top - before.top} px`);
      const { articles, nodes } = await held();
      assert.ok(articles <= MOST_ARTICLES, `round ${round}: ${articles} messages are held`);
      assert.ok(nodes <= MOST_NODES, `round ${round}: ${nodes} nodes are held`);
    }

    // What arrives meanwhile does not move the reader, and is counted at the way down.
    const place = await page.locator('#scroller').evaluate((node) => node.scrollTop);
    await demo.say('news from below', { user: 'bob' });
    const pill = page.locator('#to-end');
    await pill.filter({ hasText: '1 new message' }).waitFor();
    assert.equal(await page.locator('#scroller').evaluate((node) => node.scrollTop), place);
    await pill.click();
    await alice.message('news from below', 'bob').waitFor();
    await pill.waitFor({ state: 'hidden' });

    // Fill the window to its brim, then count what one more message changes.
    for (let number = 0; number < 220; number += 1) await demo.say(`filling ${number}`, { user: number % 3 ? 'bob' : 'alice' });
    await alice.message('filling 219').waitFor();
    const costs = async (change, settled) => {
      await page.evaluate(() => {
        window.changes = 0;
        window.watcher = new MutationObserver((records) => { window.changes += records.length; });
        window.watcher.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
      });
      await change();
      await settled();
      return page.evaluate(() => {
        window.changes += window.watcher.takeRecords().length;
        window.watcher.disconnect();
        return window.changes;
      });
    };
    const one = await costs(() => demo.say('one more', { user: 'bob' }), () => alice.message('one more', 'bob').waitFor());
    assert.ok(one <= MOST_MUTATIONS, `a new message changed ${one} things`);
    const id = await demo.say('to be edited', { user: 'bob' });
    await alice.message('to be edited').waitFor();
    const edit = await costs(() => demo.post('/sim/edit', { user: 'bob', message: id, text: 'was edited' }), () => alice.message('was edited').waitFor());
    assert.ok(edit <= MOST_MUTATIONS, `an edit changed ${edit} things`);
    const { articles, nodes } = await held();
    assert.ok(articles <= MOST_ARTICLES && nodes <= MOST_NODES, `${articles} messages, ${nodes} nodes`);

    // A jump to what is far up loads what is around it.
    const [first] = (await demo.get(`/sim/channels/${demo.home}/messages?user=alice&limit=1&around=1`).catch(() => ({ messages: [] }))).messages;
    if (first) {
      await demo.say('as I said', { user: 'bob', reply_to: first.id });
      await alice.message('as I said').locator('.reply-line').click();
      await page.locator(`article[data-message-id="${first.id}"]`).and(page.locator(':focus')).waitFor();
    }
    const long = await page.evaluate(() => window.long);
    t.diagnostic(`mutations: ${one} for a new message, ${edit} for an edit; ${nodes} nodes; long tasks: ${long.length}, the longest ${Math.round(Math.max(0, ...long))} ms`);
  });
}
