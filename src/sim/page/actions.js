// What can be done with a message: a bar that follows pointer and focus, a sheet on touch screens, the picker of
// reactions, and the editor of one's own words.
import { fill, h, icon, signButton } from './dom.js';
import { float, rove } from './floating.js';
import { hand } from './hands.js';
import { isSystem } from './message.js';
import { toast } from './notice.js';
import { emit, on, store } from './store.js';
import { closeEditor, edit, messageOf } from './timeline.js';

const EMOJI = [['🚀', 'rocket'], ['👍', 'thumbs up'], ['👀', 'eyes'], ['✅', 'check mark'], ['❌', 'cross'], ['🎉', 'party'], ['❤️', 'heart'], ['🔥', 'fire'], ['📥', 'inbox']];
const HELD = 480;

const list = document.getElementById('messages');
const coarse = matchMedia('(pointer: coarse)');

/** What there is to do with a message, by who looks. */
function actionsFor(message) {
  const own = message.author === store.me;
  const plain = !isSystem(message) && !message.only_for;
  return [
    { sign: 'smile', label: 'Add reaction', act: (anchor) => pick(anchor, message), keeps: true },
    plain && { sign: 'reply', label: 'Reply', act: () => emit('reply', message) },
    own && plain && { sign: 'edit', label: 'Edit message', act: () => startEdit(message) },
    plain && { sign: 'pin', label: message.pinned ? 'Unpin message' : 'Pin message', act: () => hand('pin', { message: message.id, remove: message.pinned }) },
    message.content && { sign: 'copy', label: 'Copy text', act: () => copy(message.content) },
    own && { sign: 'trash', label: 'Delete message', act: (anchor) => remove(anchor, message), keeps: true, danger: true },
  ].filter(Boolean);
}

async function copy(text) {
  await navigator.clipboard?.writeText(text);
  toast('Copied.');
}

async function react(message, emoji) {
  const mine = message.reactions.some((one) => one.emoji === emoji && one.users.includes(store.me));
  if (await hand('react', { message: message.id, emoji, remove: mine })) emit('did', { kind: 'react', emoji, message, remove: mine });
}

/** The picker; 🚀 comes first because it starts an agent. */
function pick(anchor, message) {
  const button = ([emoji, name]) =>
    h('button', { type: 'button', 'aria-label': `React with ${emoji} ${name}`, title: name, 'data-emoji': emoji, onclick: () => {
      close();
      react(message, emoji);
    } }, emoji);
  const close = float(anchor, rove(h('div', { class: 'picker', role: 'group', 'aria-label': 'Reactions' }, EMOJI.map(button)), 'button'), { label: 'Add reaction', kind: 'picker-box' });
}

function remove(anchor, message) {
  const no = h('button', { type: 'button', class: 'button plain', onclick: () => close() }, 'Cancel');
  const yes = h('button', { type: 'button', class: 'button danger', autofocus: true, onclick: () => {
    close();
    hand('delete', { message: message.id });
  } }, 'Delete');
  const close = float(anchor, [h('p', { class: 'hint' }, 'Delete this message?'), h('div', { class: 'confirm-row' }, no, yes)], { label: 'Delete message', role: 'alertdialog' });
}

/** An editor in place of the text: Enter saves, Escape leaves. */
export function startEdit(message) {
  const area = h('textarea', { 'aria-label': 'Edit message', rows: 1, value: message.content, maxlength: 4000 });
  const grow = () => {
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  const save = async () => {
    const text = area.value.trim();
    if (!text) return toast('An empty message cannot be saved; delete it instead.', 'problem');
    if (text === message.content || (await hand('edit', { message: message.id, text }))) {
      if (text !== message.content) emit('did', { kind: 'edit', message });
      leave();
    }
    return undefined;
  };
  const leave = () => {
    closeEditor();
    document.getElementById('input')?.focus();
  };
  area.addEventListener('input', grow);
  area.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') {
      event.stopPropagation();
      leave();
    } else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !coarse.matches) {
      event.preventDefault();
      save();
    }
  });
  const link = (text, act) => h('button', { type: 'button', class: 'link', onclick: act }, text);
  edit(message.id, h('div', { class: 'editor' }, area, h('div', { class: 'editor-hint' }, 'escape to ', link('cancel', leave), ' · enter to ', link('save', save))));
  grow();
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

// One bar for all messages: three hundred bars would be most of the page.
const bar = h('div', { class: 'bar', role: 'toolbar', 'aria-label': 'Message actions' });
let shownFor = null;

function showBar(article) {
  const message = article && messageOf(article.dataset.messageId);
  if (!message || message.thinking) {
    hideBar();
    return;
  }
  if (shownFor === message && bar.parentNode === article) return;
  shownFor = message;
  const quick = !isSystem(message) && h('button', { type: 'button', class: 'sign', 'aria-label': 'React with 🚀', title: 'React with 🚀', onclick: () => react(message, '🚀') }, '🚀');
  fill(bar, quick, actionsFor(message).map(({ sign, label, act, danger }) => signButton(sign, label, (event) => act(event.currentTarget), { class: `sign${danger ? ' danger' : ''}` })));
  article.append(bar);
}

function hideBar() {
  if (document.querySelector('.floating')) return;
  shownFor = null;
  bar.remove();
}

if (!coarse.matches) {
  list.addEventListener('pointerover', (event) => {
    if (!document.querySelector('.floating')) showBar(event.target.closest('article'));
  });
  list.addEventListener('pointerleave', hideBar);
}
list.addEventListener('focusin', (event) => {
  if (coarse.matches) return;
  const article = event.target.closest('article');
  if (article && !event.target.closest('.bar') && event.target.matches(':focus-visible')) showBar(article);
});
on('here', hideBar);
// What arrives elsewhere must not take the bar away from under a pointer that rests; only its own message's news does
// something to it.
on('messages', () => {
  if (bar.isConnected && !bar.contains(document.activeElement) && !bar.matches(':hover')) showBar(bar.closest('article'));
});

/** On touch screens the same as a sheet. */
function sheet(article) {
  const message = messageOf(article.dataset.messageId);
  if (!message || message.thinking) return;
  const items = actionsFor(message).map(({ sign, label, act, keeps, danger }) =>
    h('button', { type: 'button', role: 'menuitem', class: danger ? 'danger' : undefined, onclick: () => {
      close();
      // The sheet has to be gone before another one takes its place.
      if (keeps) setTimeout(() => act(article), 60);
      else act(article);
    } }, icon(sign), label));
  const quick = EMOJI.slice(0, 5).map(([emoji, name]) => h('button', { type: 'button', 'aria-label': `React with ${emoji} ${name}`, 'data-emoji': emoji, onclick: () => {
    close();
    react(message, emoji);
  } }, emoji));
  const close = float(article, [h('div', { class: 'picker', role: 'group', 'aria-label': 'Reactions' }, quick), rove(h('div', { class: 'menu' }, items), '[role=menuitem]')], { label: 'Message actions', role: 'menu' });
}

let held = 0;
let pressed = null;
list.addEventListener('pointerdown', (event) => {
  if (event.pointerType !== 'touch' || event.target.closest('button, a, [role=link], textarea, pre')) return;
  const article = event.target.closest('article');
  if (!article) return;
  held = setTimeout(() => {
    pressed = article;
    navigator.vibrate?.(10);
  }, HELD);
});
// The sheet opens when the finger leaves: the end of the press would close it again.
for (const kind of ['pointerup', 'pointercancel']) {
  list.addEventListener(kind, () => {
    const article = pressed;
    pressed = null;
    if (article) setTimeout(() => sheet(article), 30);
  });
}
for (const kind of ['pointerup', 'pointercancel', 'pointermove']) {
  list.addEventListener(kind, (event) => {
    if (kind !== 'pointermove' || Math.hypot(event.movementX, event.movementY) > 3) clearTimeout(held);
  });
}
list.addEventListener('contextmenu', (event) => {
  if (coarse.matches && !event.target.closest('a, img')) event.preventDefault();
});

list.addEventListener('click', (event) => {
  const add = event.target.closest('[data-act=react]');
  if (add) pick(add, messageOf(add.closest('article').dataset.messageId));
  const more = event.target.closest('[data-act=more]');
  if (more) sheet(more.closest('article'));
});

list.addEventListener('keydown', (event) => {
  const message = event.target.matches('article') && messageOf(event.target.dataset.messageId);
  if (!message || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { e: message.author === store.me && (() => startEdit(message)), r: () => emit('reply', message), '+': () => pick(event.target, message) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});
