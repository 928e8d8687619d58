// What the bot asked of Discord, live and the newest first: for those who build it. A thousand rows are kept.
import { h, plural } from './dom.js';

const MOST = 1000;
const rows = document.getElementById('rows');
const filter = document.getElementById('filter');
const errors = document.getElementById('errors');
const pause = document.getElementById('pause');
const sums = document.getElementById('sums');
const line = document.getElementById('line');
const none = document.getElementById('none');

/** Number → {call, node}, in the order they came. */
const known = new Map();
let waiting = new Map();
let paused = false;
let scheduled = false;
let world = null;
let clearedUpTo = 0;

const kept = localStorage.getItem('ompcord-theme');
document.documentElement.dataset.theme = kept === 'light' || kept === 'dark' ? kept : matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hour12: false });

const kindOf = ({ status }) => (status === null ? 'open' : status === 429 ? 'limited' : status >= 500 ? 'broken' : status >= 400 ? 'refused' : 'fine');

const mishapText = ({ mishap }) => (mishap ? `fault: ${mishap}` : '');

const wait = ({ wait_ms: ms, status }) => (status === null ? '…' : ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms} ms`);

function row(call) {
  const fault = mishapText(call);
  return h('tr', { class: kindOf(call), 'data-number': call.number, 'data-status': call.status ?? 'open' },
    h('td', { class: 'time' }, clock.format(call.at_ms)), h('td', { class: 'method' }, call.method),
    h('td', { class: 'path', title: call.route || 'no such route' }, pathOf(call), fault && h('span', { class: 'chip' }, fault)),
    h('td', { class: 'status' }, call.status ?? '…'), h('td', { class: 'wait' }, wait(call)));
}

/** A path with its emoji, which travel encoded. */
function pathOf({ path }) {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

const textOf = (call) => `${call.method} ${pathOf(call)} ${call.route} ${call.status ?? 'open'} ${mishapText(call)}`.toLowerCase();

function fits(call) {
  if (errors.checked && (call.status === null ? !call.mishap : call.status < 400 && !call.mishap)) return false;
  const text = textOf(call);
  return filter.value.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

function take() {
  scheduled = false;
  if (paused) return;
  for (const call of waiting.values()) {
    if (call.number <= clearedUpTo) continue;
    const node = row(call);
    node.hidden = !fits(call);
    const before = known.get(call.number);
    if (before) before.node.replaceWith(node);
    else rows.prepend(node);
    known.set(call.number, { call, node });
  }
  waiting = new Map();
  while (known.size > MOST) {
    const [[oldest, { node }]] = known;
    node.remove();
    known.delete(oldest);
  }
  count();
}

function count() {
  const all = [...known.values()].map(({ call }) => call);
  const limited = all.filter(({ status }) => status === 429).length;
  const failed = all.filter(({ status }) => status >= 400 && status !== 429).length;
  const open = all.filter(({ status }) => status === null).length;
  const shown = [...known.values()].filter(({ node }) => !node.hidden).length;
  const parts = [plural(all.length, 'request'), `${limited} × 429`, plural(failed, 'other error'), open && `${open} under way`, shown !== all.length && `${shown} shown`, paused && waiting.size && `${waiting.size} waiting`];
  sums.textContent = parts.filter(Boolean).join(' · ');
  sums.dataset.limited = limited;
  none.hidden = shown > 0;
  none.textContent = all.length ? 'Nothing fits the filter.' : 'Nothing yet.';
}

function receive(call) {
  waiting.set(call.number, call);
  if (paused) {
    count();
    return;
  }
  if (scheduled) return;
  scheduled = true;
  if (document.hidden) setTimeout(take, 250);
  else requestAnimationFrame(take);
}

function refilter() {
  for (const { call, node } of known.values()) node.hidden = !fits(call);
  count();
}

function forget() {
  for (const { node } of known.values()) node.remove();
  known.clear();
  waiting.clear();
}

filter.addEventListener('input', refilter);
errors.addEventListener('change', refilter);
pause.addEventListener('click', () => {
  paused = !paused;
  pause.setAttribute('aria-pressed', String(paused));
  pause.textContent = paused ? 'Go on' : 'Pause';
  take();
  count();
});
document.getElementById('clear').addEventListener('click', () => {
  clearedUpTo = Math.max(clearedUpTo, ...known.keys(), ...waiting.keys());
  forget();
  count();
});

function listen() {
  const source = new EventSource('/sim/calls/stream');
  source.addEventListener('hello', (event) => {
    const hello = JSON.parse(event.data);
    if (world !== hello.world) {
      forget();
      clearedUpTo = 0;
    }
    if (world !== hello.world || !hello.resumed) load();
    world = hello.world;
  });
  source.addEventListener('call', (event) => receive(JSON.parse(event.data)));
  source.addEventListener('open', () => {
    line.textContent = 'live';
    line.className = 'chip good';
  });
  source.addEventListener('error', () => {
    line.textContent = 'reconnecting…';
    line.className = 'chip bad';
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1500);
  });
}

/** What was sent before the stream began; what the stream says of the same request is newer. */
async function load() {
  const response = await fetch('/sim/calls?limit=1000').catch(() => null);
  const { calls = [] } = response?.ok ? await response.json() : {};
  const later = waiting;
  waiting = new Map();
  const loaded = new Set(known.keys());
  for (const call of calls) if (!loaded.has(call.number)) waiting.set(call.number, call);
  for (const [number, call] of later) waiting.set(number, call);
  take();
}

listen();
