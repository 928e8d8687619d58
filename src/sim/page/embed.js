// A message's embeds: a card with a bar in its colour. Pictures show only from this origin, that is as attachments of
// the same message; the page asks no other server for anything.
import { h, when } from './dom.js';
import { link, rich, richLine } from './markdown-dom.js';
import { localPath } from './attachment.js';

export function embed(data, attachments) {
  const card = h('div', { class: 'embed', role: 'group', 'aria-label': data.title ? `Embed: ${data.title}` : 'Embed' });
  if (Number.isInteger(data.color)) card.style.borderColor = colour(data.color);
  const thumbnail = picture(data.thumbnail, attachments, 'thumbnail');
  const text = h('div', { class: 'embed-text' }, author(data.author), title(data), data.description && h('div', { class: 'rich' }, rich(data.description)), fields(data.fields));
  card.append(h('div', { class: 'embed-top' }, text, thumbnail));
  const image = picture(data.image, attachments, 'image');
  if (image) card.append(image);
  const small = footer(data);
  if (small) card.append(small);
  return card;
}

export const colour = (number) => `#${(number & 0xffffff).toString(16).padStart(6, '0')}`;

function author(data) {
  if (!data?.name) return null;
  return h('div', { class: 'embed-author' }, data.url ? link(data.url, data.name) : data.name);
}

function title({ title: text, url }) {
  if (!text) return null;
  return h('div', { class: 'embed-title' }, url ? link(url, richLine(text)) : richLine(text));
}

function fields(list) {
  if (!Array.isArray(list) || !list.length) return null;
  const cell = (field) =>
    h('div', { class: field.inline ? 'field inline' : 'field' }, h('div', { class: 'field-name' }, richLine(field.name)), h('div', { class: 'rich' }, rich(field.value)));
  return h('div', { class: 'fields' }, list.map(cell));
}

function footer({ footer: below, timestamp }) {
  const moment = timestamp ? Date.parse(timestamp) : Number.NaN;
  const parts = [below?.text, Number.isNaN(moment) ? null : when(moment)].filter(Boolean);
  return parts.length ? h('div', { class: 'embed-footer' }, parts.join(' • ')) : null;
}

/** An `attachment://` picture of the same message. */
export function picture(media, attachments, kind) {
  const name = /^attachment:\/\/(.+)$/.exec(media?.url ?? '')?.[1];
  const file = name && attachments.find((one) => one.name === name);
  return file ? h('img', { class: kind, src: localPath(file.url), alt: media.description ?? file.name, loading: 'lazy' }) : null;
}
