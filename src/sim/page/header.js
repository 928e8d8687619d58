// The line above the messages: where one is, what is pinned, what can be done with a thread. And the banners that say
// what is wrong with the connection or the bot.
import { avatar, fill, h, icon, signButton, when } from './dom.js';
import { float, rove } from './floating.js';
import { get, hand, post } from './hands.js';
import { rich } from './markdown-dom.js';
import { summary } from './message.js';
import { toast } from './notice.js';
import { isThread, on, store, threadsOf } from './store.js';

const place = document.getElementById('place');
const acts = document.getElementById('place-acts');
const banner = document.getElementById('banner');
const status = document.getElementById('bot-status');

let drawn = '';

function draw() {
  const channel = store.channels.get(store.here);
  if (!channel) return;
  const parent = store.channels.get(channel.parent);
  const key = JSON.stringify([channel.id, channel.name, parent?.name, channel.archived, channel.locked, threadsOf(channel.id).length, channel.members.length]);
  if (key === drawn) return;
  drawn = key;
  const crumb = parent && [h('button', { type: 'button', class: 'crumb', 'data-goto-channel': parent.id }, icon('hash'), parent.name), h('span', { class: 'dim', 'aria-hidden': 'true' }, '›')];
  fill(place, crumb, h('h1', null, icon(parent ? 'thread' : 'hash'), h('span', null, channel.name)), channel.archived && h('span', { class: 'chip' }, 'archived'), channel.locked && h('span', { class: 'chip' }, 'locked'));
  fill(acts, isThread(channel) ? threadMenu(channel) : threadList(channel), pinsButton());
}

function pinsButton() {
  return signButton('pin', 'Pinned messages', showPins, { id: 'pins-button' });
}

/** The pinned messages, newest first. */
async function showPins() {
  const opener = document.getElementById('pins-button');
  const box = h('div', { class: 'pins' }, h('div', { class: 'dim hint' }, 'Loading…'));
  const close = float(opener, [h('h2', { class: 'float-title' }, 'Pinned messages'), box], { label: 'Pinned messages', kind: 'pins-list' });
  const pins = await get(`/sim/channels/${store.here}/pins`).catch(() => []);
  const row = (message) => {
    const jump = h('button', { type: 'button', class: 'button secondary small', 'data-goto-channel': message.channel, 'data-goto-message': message.id, onclick: () => close() }, 'Jump');
    const unpin = signButton('close', 'Unpin', async () => {
      if (await hand('pin', { message: message.id, remove: true })) item.remove();
    });
    const item = h('div', { class: 'pinned' }, avatar(message.author), h('div', { class: 'pinned-text' }, h('header', null, h('span', { class: 'author' }, message.author), h('time', null, when(message.at_ms))), h('div', { class: 'rich' }, message.content ? rich(message.content) : summary(message))), h('div', { class: 'pinned-acts' }, jump, unpin));
    return item;
  };
  fill(box, pins.length ? pins.map(row) : h('div', { class: 'nothing' }, icon('pin'), h('p', null, 'Nothing is pinned here. A prompt is pinned while its session runs.')));
  if (!pins.length) box.parentElement?.focus?.();
}

on('pins', showPins);

function threadList(channel) {
  const all = threadsOf(channel.id);
  const opener = signButton('thread', `Threads (${all.length})`, () => {
    const items = threadsOf(channel.id).map((thread) =>
      h('button', { type: 'button', role: 'menuitem', 'data-goto-channel': thread.id, onclick: () => close() }, icon('thread'), h('span', { class: 'grow' }, thread.name), thread.archived && h('span', { class: 'dim' }, 'archived')));
    const close = float(opener, rove(h('div', { class: 'menu' }, h('div', { class: 'menu-title' }, 'Threads'), items.length ? items : h('p', { class: 'dim hint' }, 'No threads yet. React to your message with 🚀.')), '[role=menuitem]'), { label: 'Threads', role: 'menu' });
  }, { 'aria-haspopup': 'menu' });
  return opener;
}

function threadMenu(thread) {
  const opener = signButton('more', 'Thread actions', () => {
    const item = (sign, label, act) =>
      h('button', { type: 'button', role: 'menuitem', onclick: () => {
        close();
        act();
      } }, icon(sign), label);
    const set = async (change, said) => {
      if (await post('/sim/thread', { thread: thread.id, ...change })) toast(said);
    };
    const items = [
      thread.archived ? item('archive', 'Reopen thread', () => set({ archived: false }, 'The thread is open again.')) : item('archive', 'Archive thread', () => set({ archived: true }, 'The thread is archived. Writing in it opens it again.')),
      thread.locked ? item('lock', 'Unlock thread', () => set({ locked: false }, 'The thread is unlocked.')) : item('lock', 'Lock thread', () => set({ locked: true }, 'The thread is locked.')),
      item('copy', 'Copy thread id', () => navigator.clipboard?.writeText(thread.id)),
    ];
    const members = h('div', { class: 'menu-title' }, `Members: ${thread.members.join(', ') || 'nobody'}`);
    const close = float(opener, rove(h('div', { class: 'menu' }, items, members), '[role=menuitem]'), { label: 'Thread actions', role: 'menu' });
  }, { 'aria-haspopup': 'menu' });
  return opener;
}

/** The connection of the page comes first: without it nothing else that is shown is known to be true. */
function drawBanner() {
  const lost = store.line === 'lost';
  const offline = store.greeted && !store.bot.connected;
  banner.hidden = !lost && !offline;
  banner.className = lost ? 'lost' : 'offline';
  fill(banner, lost ? 'Reconnecting to the simulated Discord…' : offline ? `${store.bot.name} is offline` : '');
  const online = store.bot.connected && !lost;
  fill(status, h('span', { class: `dot ${online ? 'online' : ''}`, 'aria-hidden': 'true' }), h('span', null, `${store.bot.name || 'the bot'} is ${online ? 'online' : 'offline'}`));
}

let waits = 0;
on('line', () => {
  clearTimeout(waits);
  // A page that has just been opened is not "reconnecting".
  if (store.line === 'lost') waits = setTimeout(drawBanner, 300);
  else drawBanner();
});
on('bot', drawBanner);
for (const topic of ['here', 'channels', 'reset']) on(topic, draw);
