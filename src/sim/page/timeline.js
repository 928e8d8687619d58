// The messages of the open channel. Nodes are kept by id and only what changed is drawn; who reads further up is not
// moved by what arrives below, and at the end the view follows.
import { date, dayOf, fill, h, icon, plural, sync } from './dom.js';
import { announce } from './notice.js';
import { MessageView, dots, isSystem, originLine, summary } from './message.js';
import { forgetComponents } from './components.js';
import { forgetWindows, loaded, lose, refresh, windowOf } from './history.js';
import { emit, isThread, lastRead, markRead, newer, on, remember, store } from './store.js';

const TOGETHER = 7 * 60_000;
const NEAR = 900;
const AT_END = 40;

const scroller = document.getElementById('scroller');
const list = document.getElementById('messages');
const top = document.getElementById('beginning');
const pendingBox = document.getElementById('pending');
const pill = document.getElementById('to-end');
const typing = document.getElementById('typing');

let window_ = null;
let views = new Map();
let days = new Map();
let atEnd = true;
let lastTop = 0;
let arrived = 0;
let newFrom = null;
let touched = new Set();
/** The one message that Tab stops at. */
let reachable = null;
const pending = new Map();

/** Opens a channel, at its end or at a message. */
export async function open(channel, message) {
  closeEditor();
  const changes = store.here !== channel || !window_ || window_.user !== store.me;
  store.here = channel;
  if (changes) {
    views = new Map();
    days = new Map();
    window_ = windowOf(channel);
    newFrom = lastRead(channel);
    const last = store.channels.get(channel)?.last_message;
    if (!newer(last, newFrom)) newFrom = null;
    arrived = 0;
    atEnd = true;
    emit('here', channel);
    pendingBox.replaceChildren(...[...pending.values()].filter((one) => one.channel === channel && one.user === store.me).map((one) => one.node));
  }
  const mine = window_;
  if (message) {
    await goTo(message);
    return;
  }
  if (!mine.ready || mine.after) {
    if (changes) list.replaceChildren();
    showTop('loading');
    try {
      await mine.latest();
    } catch {
      if (mine === window_) showTop('broken');
      return;
    }
  }
  if (mine !== window_) return;
  atEnd = true;
  draw();
}

/** Scrolls to a message, wherever it is, and lights it up. */
async function goTo(id) {
  const mine = window_;
  if (!mine.has(id)) {
    if (!mine.ready) showTop('loading');
    const there = await mine.around(id).catch(() => false);
    if (mine !== window_) return;
    if (!there) {
      if (!mine.ready) await mine.latest();
      draw();
      announce('That message is gone');
      return;
    }
  }
  atEnd = false;
  draw();
  const { node } = views.get(id) ?? {};
  if (!node) return;
  node.scrollIntoView({ block: 'center' });
  node.classList.add('flash');
  setTimeout(() => node.classList.remove('flash'), 2000);
  node.focus({ preventScroll: true });
  noteScroll();
}

/** Shows the window as it is now. `drawAll`: also what did not change itself, such as after a rename. */
function draw({ drawAll = false } = {}) {
  if (!window_?.ready) return;
  const anchor = atEnd ? null : anchorOf();
  const wanted = [];
  const alive = new Map();
  let before = null;
  let marked = false;
  for (const message of window_.list) {
    const newDay = !before || dayOf(before.at_ms) !== dayOf(message.at_ms);
    const isNew = !marked && newFrom && newer(message.id, newFrom) && message.author !== store.me;
    if (newDay) wanted.push(dayLine(message.at_ms));
    if (isNew) {
      marked = true;
      wanted.push(newLine);
    }
    const head = newDay || isNew || !follows(before, message);
    let view = views.get(message.id);
    const fresh = !view;
    if (fresh) view = new MessageView(message);
    if (fresh || drawAll || view.message !== message || view.head !== head || touched.has(message.id)) view.update(message, head);
    view.head = head;
    alive.set(message.id, view);
    wanted.push(view.node);
    before = message;
  }
  touched = new Set();
  views = alive;
  sync(list, wanted);
  const last = views.get(window_.newest)?.node;
  if (reachable !== last) {
    if (reachable) reachable.tabIndex = -1;
    if (last) last.tabIndex = 0;
    reachable = last;
  }
  showTop(window_.before ? 'more' : 'start');
  if (atEnd) toEnd();
  else if (anchor?.node.isConnected) scroller.scrollTop += anchor.node.getBoundingClientRect().top - anchor.top;
  noteScroll();
}

/** Whether a message goes on under the name of the one before it. */
function follows(before, message) {
  return before && before.author === message.author && message.at_ms - before.at_ms < TOGETHER && before.only_for === message.only_for
    && !isSystem(before) && message.kind === 0;
}

function dayLine(ms) {
  const name = dayOf(ms);
  if (!days.has(name)) days.set(name, h('div', { class: 'day', role: 'separator' }, h('span', null, date(ms))));
  return days.get(name);
}

const newLine = h('div', { class: 'day new', role: 'separator', 'aria-label': 'New messages' }, h('span', null, 'New'));

/** What is above the messages: where the channel begins, or that more is coming. */
function showTop(state) {
  const channel = store.channels.get(store.here);
  const key = `${state}${channel?.id}${channel?.name}`;
  if (top.dataset.key === key) return;
  top.dataset.key = key;
  if (state === 'loading' || state === 'more') {
    fill(top, h('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading messages' }, Array.from({ length: state === 'more' ? 3 : 7 }, () => h('div', null, h('i'), h('b')))));
    return;
  }
  if (state === 'broken') {
    fill(top, h('div', { class: 'welcome' }, h('p', null, 'The messages could not be loaded.'), h('button', { type: 'button', class: 'button secondary', onclick: () => open(store.here) }, 'Try again')));
    return;
  }
  const thread = isThread(channel);
  const parent = store.channels.get(channel?.parent);
  const text = thread ? `This is the start of the thread, in #${parent?.name ?? 'unknown'}.` : 'This is where it begins. Write something, and react to it with 🚀 to start an agent on it.';
  fill(top, h('div', { class: 'welcome' }, h('span', { class: 'welcome-sign' }, icon(thread ? 'thread' : 'hash')), h('h2', null, thread ? channel.name : `Welcome to #${channel?.name ?? ''}`), h('p', null, text)));
}

function anchorOf() {
  const line = scroller.getBoundingClientRect().top;
  for (const { node } of views.values()) {
    const box = node.getBoundingClientRect();
    if (box.bottom > line) return { node, top: box.top };
  }
  return null;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

const reallyAtEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < AT_END;

/** Notices where the view is: what has been read, what to load, whether to offer the way down. */
function noteScroll() {
  // What grows late puts the end out of reach without anybody having scrolled; only going up lets go of it.
  const up = scroller.scrollTop < lastTop - 1;
  lastTop = scroller.scrollTop;
  if (window_?.after) atEnd = false;
  else if (reallyAtEnd()) atEnd = true;
  else if (up) atEnd = false;
  if (atEnd) {
    arrived = 0;
    const last = store.channels.get(store.here)?.last_message;
    const newest = newer(last, window_?.newest) ? last : window_?.newest;
    if (!document.hidden && newest && document.hasFocus()) markRead(store.here, newest);
  }
  const away = !atEnd && (arrived > 0 || window_?.after || scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight > 600);
  pill.hidden = !away;
  if (away) fill(pill, arrived ? plural(arrived, 'new message') : 'Jump to the present', icon('down'));
}

async function more() {
  const mine = window_;
  if (!mine?.ready || mine.loading) return;
  const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  try {
    let changed = false;
    if (scroller.scrollTop < NEAR && mine.before) changed = await mine.older();
    else if (below < NEAR && mine.after) changed = await mine.later();
    if (changed && mine === window_) draw();
  } catch {
    // The connection is lost, which is said at the top; scrolling tries again.
  }
}

scroller.addEventListener('scroll', () => {
  noteScroll();
  more();
}, { passive: true });

// What grows late, such as a picture, must not push the end out of sight.
new ResizeObserver(() => {
  if (atEnd) toEnd();
}).observe(list);
new ResizeObserver(() => {
  if (atEnd) toEnd();
}).observe(scroller);

pill.addEventListener('click', async () => {
  if (window_.after) await window_.latest();
  atEnd = true;
  draw();
});

for (const kind of ['focus', 'visibilitychange']) (kind === 'focus' ? window : document).addEventListener(kind, noteScroll);

on('messages', (messages) => {
  let changed = false;
  for (const message of messages) {
    refresh(message);
    for (const one of loaded()) {
      if (one.channel !== message.channel) continue;
      const isOpen = one === window_;
      const fresh = isOpen && newer(message.id, one.newest);
      const done = one.apply(message, isOpen && !atEnd);
      if (!isOpen) continue;
      changed = changed || done;
      if (!fresh || !one.visible(message)) continue;
      if (!atEnd) {
        arrived += 1;
        changed = true;
      }
      if (message.author !== store.me && !message.thinking) announce(`${message.author}: ${summary(message, 240)}`);
    }
  }
  if (changed) draw();
});

on('gone', (all) => {
  const changed = all.filter(({ kind, id }) => kind === 'message' && lose(id)).length > 0;
  if (changed) draw();
});

on('touched', (id) => {
  touched.add(id);
  draw();
});

on('dismissed', (message) => {
  lose(message.id);
  remember();
  draw();
});

on('channels', (ids) => {
  // A thread's chip is on the message that has its id.
  for (const id of ids) if (views.has(id)) touched.add(id);
  if (touched.size) draw();
  else if (ids.has(store.here)) showTop(window_?.before ? 'more' : 'start');
  showTyping();
});

on('here', showTyping);
on('bot', showTyping);

function showTyping() {
  const busy = store.channels.get(store.here)?.typing && store.bot.connected;
  if (typing.classList.contains('on') === Boolean(busy)) return;
  typing.classList.toggle('on', Boolean(busy));
  fill(typing, busy && [dots(), h('span', null, h('strong', null, store.bot.name), ' is typing…')]);
}

/** Everything is drawn anew, after the world or the person changed. */
export function rebuild() {
  forgetWindows();
  forgetComponents();
  window_ = null;
  pending.clear();
  pendingBox.replaceChildren();
}

// A command that was sent and not answered yet has no message; it is shown below the last one.
on('begun', ({ id, label, user }) => {
  if (!label) return;
  for (const [old, entry] of pending) if (entry.failed) remove(old);
  const state = h('span', { class: 'dim' }, dots(), `Sending to ${store.bot.name}…`);
  const node = h('div', { class: 'pending-line', 'data-interaction': id }, originLine({ user, name: label }), state);
  pending.set(id, { node, state, user, channel: store.here });
  pendingBox.append(node);
  if (atEnd) toEnd();
});

on('settled', ({ id, reply }) => {
  const entry = pending.get(id);
  if (!entry) return;
  if (reply.failed) {
    entry.failed = true;
    const dismiss = h('button', { type: 'button', class: 'link', onclick: () => remove(id) }, 'Dismiss');
    fill(entry.state, h('span', { class: 'failed', role: 'alert' }, 'The application did not respond'), ' · ', dismiss);
    return;
  }
  remove(id);
});

function remove(id) {
  pending.get(id)?.node.remove();
  pending.delete(id);
}

// The editor of one's own message takes the place of its text.
let editing = null;

export function edit(id, node) {
  closeEditor();
  const view = views.get(id);
  if (!view) return;
  view.instead(node);
  editing = view;
  if (atEnd) toEnd();
}

export function closeEditor() {
  editing?.instead(null);
  editing = null;
}

/** The last message of who looks, which ↑ edits. */
export const ownLast = () => window_?.list.findLast((message) => message.author === store.me && !isSystem(message) && !message.only_for);
export const messageOf = (id) => views.get(id)?.message;

list.addEventListener('keydown', (event) => {
  const node = event.target.closest('article');
  if (event.target !== node) return;
  const all = [...views.values()].map((view) => view.node);
  const now = all.indexOf(node);
  const next = { ArrowUp: now - 1, ArrowDown: now + 1, Home: 0, End: all.length - 1 }[event.key];
  if (next === undefined || !all[next]) return;
  event.preventDefault();
  all[next].focus();
});
