// The left side: channels with their threads, and who one is.
import { avatar, fill, h, icon, sync } from './dom.js';
import { float, rove } from './floating.js';
import { emit, isThread, isUnread, on, people, pingsIn, remember, rooms, store, threadsOf } from './store.js';

const nav = document.getElementById('channels');
const title = document.getElementById('server-name');
const me = document.getElementById('me');
const shownArchived = new Set();
const rows = new Map();

function draw() {
  title.textContent = store.guild?.name || 'Simulated server';
  const wanted = [];
  for (const room of rooms()) {
    if (otherGuild(room) && !isUnread(room) && room.id !== store.here) continue;
    wanted.push(row(room));
    const all = threadsOf(room.id);
    const open = all.filter((thread) => !thread.archived);
    for (const thread of open) wanted.push(row(thread));
    const archived = all.filter((thread) => thread.archived);
    if (archived.length) wanted.push(...archivedRows(room, archived));
  }
  sync(nav, wanted);
  const waiting = [...store.channels.values()].reduce((sum, channel) => sum + pingsIn(channel.id), 0);
  document.title = `${waiting ? `(${waiting}) ` : ''}${store.channels.get(store.here)?.name ?? 'ompcord'} · ompcord demo`;
}

const otherGuild = (room) => store.home && room.guild !== store.channels.get(store.home)?.guild;

/** The row of a channel or thread; the node stays, so that it keeps the focus. */
function row(channel) {
  const thread = isThread(channel);
  const current = channel.id === store.here;
  const unread = !current && isUnread(channel);
  const pings = pingsIn(channel.id);
  const key = JSON.stringify([channel.name, current, unread, pings, channel.typing, channel.locked, channel.archived]);
  let button = rows.get(channel.id);
  if (!button) {
    button = h('button', { type: 'button', 'data-channel-id': channel.id, 'data-goto-channel': channel.id });
    rows.set(channel.id, button);
  }
  if (button.dataset.key === key) return button;
  button.dataset.key = key;
  button.className = `channel${thread ? ' thread' : ''}${current ? ' current' : ''}${unread ? ' unread' : ''}`;
  button.setAttribute('aria-current', current ? 'page' : 'false');
  const unseen = (text) => h('span', { class: 'unseen' }, text);
  button.title = channel.name;
  const sign = channel.locked ? 'lock' : thread ? 'thread' : 'hash';
  fill(button, icon(sign), unseen(thread ? 'Thread ' : 'Channel '), h('span', { class: 'channel-name' }, channel.name), unread && unseen(', unread'),
    channel.typing && [h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), unseen(', typing')],
    pings > 0 && [unseen(', '), h('span', { class: 'badge' }, pings), unseen(pings === 1 ? ' mention' : ' mentions')]);
  return button;
}

function archivedRows(room, archived) {
  const key = `archived-${room.id}`;
  const open = shownArchived.has(room.id) || archived.some((thread) => thread.id === store.here);
  let toggle = rows.get(key);
  if (!toggle) {
    toggle = h('button', { type: 'button', class: 'archived' });
    toggle.addEventListener('click', () => {
      if (!shownArchived.delete(room.id)) shownArchived.add(room.id);
      draw();
    });
    rows.set(key, toggle);
  }
  toggle.setAttribute('aria-expanded', String(open));
  fill(toggle, icon(open ? 'down' : 'right'), `Archived (${archived.length})`);
  return [toggle, ...(open ? archived.map(row) : [])];
}

function drawMe() {
  const person = people().find(({ name }) => name === store.me);
  const about = person?.allowed === null || person?.allowed === undefined ? 'switch user' : person.allowed ? 'drives the bot' : 'not allowed';
  fill(me, avatar(store.me ?? '?'), h('span', { class: 'me-text' }, h('strong', null, store.me, ' '), h('span', { class: 'dim' }, about)), h('span', { class: 'unseen' }, ' – switch user'), icon('down'));
}

me.addEventListener('click', () => {
  let close = () => {};
  const items = people().map(({ name, allowed, about }) => {
    const choose = () => {
      close();
      if (name === store.me) return;
      emit('be', name);
    };
    const tag = allowed === true ? h('span', { class: 'good' }, 'allowed') : allowed === false ? h('span', { class: 'bad' }, 'not allowed') : null;
    return h('button', { type: 'button', role: 'menuitemradio', 'aria-checked': String(name === store.me), 'data-user': name, onclick: choose },
      avatar(name), h('span', { class: 'me-text' }, h('strong', null, name, ' ', tag), about && h('span', { class: 'dim' }, about)), name === store.me && icon('check'));
  });
  const menu = rove(h('div', { class: 'menu' }, h('div', { class: 'menu-title' }, 'Be somebody else'), items), '[role=menuitemradio]');
  close = float(me, menu, { label: 'Switch user', role: 'menu', kind: 'user-menu' });
});

on('be', (name) => {
  store.me = name;
  remember();
  emit('me', name);
});

/** The next or previous channel in the order that is seen. */
export function neighbour(step) {
  const all = [...nav.querySelectorAll('[data-channel-id]')].map((node) => node.dataset.channelId);
  const now = all.indexOf(store.here);
  return all[(now + step + all.length) % all.length];
}

const THEMES = { system: ['screen', 'System theme'], light: ['sun', 'Light theme'], dark: ['moon', 'Dark theme'] };
const theme = document.getElementById('theme');
const prefersLight = matchMedia('(prefers-color-scheme: light)');
let chosen = 'system';

function drawTheme() {
  const actual = chosen === 'system' ? (prefersLight.matches ? 'light' : 'dark') : chosen;
  document.documentElement.dataset.theme = actual;
  const [sign, label] = THEMES[chosen];
  fill(theme, icon(sign));
  theme.title = label;
  theme.setAttribute('aria-label', `${label}. Change theme`);
}

export function startTheme() {
  chosen = localStorage.getItem('ompcord-theme') ?? 'system';
  if (!THEMES[chosen]) chosen = 'system';
  drawTheme();
  prefersLight.addEventListener('change', drawTheme);
  theme?.addEventListener('click', () => {
    const names = Object.keys(THEMES);
    chosen = names[(names.indexOf(chosen) + 1) % names.length];
    localStorage.setItem('ompcord-theme', chosen);
    drawTheme();
  });
}

for (const topic of ['channels', 'here', 'read', 'reset', 'messages']) on(topic, draw);
for (const topic of ['me', 'known']) on(topic, drawMe);
on('me', draw);
