// The panel at the right: what to try, done for the visitor where they like, and the faults that developers switch on
// while they watch. It knows what was done by listening to what the page does.
import { fill, h, icon, signButton } from './dom.js';
import { get, hand, post } from './hands.js';
import { beginCommand, fillIn } from './composer.js';
import { rich } from './markdown-dom.js';
import { toast } from './notice.js';
import { emit, on, people, remember, store } from './store.js';

const panel = document.getElementById('panel');
const toggle = document.getElementById('panel-toggle');
const wide = matchMedia('(min-width: 1101px)');
const LOOK_EVERY = 1500;

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
  const faults = h('details', { class: 'panel-part' }, h('summary', null, 'Break something', h('span', { class: 'dim', id: 'faults-on' })), h('p', { class: 'dim' }, 'Switch a fault on and watch how the bot copes.'), faultList);
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
  fill(tries, all.map(row));
}

function row(item) {
  const done = store.tried.has(item.title);
  const mark = h('button', { type: 'button', class: 'mark', 'aria-pressed': String(done), 'aria-label': `${item.title}: ${done ? 'done' : 'not done yet'}`, onclick: () => {
    if (!store.tried.delete(item.title)) store.tried.add(item.title);
    remember();
    drawTries();
  } }, icon('check'));
  const act = item.do && h('button', { type: 'button', class: 'button secondary small', 'aria-label': `Do it: ${item.title}`, onclick: () => perform(item) }, 'Do it');
  return h('li', { class: done ? 'done' : undefined, 'data-try': item.title }, mark, h('div', { class: 'try-text' }, h('strong', null, item.title), h('div', { class: 'rich' }, rich(item.text)), act));
}

/** Does it for the visitor, as far as nothing has to be decided by them. */
async function perform(item) {
  const task = item.do;
  if (!wide.matches) show(false);
  if (task.user && task.user !== store.me) {
    store.me = task.user;
    emit('me', task.user);
  }
  const channel = task.channel === 'home' ? store.home : (task.channel ?? store.here);
  if (task.kind === 'react') await reactToLast(task, item);
  else if (task.kind === 'slash') beginCommand(task.command, task.options ?? []);
  else if (task.kind === 'fill') fillIn(task.text);
  else if (task.kind === 'user') tick(item.title);
  else if (task.kind === 'say') {
    if (channel !== store.here) emit('goto', { channel });
    const said = await hand('say', { channel, text: task.text });
    if (said && task.emoji) await hand('react', { message: said.message, emoji: task.emoji, remove: false });
    if (said) tick(item.title);
  } else toast('That one is for you to do.');
}

/** Reacts to the last message of who looks, wherever it is in the channel. */
async function reactToLast({ emoji, text }, item) {
  const query = new URLSearchParams({ user: store.me, limit: 100 });
  const channel = store.channels.get(store.here)?.parent ?? store.here;
  const { messages } = await get(`/sim/channels/${channel}/messages?${query}`).catch(() => ({ messages: [] }));
  const own = messages.findLast((one) => one.author === store.me && [0, 19].includes(one.kind) && !store.channels.has(one.id));
  let id = own?.id;
  if (!id && text) id = (await hand('say', { channel, text }))?.message;
  if (!id) {
    toast('Write a message first, then react to it.');
    return;
  }
  if (await hand('react', { message: id, emoji, remove: false })) tick(item.title);
}

function tick(title) {
  if (store.tried.has(title)) return;
  store.tried.add(title);
  remember();
  drawTries();
}

/** What the visitor did by their own hand counts as well. */
on('did', (deed) => {
  for (const { title, do: task } of store.demo?.try ?? []) {
    if (!task || task.kind !== deed.kind || store.tried.has(title)) continue;
    const fits = {
      say: () => !task.text || deed.text === task.text,
      react: () => deed.emoji === task.emoji && !deed.remove,
      slash: () => deed.command === task.command,
    }[deed.kind];
    if (fits?.()) tick(title);
  }
});
on('me', (name) => {
  const person = people().find((one) => one.name === name);
  for (const { title, do: task } of store.demo?.try ?? []) if (task?.kind === 'user' && (task.user === name || (!task.user && person?.allowed === false))) tick(title);
});
on('reset', drawTries);

const same = (fault, other) => fault && other && fault.method === other.method && fault.route === other.route && JSON.stringify(fault.mishap) === JSON.stringify(other.mishap);

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
    const control = lasts
      ? h('button', { type: 'button', role: 'switch', class: 'switch', 'aria-checked': String(isOn), 'aria-label': fault.name, 'data-fault': fault.name, onclick: () => flip(fault, isOn) })
      : h('button', { type: 'button', class: 'button secondary small', 'aria-label': fault.name, 'data-fault': fault.name, onclick: () => flip(fault, false) }, 'Do it');
    return h('div', { class: 'fault' }, h('div', null, h('strong', null, fault.name), h('div', { class: 'dim' }, fault.about)), control);
  });
  fill(faultList, rows, h('button', { type: 'button', class: 'button secondary small', disabled: !count, onclick: clear }, 'Clear all faults'));
  if (focused) [...faultList.querySelectorAll('[data-fault]')].find((one) => one.dataset.fault === focused)?.focus();
}

async function flip(fault, isOn) {
  if (fault.gateway !== null && fault.gateway !== undefined) {
    const wanted = fault.gateway.down !== undefined ? { down: !isOn } : fault.gateway;
    if (await post('/sim/gateway', wanted)) {
      if (wanted.down !== undefined) down = wanted.down;
      else toast(`${fault.name}: done.`);
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
    if (await post('/demo/restart')) toast('The bot was restarted. Its sessions go on.');
    button.disabled = false;
    button.classList.remove('waits');
  } }, 'Restart the bot');
  fill(about, h('div', { class: 'about-acts' }, again, calls), h('p', { class: 'dim' }, `Agent: ${agent?.label ?? agent?.kind ?? 'unknown'}`), agent?.workdir && h('p', { class: 'dim' }, 'Works in ', h('code', { class: 'inline' }, agent.workdir)));
}
