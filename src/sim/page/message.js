// One message. It is drawn in parts, each with a key of what it shows, so that an edit of the text does not close an
// open menu, a new reaction does not hide a spoiler again, and a busy thread costs little.
import { avatar, h, hours, icon, plural, signButton, sync, wholeDate, when } from './dom.js';
import { rich } from './markdown-dom.js';
import { parse, plainText } from './markdown.js';
import { attachment } from './attachment.js';
import { embed } from './embed.js';
import { components, stateOf } from './components.js';
import { hand } from './hands.js';
import { lookUp } from './history.js';
import { emit, store } from './store.js';

const SUPPRESS_EMBEDS = 4;
const ONLY_EMOJI = /^(?:\p{Extended_Pictographic}(?:\uFE0F|\u200D|\p{Emoji_Modifier}|\p{Extended_Pictographic})*\s*){1,9}$/u;

/** System lines, by Discord's numbers. */
const SYSTEM = { 6: 'pin', 18: 'thread', 21: 'thread' };
export const isSystem = (message) => ![0, 19, 20, 23].includes(message.kind);

/** The first words of a message, for references and for screen readers. */
export function summary(message, most = 120) {
  const text = plainText(parse(message.content)).replace(/\s+/g, ' ').trim();
  if (text) return [...text].length > most ? `${[...text].slice(0, most).join('')}…` : text;
  if (message.embeds.length) return message.embeds[0].title ?? message.embeds[0].description?.slice(0, most) ?? 'An embed';
  if (message.attachments.length) return message.attachments.map((file) => file.name).join(', ');
  if (isSystem(message)) return message.kind === 6 ? 'pinned a message' : 'a note';
  return message.components.length ? 'Components' : '';
}

export class MessageView {
  parts = new Map();

  constructor(message) {
    this.body = h('div', { class: 'body' });
    this.gutter = h('div', { class: 'gutter' });
    this.node = h('article', { 'data-message-id': message.id, 'data-author': message.author, tabindex: '-1' }, this.gutter, this.body);
    // Touch screens have no hover and hide a long press well.
    if (matchMedia('(pointer: coarse)').matches) this.node.append(signButton('more', 'Message actions', null, { class: 'sign touch-more', 'data-act': 'more' }));
  }

  /** Draws what is new. */
  update(message, head) {
    this.message = message;
    const mentioned = (message.notified ?? []).includes(store.me);
    const kinds = ['message', head ? 'head' : 'tail', mentioned && 'mentioned', message.only_for && 'private', isSystem(message) && 'system'];
    const names = kinds.filter(Boolean).join(' ');
    if (this.names !== names) {
      this.names = names;
      this.node.className = `${names}${this.node.classList.contains('flash') ? ' flash' : ''}`;
    }
    if (isSystem(message)) {
      this.part('gutter', message.kind, () => h('span', { class: 'system-sign' }, icon(SYSTEM[message.kind] ?? 'right')), this.gutter);
      this.draw([['system', `${message.content}${message.reply_to}`, () => systemLine(message)], ['reactions', reactionsKey(message), () => reactions(message)]]);
      return;
    }
    this.part('gutter', `${head}${message.author}`, () => (head ? avatar(message.author) : h('time', { class: 'small-time', title: wholeDate(message.at_ms) }, hours(message.at_ms))), this.gutter);
    const thread = store.channels.get(message.id);
    this.draw([
      ['reply', `${message.reply_to}`, () => message.kind === 19 && message.reply_to && replyLine(message)],
      ['origin', JSON.stringify(message.answers ?? null), () => message.answers && originLine(message.answers)],
      ['header', `${head}${message.author}`, () => head && header(message)],
      ['content', JSON.stringify([message.content, message.edited, message.thinking, message.kind, store.me]), () => content(message)],
      ['embeds', JSON.stringify([message.embeds, message.flags & SUPPRESS_EMBEDS]), () => embeds(message)],
      ['files', JSON.stringify(message.attachments), () => files(message)],
      ['components', `${JSON.stringify(message.components)}${stateOf(message.id)}`, () => message.components.length > 0 && components(message)],
      ['reactions', reactionsKey(message), () => reactions(message)],
      ['thread', JSON.stringify(thread && [thread.name, thread.message_count, thread.archived]), () => thread && threadChip(thread)],
      ['private', String(message.only_for), () => message.only_for && privateLine(message)],
    ]);
  }

  draw(list) {
    for (const [name, key, build] of list) this.part(name, key, build);
    sync(this.body, list.map(([name]) => this.parts.get(name).node).filter(Boolean));
  }

  part(name, key, build, into) {
    const old = this.parts.get(name);
    if (old && old.key === String(key)) return;
    const node = build() || null;
    const focused = old?.node?.contains(document.activeElement) ? document.activeElement : null;
    this.parts.set(name, { key: String(key), node });
    if (into) sync(into, [node]);
    else if (old?.node && node) old.node.replaceWith(node);
    if (focused) refocus(node, focused.dataset.key, this.node);
  }

  /** Shows something in place of the text, such as an editor; null brings the text back. */
  instead(node) {
    const part = this.parts.get('content');
    if (node) {
      const { message } = this;
      part.node?.replaceWith(node);
      if (!part.node) this.body.append(node);
      this.parts.set('content', { key: JSON.stringify([message.content, message.edited, message.thinking, message.kind, store.me]), node });
    } else {
      this.parts.set('content', { key: '', node: part.node });
      this.update(this.message, this.node.classList.contains('head'));
    }
  }
}

/** Gives the focus to what took the place of the element that had it. */
function refocus(node, key, fallback) {
  const next = key && [...(node?.querySelectorAll('[data-key]') ?? [])].find((one) => one.dataset.key === key && !one.disabled);
  (next ?? fallback).focus({ preventScroll: true });
}

function header(message) {
  const bot = message.by_bot || store.users.some((user) => user.name === message.author && user.bot);
  return h('header', null,
    h('span', { class: 'author' }, message.author),
    bot && h('span', { class: 'tag' }, 'BOT'),
    h('time', { datetime: new Date(message.at_ms).toISOString(), title: wholeDate(message.at_ms) }, when(message.at_ms)));
}

function content(message) {
  if (message.thinking) return h('div', { class: 'content thinking' }, dots(), `${message.author} is thinking…`);
  if (!message.content) return message.edited && !message.embeds.length && !message.components.length ? h('div', { class: 'content' }, edited()) : null;
  const jumbo = ONLY_EMOJI.test(message.content) ? ' jumbo' : '';
  const box = h('div', { class: `content rich${jumbo}` }, rich(message.content));
  // A last line of its own kind takes the mark along; otherwise it would stand alone in a line.
  const last = box.lastChild;
  if (message.edited) (/^(SMALL|H3)$/.test(last?.nodeName) ? last : box).append(edited());
  return box;
}

const edited = () => h('span', { class: 'edited' }, ' (edited)');
export const dots = () => h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i'));

/** A thread begins with the message that it is on. */
function starter(message) {
  const parent = store.channels.get(message.channel)?.parent;
  const box = h('div', { class: 'content' });
  lookUp(parent, message.reply_to).then((first) => {
    if (!first) {
      box.replaceChildren(h('em', { class: 'dim' }, 'The message that started this thread was deleted.'));
      return;
    }
    const jump = h('button', { type: 'button', class: 'link', 'data-goto-channel': parent, 'data-goto-message': first.id }, `in #${store.channels.get(parent)?.name}`);
    box.replaceChildren(h('strong', null, first.author), ' wrote ', jump, h('blockquote', { class: 'starter rich' }, first.content ? rich(first.content) : summary(first)));
  });
  return box;
}

function systemLine(message) {
  if (message.kind === 21) return starter(message);
  const who = h('strong', null, message.author);
  const time = h('time', { title: wholeDate(message.at_ms) }, when(message.at_ms));
  if (message.kind === 6) {
    const target = message.reply_to && { 'data-goto-channel': message.channel, 'data-goto-message': message.reply_to };
    const what = target ? h('button', { type: 'button', class: 'link', ...target }, 'a message') : 'a message';
    const all = h('button', { type: 'button', class: 'link', onclick: () => emit('pins') }, 'all pinned messages');
    return h('div', { class: 'content' }, who, ' pinned ', what, ' to this channel. See ', all, '. ', time);
  }
  if (message.kind === 18) {
    const name = message.thread ? h('button', { type: 'button', class: 'link', 'data-goto-channel': message.thread }, message.content) : h('strong', null, message.content);
    return h('div', { class: 'content' }, who, ' started a thread: ', name, '. ', time);
  }
  return h('div', { class: 'content' }, who, ' ', message.content || 'did something', ' ', time);
}

function replyLine(message) {
  const line = h('button', { type: 'button', class: 'reply-line', 'data-goto-channel': message.channel, 'data-goto-message': message.reply_to }, '…');
  lookUp(message.channel, message.reply_to).then((first) => {
    if (!first) {
      line.disabled = true;
      line.replaceChildren(h('em', null, 'Original message was deleted'));
      return;
    }
    line.setAttribute('aria-label', `Reply to ${first.author}: ${summary(first, 60)}`);
    line.replaceChildren(h('span', { class: 'author' }, first.author), h('span', { class: 'reply-text' }, summary(first)));
  });
  return line;
}

/** Whose command a message answers. */
export const originLine = ({ user, name }) => h('div', { class: 'origin' }, h('span', { class: 'author' }, user), ' used ', h('span', { class: 'pill' }, name));

function embeds(message) {
  if (message.flags & SUPPRESS_EMBEDS || !message.embeds.length) return null;
  return h('div', { class: 'embeds' }, message.embeds.map((one) => embed(one, message.attachments)));
}

function files(message) {
  const used = JSON.stringify([message.embeds, message.components]);
  const shown = message.attachments.filter((file) => !used.includes(`attachment://${file.name}"`));
  return shown.length > 0 && h('div', { class: 'files' }, shown.map(attachment));
}

const reactionsKey = (message) => JSON.stringify([message.reactions, store.me]);

function reactions(message) {
  const shown = message.reactions.filter((one) => one.users.length);
  if (!shown.length) return null;
  const chip = ({ emoji, users }) => {
    const mine = users.includes(store.me);
    const text = emoji.includes(':') ? `:${emoji.split(':')[0]}:` : emoji;
    const toggle = async () => {
      if (await hand('react', { message: message.id, emoji, remove: mine })) emit('did', { kind: 'react', emoji, message, remove: mine });
    };
    return h('button', { type: 'button', class: 'reaction', 'data-emoji': emoji, 'data-key': emoji, 'aria-pressed': String(mine), 'aria-label': `${text} ${users.length}: ${users.join(', ')}`, title: users.join(', '), onclick: toggle },
      h('span', { class: 'emoji' }, text), h('span', null, users.length));
  };
  const add = signButton('plus', 'Add reaction', null, { class: 'reaction add', 'data-act': 'react', 'data-key': '+' });
  return h('div', { class: 'reactions', role: 'group', 'aria-label': 'Reactions' }, shown.map(chip), add);
}

function threadChip(thread) {
  const count = thread.message_count ?? 0;
  return h('button', { type: 'button', class: 'thread-chip', 'data-goto-channel': thread.id, 'aria-label': `Open thread ${thread.name}` },
    icon('thread'), h('span', { class: 'thread-name' }, thread.name),
    h('span', { class: 'thread-count' }, `${plural(count, 'message')}${thread.archived ? ' · archived' : ''} ›`));
}

function privateLine(message) {
  const dismiss = () => {
    store.dismissed.add(message.id);
    emit('dismissed', message);
  };
  return h('div', { class: 'private-line' }, icon('eye'), 'Only you can see this · ', h('button', { type: 'button', class: 'link', onclick: dismiss }, 'Dismiss message'));
}

