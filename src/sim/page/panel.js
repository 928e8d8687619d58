// The panel at the right: what to try, done for the visitor where they like, and the faults that developers switch on
// while they watch. It knows what was done by listening to what the page does.
import { fill, h, icon, signButton } from './dom.js';
import { get, hand, post } from './hands.js';
import { beginCommand } from './composer.js';
import { rich } from './markdown-dom.js';
import { toast } from './notice.js';
import { byAge, emit, isThread, on, remember, rooms, store, threadsOf } from './store.js';

const panel = document.getElementById('panel');
const toggle = document.getElementById('panel-toggle');
const wide = matchMedia('(min-width: 1101px)');
const LOOK_EVERY = 1500;
/** How long a thread may take to open before the visitor is left where they are. */
const OPENS_WITHIN = 10_000;

const tries = h('ol', { class: 'tries' });
const progress = h('span', { class: 'dim' });
const faultList = h('div', { class: 'faults' });
const about = h('div', { class: 'panel-about' });
let active = [];
let down = false;
let timer = 0;

export async function startPanel() {
  store.demo = await get('/demo.json').catch(() => null);
  emit('demo');
  if (!store.demo) {
    toggle.hidden = true;
    panel.hidden = true;
    return;
  }
  const close = signButton('close', 'Close panel', () => show(false), { class: 'sign panel-close' });
  const faults = h('details', { class: 'panel-part' }, h('summary', null, 'Faults', h('span', { class: 'dim', id: 'faults-on' })), faultList);
  faults.addEventListener('toggle', () => look(faults.open));
  fill(panel,
    h('header', null, h('h2', null, 'Things to try'), progress, close),
    h('div', { class: 'panel-body' }, tries, store.demo.faults?.length ? faults : null, about));
  drawAbout();
  toggle.hidden = false;
  show(wide.matches && localStorage.getItem('ompcord-panel') !== 'closed', { store: false });
  toggle.addEventListener('click', () => show(panel.hidden));
  drawTries();
}

/** Opens or closes the panel. */
export function show(open, { store: keep = true } = {}) {
  panel.hidden = !open;
  toggle.setAttribute('aria-expanded', String(open));
  if (keep && wide.matches) localStorage.setItem('ompcord-panel', open ? 'open' : 'closed');
  if (open && !wide.matches) panel.querySelector('button')?.focus();
  else if (!open && keep) toggle.focus();
}

panel.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && !wide.matches) show(false);
});

function drawTries() {
  const all = store.demo?.try ?? [];
  const done = all.filter(({ title }) => store.tried.has(title)).length;
  progress.textContent = `${done} of ${all.length}`;
  // Everything is drawn anew; who has the focus on a step keeps it there.
  const focused = tries.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  fill(tries, all.map(row));
  if (focused) [...tries.querySelectorAll('[data-key]')].find((one) => one.dataset.key === focused)?.focus({ preventScroll: true });
}

const coarse = matchMedia('(pointer: coarse)');

function row(item) {
  const done = store.tried.has(item.title);
  const mark = h('button', { type: 'button', class: 'mark', role: 'checkbox', 'aria-checked': String(done), 'aria-label': item.title, 'data-key': `mark ${item.title}`, onclick: () => {
    if (!store.tried.delete(item.title)) store.tried.add(item.title);
    remember();
    drawTries();
  } }, icon('check'));
  const word = item.do?.kind === 'faults' ? 'Show' : 'Do it';
  const act = item.do && h('button', { type: 'button', class: 'button secondary small', 'aria-label': `${word}: ${item.title}`, 'data-key': `act ${item.title}`, onclick: () => once(item) }, word);
  return h('li', { class: done ? 'done' : undefined, 'data-try': item.title }, mark, h('div', { class: 'try-text' }, h('div', { class: 'try-title' }, h('strong', null, item.title), act), h('div', { class: 'rich' }, rich((coarse.matches && item.touch) || item.text))));
}

const doing = new Set();

/** A second press while the first is under way is no second wish. */
async function once(item) {
  if (doing.has(item.title)) return;
  doing.add(item.title);
  try {
    await perform(item);
  } finally {
    doing.delete(item.title);
  }
}

/** Does it for the visitor, as the one whom it takes and where it belongs. */
async function perform(item) {
  const task = item.do;
  if (task.kind === 'faults') {
    showFaults();
    return;
  }
  const channel = placeOf(task.channel);
  if (!channel) {
    toast('There is no open thread yet: launch an agent first.');
    return;
  }
  if (!wide.matches) show(false);
  if (task.user && task.user !== store.me) emit('be', task.user);
  if (channel !== store.here) emit('goto', { channel });
  if (task.kind === 'slash') {
    beginCommand(task.command, task.options ?? []);
    return;
  }
  let id = null;
  if (task.text) {
    const said = await hand('say', { channel, text: task.text });
    if (!said) return;
    id = said.message;
    emit('did', { kind: 'say', text: task.text, channel });
  }
  const emoji = task.react ?? task.emoji;
  id ??= emoji && (await lastOwn(channel));
  if (!emoji || !id || !(await hand('react', { message: id, emoji, remove: false }))) return;
  emit('did', { kind: 'react', emoji });
  if (task.text) await follow(id, channel);
}

/** Goes into the thread on a message as soon as it opens, unless the visitor has gone elsewhere by then. */
function follow(message, from) {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer);
      leave();
      resolve();
    };
    const enter = () => {
      if (!store.channels.has(message)) return;
      stop();
      if (store.here === from) emit('goto', { channel: message });
    };
    const timer = setTimeout(stop, OPENS_WITHIN);
    const leave = on('channels', enter);
    enter();
  });
}

function showFaults() {
  const part = faultList.closest('details');
  part.open = true;
  part.scrollIntoView({ block: 'start' });
  part.querySelector('summary').focus({ preventScroll: true });
}

/** `home`, `thread` (the open one, else the newest that is not archived), or an id. */
function placeOf(channel) {
  if (channel === 'home') return store.home;
  if (channel !== 'thread') return channel ?? store.here;
  if (isThread(store.channels.get(store.here))) return store.here;
  return rooms().flatMap((room) => threadsOf(room.id)).filter((thread) => !thread.archived).sort((a, b) => byAge(b.id, a.id))[0]?.id;
}

async function lastOwn(channel) {
  const { messages } = await get(`/sim/channels/${channel}/messages?${new URLSearchParams({ user: store.me, limit: 100 })}`).catch(() => ({ messages: [] }));
  return messages.findLast((one) => one.author === store.me && [0, 19].includes(one.kind))?.id;
}

function tick(title) {
  if (store.tried.has(title)) return;
  store.tried.add(title);
  remember();
  drawTries();
}

/** How one tells from a deed that something was tried; the demo names one of these as its `when`. */
const WHEN = {
  launch: (deed) => deed.kind === 'react' && deed.emoji === '🚀' && !deed.remove,
  approve: (deed) => deed.kind === 'click' && /^(approve|deny)/i.test(deed.label),
  answer: (deed) => deed.kind === 'select' || deed.kind === 'modal' || (deed.kind === 'click' && !/^(approve|deny|cancel|queue|log|stop)/i.test(deed.label)),
  queue: (deed) => deed.kind === 'queued',
  steer: (deed) => deed.kind === 'say' && deed.text.startsWith('!') && !deed.text.startsWith('!omp'),
  edit: (deed) => deed.kind === 'edit',
  restart: (deed) => deed.kind === 'restart',
  fault: (deed) => deed.kind === 'fault',
};

/** Without a `when`, it is done when what it does is done, by whatever hand. */
function isDone({ when, do: task }, deed) {
  if (when) return WHEN[when]?.(deed) ?? false;
  if (!task || task.kind !== deed.kind || (task.user && task.user !== store.me)) return false;
  if (deed.kind === 'slash') return deed.command === task.command;
  if (deed.kind === 'react') return deed.emoji === (task.react ?? task.emoji);
  return deed.text === task.text;
}

on('did', (deed) => {
  for (const item of store.demo?.try ?? []) if (isDone(item, deed)) tick(item.title);
});
on('messages', (messages) => {
  // That a message waits is what the bot says, not what the page guesses.
  const waits = (message) => message.author === store.me && message.reactions.some((one) => one.emoji === '📥' && one.users.includes(store.bot.name));
  if (messages.some(waits)) emit('did', { kind: 'queued' });
});
on('reset', drawTries);

const same = (fault, other) => fault && other && fault.method === other.method && fault.route === other.route && JSON.stringify(fault.mishap) === JSON.stringify(other.mishap);

const pretty = (name) => `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll('-', ' ')}`;

async function look(open) {
  clearTimeout(timer);
  active = await get('/sim/faults').catch(() => active);
  drawFaults();
  if (open) timer = setTimeout(() => look(faultList.closest('details').open), LOOK_EVERY);
}

function drawFaults() {
  const on_ = document.getElementById('faults-on');
  const count = active.length + (down ? 1 : 0);
  if (on_) on_.textContent = count ? ` ${count} on` : '';
  const key = JSON.stringify([active.map(({ method, route, mishap }) => [method, route, mishap]), down]);
  if (faultList.dataset.key === key) return;
  faultList.dataset.key = key;
  const focused = document.activeElement?.dataset?.fault;
  const rows = (store.demo?.faults ?? []).map((fault) => {
    // A dropped connection is over as soon as it happened; everything else stays until it is switched off or used up.
    const lasts = fault.fault || fault.gateway?.down !== undefined;
    const isOn = fault.fault ? active.some((one) => same(one, fault.fault)) : Boolean(lasts && down);
    const name = pretty(fault.name);
    const control = lasts
      ? h('button', { type: 'button', role: 'switch', class: 'switch', 'aria-checked': String(isOn), 'aria-label': name, 'data-fault': fault.name, onclick: () => flip(fault, isOn) })
      : h('button', { type: 'button', class: 'button secondary small', 'aria-label': `Do it: ${name}`, 'data-fault': fault.name, onclick: () => flip(fault, false) }, 'Do it');
    return h('div', { class: 'fault' }, h('div', null, h('strong', null, name), h('div', { class: 'dim' }, fault.about)), control);
  });
  fill(faultList, rows, h('button', { type: 'button', class: 'button secondary small', disabled: !count, onclick: clear }, 'Clear all faults'));
  if (focused) [...faultList.querySelectorAll('[data-fault]')].find((one) => one.dataset.fault === focused)?.focus();
}

async function flip(fault, isOn) {
  if (!isOn) emit('did', { kind: 'fault' });
  if (fault.gateway !== null && fault.gateway !== undefined) {
    const wanted = fault.gateway.down !== undefined ? { down: !isOn } : fault.gateway;
    if (await post('/sim/gateway', wanted)) {
      if (wanted.down !== undefined) down = wanted.down;
      else toast(`${pretty(fault.name)}: done.`);
    }
  }
  if (fault.fault && !isOn) await post('/sim/faults', fault.fault);
  else if (fault.fault) {
    // The server clears them all together; the others are put back.
    const others = active.filter((one) => !same(one, fault.fault));
    await post('/sim/faults', undefined, { method: 'DELETE' });
    for (const other of others) await post('/sim/faults', other);
  }
  await look(true);
}

async function clear() {
  await post('/sim/faults', undefined, { method: 'DELETE' });
  if (down && (await post('/sim/gateway', { down: false }))) down = false;
  await look(true);
}

function drawAbout() {
  const { agent, restart } = store.demo;
  const calls = h('a', { class: 'button secondary small', href: '/calls', target: '_blank' }, icon('list'), 'What the bot sent');
  const again = restart && h('button', { type: 'button', class: 'button secondary small', onclick: async (event) => {
    const button = event.currentTarget;
    button.disabled = true;
    button.classList.add('waits');
    if (await post('/demo/restart')) {
      emit('did', { kind: 'restart' });
      toast('The bot restarts. Its sessions go on.');
    }
    button.disabled = false;
    button.classList.remove('waits');
  } }, 'Restart the bot');
  fill(about, h('div', { class: 'about-acts' }, again, calls), h('p', { class: 'dim' }, `Agent: ${agent?.label ?? agent?.kind ?? 'unknown'}`), agent?.workdir && h('p', { class: 'dim' }, 'Works in ', h('code', { class: 'inline' }, agent.workdir)));
}
