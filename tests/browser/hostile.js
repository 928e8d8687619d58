// What agents, people and files may try on the page: nothing of it may become more than text.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { scene } from './stage.js';

const PAYLOADS = [
  '<script>hit("script")</script>',
  '<img src=x onerror=hit("img")>',
  '<svg onload=hit("svg")><a xlink:href="javascript:hit(1)">x</a></svg>',
  '"><iframe srcdoc="<script>parent.hit(1)</script>">',
  '[click](javascript:hit("link")) <javascript:hit(2)> [c](JaVaScRiPt:hit(3)) [d](data:text/html,<script>hit(4)</script>)',
  '[e](https://example.com" onclick="hit(5)) [f](https://example.com/\'onmouseover=\'hit(6)) <https://example.com/"onclick=hit(7)>',
  '[https://bank.example](https://evil.example) [g](vbscript:hit(8)) [h](//evil.example/hit) [i](/sim/say)',
  '```"><img src=x onerror=hit("lang")>\ncode\n```',
  '```html\n<script>hit("fence")</script><b onclick=hit(9)>b</b>\n```',
  '`<b>code</b>` **<b>bold</b>** ||<b>hidden</b>|| <@<script>> <t:99999999999999:R> <t:8640000000001:f> <:x:1> </omp:1>',
  '{{constructor.constructor("hit(10)")()}} ${hit(11)} &lt;script&gt;hit(12)&lt;/script&gt; &#x3C;script>',
  '\u202Etxet sdrawkcab \u2066isolated \u200B\u200D\uFEFFzero\u200Bwidth\u0000nul \u{E0041}\u{E0042} Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢',
];

/** Chosen to make a careless parser backtrack. */
const HEAVY = ['`'.repeat(1900), '**'.repeat(950), '[('.repeat(900), '> '.repeat(900), '||_*~~'.repeat(300), '<https://'.repeat(200), '- '.repeat(900), '\\'.repeat(1900), '((((https://a.b/'.repeat(110), '# '.repeat(900), '```'.repeat(600), '[a](https://b'.repeat(140), '*a '.repeat(600), '_'.repeat(1900)];

const TAGS = new Set(['article', 'div', 'span', 'p', 'a', 'b', 'strong', 'em', 'u', 's', 'small', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'h2', 'h3', 'h4', 'h5', 'time', 'header', 'button', 'svg', 'path', 'img', 'i', 'hr', 'input']);

/** Puts the trap up before anything of the page runs. */
const trapped = (page) => page.addInitScript(() => {
  window.hit = (what) => console.error(`executed: ${what}`);
});

/** Everything in the page that does not belong there. */
function strangers(tags) {
  const found = [];
  for (const node of document.querySelectorAll('#app *, .floating *, dialog *')) {
    const name = node.tagName.toLowerCase();
    const own = node.closest('#messages, .floating') !== null;
    if (own && !tags.includes(name)) found.push(`<${name}>`);
    if (['script', 'iframe', 'object', 'embed', 'form', 'link', 'style', 'base', 'meta'].includes(name) && !node.closest('dialog')) found.push(`<${name}>`);
    for (const { name: attribute, value } of node.attributes) {
      if (attribute.startsWith('on') || attribute === 'srcdoc') found.push(`${name} ${attribute}`);
      if (['href', 'src', 'action', 'xlink:href'].includes(attribute) && !/^(https?:\/\/|\/(page|attachments|calls)\b|data:image\/|#input$|about:blank$)/.test(value)) found.push(`${name} ${attribute}=${value}`);
    }
    if (name === 'a' && node.target === '_blank' && !node.closest('#panel') && !/noopener/.test(node.rel)) found.push(`a without noopener ${node.href}`);
  }
  return found;
}

async function untouched(visitor, scripts) {
  assert.deepEqual(await visitor.page.evaluate(strangers, [...TAGS]), []);
  assert.equal(await visitor.page.evaluate(() => document.scripts.length), scripts);
}

export function hostile(demo) {
  scene('hostile words of an agent stay words', async (stage) => {
    const alice = await stage.visit(demo);
    const { page } = alice;
    await trapped(page);
    await page.reload();
    await page.locator('#bot-status .online').waitFor();
    const scripts = await page.evaluate(() => document.scripts.length);
    const says = PAYLOADS.map((text, number) => `SAY:\\n${number}: ${text.replaceAll('\n', '\\n')}`);
    const thread = await demo.launch(`Be evil\n${says.slice(0, 6).join('\n')}\nTITLE:<img src=x onerror=hit("title")>\nNOTIFY:<b onclick=hit(1)>note</b>`);
    await alice.open(thread);
    await alice.byBot('scripted/scripted-1').waitFor();
    await alice.write(`${says.slice(6).join('\n')}\nTOOL:bash:{"command":"<script>hit(20)</script>"} TOOL:<svg/onload=hit(21)>:{"path":"<img src=x onerror=hit(22)>"}\nLOG:<script>hit(23)</script>\nASK:<b onclick=hit(24)>Which?</b>|<i onclick=hit(25)>a</i>|](javascript:hit(26))|c|d|e|<script>hit(27)</script>`);
    const question = alice.question('Which?');
    await question.waitFor();
    await untouched(alice, scripts);
    // It was not swallowed either: what it says can be read.
    const shown = (await alice.messages.locator('article[data-author=ompcord]:not(.system)').allInnerTexts()).join('\n');
    for (const part of ['<script>hit("script")</script>', '<img src=x onerror=hit("img")>', 'javascript:hit("link")', '<script>hit("fence")</script>']) assert.ok(shown.includes(part), `${part} cannot be read`);
    // No link says that it leads elsewhere than it does.
    assert.deepEqual(await alice.messages.locator('a').evaluateAll((links) => links.filter((link) => /^https?:/.test(link.textContent) && new URL(link.href).host !== new URL(link.textContent).host).map((link) => `${link.textContent} → ${link.href}`)), []);
    await question.locator('button.select').click();
    await page.getByRole('option').filter({ hasText: 'hit(27)' }).waitFor();
    await untouched(alice, scripts);
    await page.getByRole('option').filter({ hasText: 'hit(26)' }).click();
    await alice.byBot('You chose: ').waitFor();
    // Every spoiler is looked under, every element that could be pressed by mistake is.
    const spoilers = alice.messages.locator('button.spoiler');
    while (await spoilers.count()) await spoilers.first().click();
    await untouched(alice, scripts);
    await alice.open(demo.home);
    await untouched(alice, scripts);
  });

  scene('hostile people, names and files stay what they are', async (stage) => {
    const alice = await stage.visit(demo);
    const { page } = alice;
    await trapped(page);
    await page.reload();
    await page.locator('#bot-status .online').waitFor();
    const scripts = await page.evaluate(() => document.scripts.length);
    for (const text of [...PAYLOADS, ...HEAVY]) await demo.say(text, { user: 'mallory' });
    const html = Buffer.from('<!doctype html><script>top.hit?.("file"); fetch("/sim/say", {method: "POST"})</script>').toString('base64');
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" onload="top.hit(1)"><script>top.hit(2)</script></svg>').toString('base64');
    const names = ['"><img src=x onerror=hit(30)>.html', 'evil.svg', 'picture.png.html', 'invoice\u202Egnp.html'];
    const message = await demo.say('files of mine', { user: 'mallory', files: names.map((name) => ({ name, base64: name.endsWith('.svg') ? svg : html })) });
    await alice.message('files of mine', 'mallory').waitFor();
    await untouched(alice, scripts);
    await demo.say('and an answer', { user: 'mallory', reply_to: message });
    await alice.message('and an answer').getByRole('button', { name: /Reply to mallory/ }).waitFor();

    // A file of theirs is never a page of this origin.
    const { attachments } = (await demo.messages(demo.home)).find(({ id }) => id === message);
    assert.equal(attachments.length, names.length);
    for (const { url } of attachments) {
      const response = await fetch(demo.url + new URL(url).pathname);
      assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
      assert.match(response.headers.get('content-disposition'), /^attachment/);
      assert.match(response.headers.get('content-security-policy'), /sandbox/);
    }
    // Names of threads come from people as well.
    await alice.launch('<img src=x onerror=hit(40)> SAY:named');
    await alice.byBot('named').waitFor();
    await untouched(alice, scripts);
  });

  scene('embeds and components that nobody foresaw break nothing', async (stage) => {
    // The bot sends none like these, so the page is told that it had.
    const alice = await stage.visit(demo);
    const { page } = alice;
    await trapped(page);
    const evil = '<img src=x onerror=hit(50)>';
    const bad = 'javascript:hit(51)';
    const embeds = [
      { title: evil, url: bad, description: PAYLOADS.join('\n'), color: 0xff0000, author: { name: evil, url: bad, icon_url: bad }, footer: { text: evil, icon_url: bad }, image: { url: bad }, thumbnail: { url: 'https://evil.example/track.png' }, fields: [{ name: evil, value: PAYLOADS[4], inline: true }, { name: '', value: '' }], timestamp: evil },
      { color: 'red;background:url(https://evil.example)', fields: 'none' }, {},
    ];
    const components = [
      { type: 1, components: [{ type: 2, style: 5, label: evil, url: bad }, { type: 2, style: 99, label: evil, custom_id: '"><b>' }, { type: 2, style: 1, custom_id: 'x', emoji: { name: evil } }, { type: 777 }] },
      { type: 1, components: [{ type: 3, custom_id: 'many', min_values: 2, max_values: 3, placeholder: evil, options: ['a', 'b', 'c', 'd'].map((value) => ({ label: `${value} ${evil}`, value, description: evil })) }] },
      { type: 17, accent_color: 0x00ff00, components: [{ type: 10, content: PAYLOADS.join('\n') }, { type: 14 }, { type: 9, components: [{ type: 10, content: evil }], accessory: { type: 11, media: { url: bad } } }, { type: 12, items: [{ media: { url: 'https://evil.example/x.png' } }] }, { type: 13, file: { url: bad } }] },
      { type: 'x' },
    ];
    await page.route('**/sim/channels/*/messages?**', async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      const like = answer.messages.at(-1);
      if (like) answer.messages.push({ ...like, id: `${BigInt(like.id) + 1n}`, author: 'ompcord', by_bot: true, kind: 0, content: 'a strange one', reply_to: null, thread: null, attachments: [], reactions: [{ emoji: evil, users: [evil] }], embeds, components });
      await route.fulfill({ response, json: answer });
    });
    await page.reload();
    const strange = alice.message('a strange one');
    await strange.waitFor();
    const scripts = await page.evaluate(() => document.scripts.length);
    await untouched(alice, scripts);
    assert.equal(await strange.locator('.embed').count(), 3);
    assert.equal(await strange.locator('img').count(), 0, 'no picture from elsewhere is asked for');
    // Several of a menu: as many as it takes, and no more.
    await strange.locator('button.select').click();
    const options = page.getByRole('option');
    const choose = page.getByRole('button', { name: /^Choose/ });
    assert.ok(await choose.isDisabled());
    for (const number of [0, 1, 2, 3]) await options.nth(number).click();
    await page.getByRole('button', { name: 'Choose 3' }).waitFor();
    await untouched(alice, scripts);
    await page.keyboard.press('Escape');
  });

  scene('other pages and other names have no way in', async (stage) => {
    const host = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html><title>Elsewhere</title>')).listen(0, '127.0.0.1');
    await once(host, 'listening');
    try {
      const alice = await stage.visit(demo);
      const before = await demo.messages(demo.home);
      const { page } = await stage.visit({ url: `http://127.0.0.1:${host.address().port}` }, { path: '/elsewhere', expected: [/./] });
      const tried = await page.evaluate(async ({ url, home }) => {
        const body = JSON.stringify({ user: 'alice', channel: home, text: 'from elsewhere' });
        const go = async (path, settings) => {
          try {
            const response = await fetch(url + path, settings);
            return response.type === 'opaque' ? 'opaque' : response.status;
          } catch {
            return 'refused';
          }
        };
        const loads = (tag, source) => new Promise((resolve) => {
          const node = Object.assign(document.createElement(tag), { src: source, onload: () => resolve('loaded'), onerror: () => resolve('refused') });
          document.body.append(node);
        });
        const streams = () => new Promise((resolve) => {
          const source = new EventSource(`${url}/sim/events`);
          source.addEventListener('hello', () => resolve('heard'));
          source.onerror = () => resolve('refused');
        });
        const sockets = (path) => new Promise((resolve) => {
          const socket = new WebSocket(url.replace('http', 'ws') + path);
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        });
        return {
          json: await go('/sim/say', { method: 'POST', headers: { 'content-type': 'application/json' }, body }),
          simple: await go('/sim/say', { method: 'POST', headers: { 'content-type': 'text/plain' }, body }),
          read: await go('/sim/state'),
          demo: await go('/demo.json'),
          restart: await go('/demo/restart', { method: 'POST' }),
          script: await loads('script', `${url}/page/app.js`),
          picture: await loads('img', `${url}/page/icon.svg`),
          events: await streams(),
          gateway: await sockets('/gateway'),
        };
      }, { url: demo.url, home: demo.home });
      assert.deepEqual(new Set(Object.values(tried)), new Set(['refused']), JSON.stringify(tried));

      const status = (path, { method = 'GET', ...headers }) => new Promise((resolve, reject) => {
        const { hostname, port } = new URL(demo.url);
        request({ hostname, port, path, method, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject).end();
      });
      const here = new URL(demo.url).host;
      for (const path of ['/', '/calls', '/page/app.js', '/demo.json', '/sim/state', '/sim/events', '/sim/calls', '/sim/faults']) {
        assert.equal(await status(path, { host: 'evil.example' }), 403, `${path} by another name`);
        assert.equal(await status(path, { host: here, origin: 'http://evil.example' }), 403, `${path} from elsewhere`);
        assert.equal(await status(path, { host: here, origin: 'null' }), 403, `${path} from nowhere`);
      }
      for (const path of ['/demo/restart', '/sim/gateway', '/sim/say']) assert.equal(await status(path, { method: 'POST', host: here, origin: 'http://evil.example' }), 403, path);
      const marker = await demo.say('the last word');
      await alice.message('the last word').waitFor();
      const after = await demo.messages(demo.home);
      const known = new Set(before.map(({ id }) => id));
      assert.deepEqual(after.filter(({ id }) => !known.has(id)).map(({ id }) => id), [marker], 'nothing was said from elsewhere');
      // No page may show this one in a frame.
      const response = await fetch(`${demo.url}/`);
      assert.match(response.headers.get('content-security-policy'), /frame-ancestors 'none'/);
    } finally {
      host.closeAllConnections();
      host.close();
    }
  });
}
