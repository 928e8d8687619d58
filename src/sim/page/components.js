// Buttons, menus and the layout components. What is unknown shows nothing and breaks nothing: the bot may be newer
// than this page.
import { h, icon } from './dom.js';
import { link, rich } from './markdown-dom.js';
import { row as fileRow } from './attachment.js';
import { colour, picture } from './embed.js';
import { float, rove } from './floating.js';
import { interact } from './hands.js';
import { emit, store } from './store.js';

const STYLES = { 1: 'primary', 2: 'secondary', 3: 'success', 4: 'danger', 5: 'secondary' };

/** Message id → `custom_id` that waits for its answer; ids of messages whose last interaction failed. */
const busy = new Map();
const failed = new Set();

/** What of this file's own state a message's components show, to tell when they have to be drawn again. */
export const stateOf = (id) => `${busy.get(id) ?? ''}|${failed.has(id)}`;

export function components(message) {
  const box = h('div', { class: 'components' }, message.components.map((one) => component(one, message)));
  if (failed.has(message.id)) box.append(h('div', { class: 'failed', role: 'alert' }, 'This interaction failed'));
  return box;
}

function component(data, message) {
  const inner = () => (Array.isArray(data.components) ? data.components : []).map((one) => component(one, message));
  switch (data?.type) {
    case 1: return h('div', { class: 'row' }, inner());
    case 2: return button(data, message);
    case 3: return select(data, message);
    case 5: case 6: case 7: case 8: return h('button', { type: 'button', class: 'select', disabled: true }, data.placeholder || 'Make a selection', icon('down'));
    case 9: return h('div', { class: 'section' }, h('div', { class: 'section-text' }, inner()), data.accessory && component(data.accessory, message));
    case 10: return h('div', { class: 'rich' }, rich(data.content));
    case 11: return picture({ ...data.media, description: data.description }, message.attachments, 'thumbnail');
    case 12: return h('div', { class: 'gallery' }, (data.items ?? []).map((item) => picture({ ...item.media, description: item.description }, message.attachments, 'image')));
    case 13: return file(data, message);
    case 14: return h('hr', { class: `${data.divider === false ? 'blank' : ''} ${data.spacing === 2 ? 'wide' : ''}` });
    case 17: return container(data, inner());
    default: return null;
  }
}

function container(data, inner) {
  const box = h('div', { class: 'container' }, inner);
  if (Number.isInteger(data.accent_color)) {
    box.classList.add('accent');
    box.style.borderLeftColor = colour(data.accent_color);
  }
  return box;
}

function file(data, message) {
  const name = /^attachment:\/\/(.+)$/.exec(data.file?.url ?? '')?.[1];
  const found = message.attachments.find((one) => one.name === name);
  return found ? fileRow(found) : null;
}

export const emojiText = (emoji) => (emoji?.id ? `:${emoji.name}:` : (emoji?.name ?? ''));

function button(data, message) {
  const sign = emojiText(data.emoji);
  const inside = [sign && h('span', { class: 'emoji' }, sign), data.label && h('span', null, data.label)];
  if (data.style === 5) {
    const outside = link(data.url, [inside, h('span', { class: 'leaves', 'aria-hidden': 'true' }, '↗')]);
    outside.className = 'button secondary';
    return outside;
  }
  const waits = busy.get(message.id) === data.custom_id;
  const props = {
    type: 'button', class: `button ${STYLES[data.style] ?? 'secondary'}${waits ? ' waits' : ''}`, disabled: Boolean(data.disabled),
    'data-custom-id': data.custom_id, 'data-key': data.custom_id, 'aria-busy': waits ? 'true' : undefined,
    'aria-label': data.label ? undefined : sign || 'Button',
    onclick: () => {
      start(message, data.custom_id, 'click', { custom_id: data.custom_id });
      emit('did', { kind: 'click', label: data.label ?? '' });
    },
  };
  return h('button', props, inside, waits && h('span', { class: 'spinner', 'aria-hidden': 'true' }));
}

/** Sends a click or a choice and shows, on the message, that it is under way or failed. */
async function start(message, key, verb, body) {
  if (busy.has(message.id)) return;
  busy.set(message.id, key);
  failed.delete(message.id);
  emit('touched', message.id);
  const reply = await interact(verb, { message: message.id, ...body });
  busy.delete(message.id);
  if (reply?.failed) failed.add(message.id);
  emit('touched', message.id);
}

function select(data, message) {
  const options = data.options ?? [];
  const [least, most] = [data.min_values ?? 1, data.max_values ?? 1];
  const waits = busy.get(message.id) === data.custom_id;
  const chosen = options.filter((option) => option.default);
  const shown = chosen.length ? chosen.map((option) => option.label).join(', ') : data.placeholder || 'Make a selection';
  const opener = h('button', {
    type: 'button', class: `select${waits ? ' waits' : ''}${chosen.length ? '' : ' empty'}`, disabled: Boolean(data.disabled),
    'aria-haspopup': 'listbox', 'data-custom-id': data.custom_id, 'data-key': data.custom_id, 'aria-busy': waits ? 'true' : undefined,
  }, h('span', { class: 'shown' }, shown), waits ? h('span', { class: 'spinner', 'aria-hidden': 'true' }) : icon('down'));
  const send = (values) => {
    start(message, data.custom_id, 'select', { custom_id: data.custom_id, values });
    emit('did', { kind: 'select' });
  };
  opener.addEventListener('click', () => openSelect(opener, { options, least, most, label: shown }, send));
  return opener;
}

function openSelect(opener, { options, least, most, label }, send) {
  const many = most > 1;
  const picked = new Set(options.filter((option) => option.default).map((option) => option.value));
  const list = rove(h('div', { role: 'listbox', 'aria-label': label, 'aria-multiselectable': many ? 'true' : undefined, class: 'options' }), '[role=option]');
  const confirm = many && h('button', { type: 'button', class: 'button primary confirm' });
  const update = () => {
    for (const row of list.children) row.setAttribute('aria-selected', String(picked.has(row.dataset.value)));
    if (!many) return;
    confirm.textContent = picked.size ? `Choose ${picked.size}` : 'Choose none';
    confirm.disabled = picked.size < least || picked.size > most;
  };
  let close = () => {};
  for (const option of options) {
    const pick = () => {
      if (!many) {
        close();
        send([option.value]);
        return;
      }
      if (!picked.delete(option.value) && picked.size < most) picked.add(option.value);
      update();
    };
    const text = h('span', { class: 'option-text' }, h('span', null, option.label), option.description && h('span', { class: 'dim' }, option.description));
    const sign = option.emoji && h('span', { class: 'emoji' }, emojiText(option.emoji));
    const row = h('div', { role: 'option', tabindex: '-1', 'aria-selected': 'false', 'data-value': option.value, onclick: pick }, sign, text, h('span', { class: 'tick', 'aria-hidden': 'true' }, icon('check')));
    row.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return;
      event.preventDefault();
      pick();
    });
    list.append(row);
  }
  update();
  if (many) {
    confirm.addEventListener('click', () => {
      close();
      send(options.map((option) => option.value).filter((value) => picked.has(value)));
    });
  }
  const hint = many && h('div', { class: 'dim hint' }, least === most ? `Choose ${most}` : `Choose ${least} to ${most}`);
  close = float(opener, [list, many && h('div', { class: 'select-foot' }, hint, confirm)], { label, kind: 'select-list' });
  if (!list.contains(document.activeElement)) list.firstElementChild?.focus();
}

/** Forgets what failed and waited, with the world that it belonged to. */
export function forgetComponents() {
  busy.clear();
  failed.clear();
}

export const isMine = (message) => message.author === store.me;
