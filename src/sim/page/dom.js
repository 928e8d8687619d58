// Makes elements. Every node of the page is made here or by cloning one that was, and text only ever becomes a text
// node: what an agent or a person wrote can therefore never become markup or script, whatever it says.

/** `h('button', { class: 'x', onclick: f, 'aria-label': 'Send' }, 'Send')` */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) {
      if (typeof value !== 'function') throw new TypeError(`${key} takes a function`);
      node.addEventListener(key.slice(2), value);
    } else if (key === 'value' || key === 'checked' || key === 'disabled') node[key] = value;
    else if (key === 'href' || key === 'src') node.setAttribute(key, harmless(value));
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  put(node, children);
  return node;
}

/** Appends nodes and texts; nothing for null, undefined and false. */
export function put(node, children) {
  for (const child of children.flat(9)) {
    if (child === undefined || child === null || child === false || child === '') continue;
    node.append(child);
  }
  return node;
}

/** Replaces what is in a node. */
export function fill(node, ...children) {
  const made = put(document.createDocumentFragment(), children);
  node.replaceChildren(made);
  return node;
}

/** An address that can do nothing but lead somewhere: http, https, a path here, or a picture in itself. */
export function harmless(address) {
  const text = String(address);
  if (text.startsWith('/') && !text.startsWith('//')) return text;
  if (/^data:image\/(png|jpeg|gif|webp);base64,/.test(text)) return text;
  return /^https?:\/\//i.test(text) ? text : 'about:blank';
}

const DRAWN = {
  hash: 'M9 4 7 20M17 4l-2 16M4 9h16M3.5 15h16',
  thread: 'M5 4v9a4 4 0 0 0 4 4h9M14 13l4 4-4 4',
  pin: 'M12 15v6M8 4h8l-1 6 3 3v2H6v-2l3-3z',
  plus: 'M12 5v14M5 12h14',
  send: 'M4 12 20 5l-5 15-3.5-6z',
  reply: 'M10 6 4 12l6 6M4 12h9a7 7 0 0 1 7 7',
  edit: 'M4 20l1-5L16 4l4 4L9 19z',
  trash: 'M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  menu: 'M4 6h16M4 12h16M4 18h16',
  close: 'M6 6l12 12M18 6 6 18',
  down: 'M6 9l6 6 6-6',
  right: 'M9 6l6 6-6 6',
  left: 'M15 6l-6 6 6 6',
  check: 'M5 13l5 5L20 7',
  smile: 'M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14.5a4.5 4.5 0 0 0 7 0M9 9.5h.01M15 9.5h.01',
  file: 'M6 3h8l4 4v14H6zM14 3v5h5',
  download: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  spark: 'M12 3l2 6.5L20 12l-6 2.5L12 21l-2-6.5L4 12l6-2.5z',
  archive: 'M4 5h16v4H4zM6 9v10h12V9M10 13h4',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 0 1 7 0v3',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6 7 7M17 17l1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4',
  moon: 'M19 14.5A8 8 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5z',
  screen: 'M4 5h16v11H4zM9 20h6M12 16v4',
  list: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  eye: 'M3 12s3.5-6 9-6 9 6 9 6-3.5 6-9 6-9-6-9-6zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z',
  key: 'M9 17a4 4 0 1 1 3.5-5.9H20v3h-2v2h-3v-2h-2.5A4 4 0 0 1 9 17z',
};

/** A drawn sign; it says nothing to a screen reader. */
export function icon(name) {
  const space = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(space, 'svg');
  const path = document.createElementNS(space, 'path');
  path.setAttribute('d', DRAWN[name]);
  for (const [key, value] of [['viewBox', '0 0 24 24'], ['class', `icon icon-${name}`], ['aria-hidden', 'true']]) svg.setAttribute(key, value);
  svg.append(path);
  return svg;
}

/** A button that shows a sign and has a name. */
export function signButton(sign, label, onclick, props = {}) {
  return h('button', { type: 'button', class: 'sign', 'aria-label': label, title: label, onclick, ...props }, icon(sign));
}

const HUES = 7;

/** A round picture with the first letters of a name. */
export function avatar(name) {
  let sum = 0;
  for (const char of name) sum = (sum * 31 + char.codePointAt(0)) % 9973;
  const letters = [...name].slice(0, 2).join('');
  return h('span', { class: `avatar hue-${sum % HUES}`, 'aria-hidden': 'true' }, letters);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

export const hours = (ms) => clock.format(ms);
export const date = (ms) => day.format(ms);
export const wholeDate = (ms) => full.format(ms);
export const dayOf = (ms) => new Date(ms).toDateString();

/** "Today at 14:03" */
export function when(ms) {
  const yesterday = dayOf(Date.now() - 86_400_000);
  if (dayOf(ms) === dayOf(Date.now())) return `Today at ${hours(ms)}`;
  if (dayOf(ms) === yesterday) return `Yesterday at ${hours(ms)}`;
  return `${new Date(ms).toLocaleDateString()} ${hours(ms)}`;
}

/** "12.3 kB" */
export function bytes(count) {
  if (count < 1000) return `${count} bytes`;
  const unit = count < 1_000_000 ? ['kB', 1000] : ['MB', 1_000_000];
  return `${(count / unit[1]).toFixed(count / unit[1] < 100 ? 1 : 0)} ${unit[0]}`;
}

export const plural = (count, one, many = `${one}s`) => `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** Makes a node's children these, in this order, without touching those that stay. */
export function sync(parent, wanted) {
  const keep = new Set(wanted);
  let at = parent.firstChild;
  const pass = () => {
    while (at && !keep.has(at)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  };
  for (const node of wanted) {
    pass();
    if (at === node) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  pass();
}
