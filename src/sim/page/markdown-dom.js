// The Markdown tree as nodes. Nothing here takes markup from a string: texts become text nodes, addresses are http
// or https only, and the highlighter gives tokens, not HTML.
import { h, harmless, icon } from './dom.js';
import { isTable, parse, parseInline } from './markdown.js';
import { highlight } from './highlight.js';
import { store, nameOf } from './store.js';

const TAGS = { strong: 'strong', em: 'em', u: 'u', s: 's', quote: 'blockquote', small: 'small' };

/** Nodes for a text with blocks. */
export const rich = (text) => nodes(parse(text));

/** Nodes for a single line. */
export const richLine = (text) => nodes(parseInline(text));

const nodes = (list) => list.flatMap(node);

function node(item) {
  switch (item.t) {
    case 'text': return document.createTextNode(item.v);
    case 'group': return nodes(item.c);
    case 'code': return h('code', { class: 'inline' }, item.v);
    case 'fence': return fence(item);
    // One level for a screen reader: what a message calls big is no chapter of the page.
    case 'h': return h('h3', { class: `h${item.level}` }, nodes(item.c));
    case 'list': return list(item);
    case 'spoiler': return spoiler(item);
    case 'link': return link(item.href, nodes(item.c), item.masked ? `${item.title ?? ''} ${item.href}`.trim() : undefined);
    case 'mention': return mention(item);
    case 'everyone': return h('span', { class: 'pill' }, item.v);
    case 'command': return h('span', { class: 'pill' }, `/${item.name}`);
    case 'emoji': return document.createTextNode(`:${item.name}:`);
    case 'time': return time(item);
    default: return h(TAGS[item.t] ?? 'span', null, nodes(item.c));
  }
}

/** A link that opens elsewhere and tells nobody where it was found. */
export function link(href, children, title) {
  return h('a', { href: harmless(href), target: '_blank', rel: 'noopener noreferrer', title }, children);
}

function list({ ordered, start, items }) {
  const rows = items.map((item) => h('li', null, nodes(item)));
  return ordered ? h('ol', { start: start === 1 ? undefined : start }, rows) : h('ul', null, rows);
}

/** A block of code with its highlighting and a button that copies it. */
function fence({ lang, v }) {
  const copy = h('button', { type: 'button', class: 'sign copy', 'aria-label': 'Copy code', title: 'Copy code' }, icon('copy'));
  copy.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(v);
    copy.replaceChildren(icon('check'));
    setTimeout(() => copy.replaceChildren(icon('copy')), 1500);
  });
  // A table that wraps is none any more. It scrolls sideways, which a keyboard can only do in what takes the focus.
  const aligned = !lang && isTable(v);
  const pre = h('pre', { tabindex: aligned ? '0' : undefined, role: 'group', 'aria-label': lang ? `Code, ${lang}` : 'Code' }, h('code', null, highlight(v, lang)));
  return h('div', { class: `fence${aligned ? ' aligned' : ''}` }, pre, copy);
}

function spoiler(item) {
  const hidden = h('span', { 'aria-hidden': 'true', inert: true }, nodes(item.c));
  const button = h('button', { type: 'button', class: 'spoiler', 'aria-label': 'Spoiler, press to show' }, hidden);
  button.addEventListener('click', () => {
    button.replaceWith(h('span', { class: 'spoiler shown' }, nodes(item.c)));
  });
  return button;
}

function mention({ kind, id }) {
  const name = nameOf(kind, id);
  if (kind !== 'channel') return h('span', { class: `pill${name === store.me ? ' me' : ''}` }, `@${name}`);
  // A button would be a block in its line and break it; this wraps with the words around it.
  const place = h('span', { class: 'pill', role: 'link', tabindex: '0', 'data-goto-channel': id }, `#${name}`);
  place.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') place.click();
  });
  return place;
}

const STYLES = {
  t: { timeStyle: 'short' }, T: { timeStyle: 'medium' }, d: { dateStyle: 'short' }, D: { dateStyle: 'long' },
  f: { dateStyle: 'long', timeStyle: 'short' }, F: { dateStyle: 'full', timeStyle: 'short' },
  s: { dateStyle: 'short', timeStyle: 'short' }, S: { dateStyle: 'short', timeStyle: 'medium' },
};

function time({ unix, style }) {
  const moment = new Date(unix * 1000);
  if (Number.isNaN(moment.getTime())) return document.createTextNode('Invalid Date');
  const whole = new Intl.DateTimeFormat(undefined, STYLES.F).format(moment);
  const props = { class: 'stamp', datetime: moment.toISOString(), title: whole };
  if (style === 'R') return h('time', { ...props, 'data-relative': unix }, relative(unix));
  return h('time', props, new Intl.DateTimeFormat(undefined, STYLES[style]).format(moment));
}

const UNITS = [['year', 31_536_000], ['month', 2_592_000], ['day', 86_400], ['hour', 3600], ['minute', 60], ['second', 1]];
const ago = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });

function relative(unix) {
  const seconds = Math.round(unix - Date.now() / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return ago.format(Math.trunc(seconds / size), unit);
}

// "2 minutes ago" is wrong after a minute.
setInterval(() => {
  for (const stamp of document.querySelectorAll('time[data-relative]')) {
    const text = relative(Number(stamp.dataset.relative));
    if (stamp.textContent !== text) stamp.textContent = text;
  }
}, 5000);
