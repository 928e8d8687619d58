// Files on messages: pictures are shown, text can be read in place, everything else is a row to download.
import { bytes, fill, h, icon, plural } from './dom.js';
import { highlight, languageOf } from './highlight.js';

const PICTURES = /^image\/(png|jpeg|gif|webp)$/;
const TEXTS = /^(text\/|application\/(json|xml|x-sh|toml|yaml|javascript))/;
const TEXT_NAMES = /\.(txt|log|md|rs|py|js|mjs|ts|tsx|jsx|json|jsonl|sh|diff|patch|ya?ml|toml|ini|go|c|h|cpp|hpp|java|sql|xml|css|csv|html?|svg)$/i;
const PREVIEWED = 400_000;
const LINES = 20;
const EXPANDED = 2000;

const texts = new Map();

/** The path here of a file, whatever name this server goes by in its address. */
export function localPath(address) {
  try {
    const { pathname } = new URL(address, location.origin);
    return pathname;
  } catch {
    return '/';
  }
}

export function attachment(file) {
  const kind = (file.content_type ?? '').split(';')[0].trim();
  if (PICTURES.test(kind)) return image(file);
  const isText = TEXTS.test(kind) || TEXT_NAMES.test(file.name);
  return isText && file.size > 0 && file.size <= PREVIEWED ? text(file) : row(file);
}

function image(file) {
  const path = localPath(file.url);
  const picture = h('img', { src: path, alt: file.name, loading: 'lazy' });
  return h('a', { class: 'picture', href: path, target: '_blank', rel: 'noopener noreferrer' }, picture);
}

const download = (file) =>
  h('a', { class: 'sign', href: localPath(file.url), download: file.name, 'aria-label': `Download ${file.name}`, title: 'Download' }, icon('download'));

export function row(file) {
  const about = h('span', { class: 'file-about' }, h('a', { href: localPath(file.url), download: file.name }, file.name), h('span', { class: 'dim' }, bytes(file.size)));
  return h('div', { class: 'file', 'data-attachment': file.name }, icon('file'), about, download(file));
}

function text(file) {
  const code = h('code', null, '…');
  const pre = h('pre', { tabindex: '0', role: 'group', 'aria-label': `Text of ${file.name}` }, code);
  const more = h('button', { type: 'button', class: 'expand', 'aria-expanded': 'false', hidden: true });
  const bar = h('div', { class: 'file-bar' }, more, h('span', { class: 'file-about' }, h('span', { class: 'name' }, file.name), h('span', { class: 'dim' }, bytes(file.size))), download(file));
  const box = h('div', { class: 'file-text', 'data-attachment': file.name }, pre, bar);
  const show = (whole, open) => {
    const lines = whole.split('\n');
    const shown = lines.slice(0, open ? EXPANDED : LINES).join('\n');
    fill(code, highlight(shown, languageOf(file.name)));
    const hidden = lines.length - LINES;
    more.hidden = hidden <= 0;
    more.setAttribute('aria-expanded', String(open));
    fill(more, icon(open ? 'down' : 'right'), open ? (lines.length > EXPANDED ? `First ${EXPANDED.toLocaleString()} lines` : 'Collapse') : plural(hidden, 'more line'));
    box.classList.toggle('open', open);
  };
  load(file).then(
    (whole) => {
      let open = false;
      show(whole, open);
      more.addEventListener('click', () => {
        open = !open;
        show(whole, open);
      });
    },
    () => box.replaceWith(row(file)),
  );
  return box;
}

/** A file's text. What was read is kept, so that an edit of its message does not read it again. */
function load(file) {
  const path = localPath(file.url);
  if (!texts.has(path)) {
    const asked = fetch(path).then((response) => (response.ok ? response.text() : Promise.reject(new Error(path))));
    texts.set(path, asked.then((whole) => whole.replaceAll('\r\n', '\n').replace(/\n+$/, '')));
    if (texts.size > 40) texts.delete(texts.keys().next().value);
  }
  return texts.get(path);
}
