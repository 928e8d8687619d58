// Where one writes: text, files, replies, and the way into commands.
import { bytes, fill, h, icon, signButton } from './dom.js';
import { hand } from './hands.js';
import { closeCommand, isOpen, openCommand, runCommand } from './command-form.js';
import { startEdit } from './actions.js';
import { all, matching, named } from './slash.js';
import { summary } from './message.js';
import { Suggestions } from './suggestions.js';
import { toast } from './notice.js';
import { emit, isThread, on, store } from './store.js';
import { ownLast } from './timeline.js';

const MOST = 2000;
const COUNTED_FROM = 1800;
const MOST_FILES = 10;
const LARGEST = 10 * 1024 * 1024;

const area = document.getElementById('input');
const line = document.getElementById('write');
const replyBar = document.getElementById('reply-bar');
const fileBar = document.getElementById('file-bar');
const counter = document.getElementById('counter');
const chooser = document.getElementById('chooser');
const sendButton = document.getElementById('send');
const coarse = matchMedia('(pointer: coarse)');
const suggestions = new Suggestions(document.getElementById('suggestions'));

let replyTo = null;
let files = [];
const drafts = new Map();
let draftOf = null;

function grow() {
  area.style.height = 'auto';
  area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.4)}px`;
}

function update() {
  grow();
  const count = [...area.value.trim()].length;
  counter.textContent = count > COUNTED_FROM ? String(MOST - count) : '';
  counter.classList.toggle('over', count > MOST);
  counter.setAttribute('aria-label', count > COUNTED_FROM ? `${MOST - count} characters left` : '');
  sendButton.disabled = (!count && !files.length) || count > MOST;
}

area.addEventListener('input', () => {
  update();
  offerCommands();
});

/** The list of commands, while the text is the beginning of one. */
function offerCommands() {
  const text = area.value;
  const known = text.startsWith('/') && named(text);
  if (known && store.commands.length) {
    enterCommand(known.command, known.rest ? firstText(known.command, known.rest) : []);
    return;
  }
  if (!/^\/[^\n]*$/.test(text)) {
    suggestions.close();
    return;
  }
  const found = matching(text.slice(1));
  if (found.length) {
    const rows = found.map((command) => ({ name: `/${command.words}`, about: command.description, pick: () => choose(command) }));
    suggestions.show(area, rows, { title: `Commands of ${store.bot.name}` });
  } else suggestions.note(area, store.commands.length ? 'No command matches' : `${store.bot.name} has not registered any commands yet`);
}

const firstText = (command, rest) => (command.options[0] ? [[command.options[0].name, rest]] : []);

function choose(command) {
  suggestions.close();
  enterCommand(command, []);
}

export function enterCommand(command, given) {
  suggestions.close();
  area.value = '';
  update();
  line.hidden = true;
  openCommand(command, given, (text) => {
    line.hidden = false;
    area.value = text;
    update();
    area.focus();
    if (text) offerCommands();
  });
}

/** Runs a command, or opens it where something has to be filled in first. */
export function beginCommand(words, options = []) {
  const command = all().find((one) => one.words === words);
  if (!command) {
    toast(`${store.bot.name} has no command /${words}.`, 'problem');
    return;
  }
  const missing = command.options.some((option) => option.required && !options.some(([name]) => name === option.name));
  if (missing) enterCommand(command, options);
  else runCommand(words, options);
}

async function send() {
  const text = area.value.trim();
  if (!text && !files.length) return;
  if ([...text].length > MOST) {
    toast(`A message has at most ${MOST.toLocaleString()} characters; this one has ${[...text].length.toLocaleString()}.`, 'problem');
    return;
  }
  const sent = { channel: store.here, text, files: files.map(({ name, base64 }) => ({ name, base64 })), reply_to: replyTo?.id };
  const before = { files, replyTo };
  area.value = '';
  files = [];
  replyTo = null;
  drawBars();
  update();
  const answer = await hand('say', sent);
  if (answer) {
    emit('did', { kind: 'say', text, channel: sent.channel, message: answer.message, files: sent.files.length, reply: Boolean(sent.reply_to) });
    return;
  }
  // What was refused is not lost.
  if (!area.value) area.value = text;
  ({ files, replyTo } = before);
  drawBars();
  update();
}

area.addEventListener('keydown', (event) => {
  if (suggestions.key(event)) return;
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && !coarse.matches) {
    event.preventDefault();
    send();
  } else if (event.key === 'ArrowUp' && !area.value && !event.altKey) {
    const last = ownLast();
    if (!last) return;
    event.preventDefault();
    startEdit(last);
  } else if (event.key === 'Escape') {
    if (suggestions.close()) event.preventDefault();
    else if (replyTo) reply(null);
  }
});
area.addEventListener('blur', () => suggestions.close());
area.addEventListener('focus', () => area.value.startsWith('/') && offerCommands());
sendButton.addEventListener('click', () => {
  send();
  area.focus();
});

function reply(message) {
  replyTo = message;
  drawBars();
  if (message) area.focus();
}

function drawBars() {
  replyBar.hidden = !replyTo;
  if (replyTo) fill(replyBar, h('span', { class: 'grow' }, 'Replying to ', h('strong', null, replyTo.author), h('span', { class: 'dim' }, ` ${summary(replyTo, 80)}`)), signButton('close', 'Cancel reply', () => reply(null)));
  fileBar.hidden = !files.length;
  const chip = (file) =>
    h('div', { class: 'file-chip' }, file.picture ? h('img', { src: file.picture, alt: '' }) : icon('file'), h('span', { class: 'file-about' }, h('span', { class: 'name' }, file.name), h('span', { class: 'dim' }, bytes(file.size))),
      signButton('trash', `Remove ${file.name}`, () => {
        files = files.filter((one) => one !== file);
        drawBars();
        update();
      }));
  fill(fileBar, files.map(chip));
}

async function attach(list) {
  for (const file of list) {
    if (files.length >= MOST_FILES) {
      toast(`A message takes at most ${MOST_FILES} files.`, 'problem');
      break;
    }
    if (file.size > LARGEST) {
      toast(`${file.name} is larger than 10 MB.`, 'problem');
      continue;
    }
    const address = await readAs(file).catch(() => null);
    if (!address) {
      toast(`${file.name} cannot be read.`, 'problem');
      continue;
    }
    const picture = /^data:image\/(png|jpeg|gif|webp);/.test(address) ? address : null;
    files.push({ name: file.name || 'pasted.png', size: file.size, base64: address.slice(address.indexOf(',') + 1), picture });
  }
  drawBars();
  update();
}

function readAs(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.includes(',') ? reader.result : 'data:,');
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

document.getElementById('attach').addEventListener('click', () => chooser.click());
chooser.addEventListener('change', async () => {
  await attach([...chooser.files]);
  chooser.value = '';
  area.focus();
});
area.addEventListener('paste', (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  attach([...event.clipboardData.files]);
});
const main = document.getElementById('main');
main.addEventListener('dragover', (event) => {
  if (![...event.dataTransfer.types].includes('Files')) return;
  event.preventDefault();
  main.classList.add('dropping');
});
main.addEventListener('dragleave', (event) => {
  if (!main.contains(event.relatedTarget)) main.classList.remove('dropping');
});
main.addEventListener('drop', (event) => {
  event.preventDefault();
  main.classList.remove('dropping');
  attach([...event.dataTransfer.files]);
});

/** What was written and not sent stays with its channel. */
function drawPlace() {
  const channel = store.channels.get(store.here);
  if (!channel) return;
  if (draftOf !== channel.id) {
    if (draftOf) drafts.set(draftOf, area.value);
    draftOf = channel.id;
    if (isOpen()) {
      closeCommand();
      line.hidden = false;
    }
    area.value = drafts.get(channel.id) ?? '';
    reply(null);
    update();
    if (!coarse.matches) area.focus({ preventScroll: true });
  }
  const name = isThread(channel) ? channel.name : `#${channel.name}`;
  area.setAttribute('aria-label', `Message ${name}`);
  area.placeholder = channel.locked ? 'This thread is locked' : `Message ${name}`;
  area.disabled = Boolean(channel.locked);
}

for (const topic of ['here', 'channels', 'reset']) on(topic, drawPlace);
on('reply', reply);
on('me', () => reply(null));

// Typing anywhere goes to the input, as in the client that people know.
document.addEventListener('keydown', (event) => {
  const target = event.target;
  if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1 || event.key === ' ') return;
  if (target !== document.body || line.hidden || area.disabled) return;
  area.focus();
});
