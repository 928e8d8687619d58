// The server's events, put into the store. A busy bot sends many in a moment, so they are taken in together, once a
// frame; the stream reconnects by itself and says on its first event whether anything was missed.
import { emit, forget, notePings, recall, remember, startReading, store } from './store.js';

const KINDS = ['hello', 'bot', 'channel', 'message', 'interaction', 'commands', 'gone'];
/** A stream that has been silent for this long after it was lost is opened anew. */
const PATIENCE = 4000;
const REMEMBERED = 400;

let source = null;
let waiting = [];
let scheduled = false;
let reopening = 0;

export function listen() {
  source?.close();
  source = new EventSource('/sim/events');
  for (const kind of KINDS) source.addEventListener(kind, (event) => receive(kind, event.data));
  source.addEventListener('error', lost);
}

function lost() {
  setLine('lost');
  // The browser retries on its own, except after an answer that it takes for final.
  clearTimeout(reopening);
  reopening = setTimeout(() => {
    if (store.line !== 'live') listen();
  }, source.readyState === EventSource.CLOSED ? 1500 : PATIENCE);
}

function setLine(line) {
  if (store.line === line) return;
  store.line = line;
  emit('line', line);
}

function receive(kind, data) {
  waiting.push([kind, JSON.parse(data)]);
  if (scheduled) return;
  scheduled = true;
  // A hidden page gets no frames, and should not let the queue grow meanwhile.
  if (document.hidden) setTimeout(take, 200);
  else requestAnimationFrame(take);
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden && scheduled) setTimeout(take, 200);
});

/** Takes in all that came since the last frame and tells each view once. */
function take() {
  scheduled = false;
  const events = waiting;
  waiting = [];
  const news = { messages: new Map(), channels: new Set(), interactions: new Set(), gone: [], bot: false, commands: false };
  let fresh = false;
  for (const [kind, data] of events) {
    if (kind === 'hello') fresh = greet(data) || fresh;
    else absorb(kind, data, news);
  }
  if (store.greeted && !store.settled) settle();
  else if (fresh) emit('reset');
  for (const message of news.messages.values()) notePings(message);
  if (news.bot) emit('bot');
  if (news.commands) emit('commands');
  if (news.gone.length) emit('gone', news.gone);
  if (news.channels.size || news.gone.length) emit('channels', news.channels);
  if (news.interactions.size) emit('interactions', news.interactions);
  if (news.messages.size) emit('messages', [...news.messages.values()]);
}

function absorb(kind, data, news) {
  switch (kind) {
    case 'bot':
      store.bot = data;
      news.bot = true;
      break;
    case 'channel':
      store.channels.set(data.id, data);
      news.channels.add(data.id);
      break;
    case 'message':
      news.messages.set(data.id, data);
      break;
    case 'interaction': {
      const id = String(data.interaction);
      store.interactions.set(id, data);
      news.interactions.add(id);
      if (store.interactions.size > REMEMBERED) store.interactions.delete(store.interactions.keys().next().value);
      break;
    }
    case 'commands':
      store.commands = data;
      news.commands = true;
      break;
    case 'gone':
      news.gone.push(data);
      news.messages.delete(data.id);
      if (data.kind === 'channel') store.channels.delete(data.id);
      break;
    default:
  }
}

/** The first event of a connection. `true`: the page has to rebuild. */
function greet(hello) {
  clearTimeout(reopening);
  const other = store.world !== hello.world;
  const known = store.greeted && !other && hello.resumed;
  if (!known) forget(store.greeted && other);
  store.world = hello.world;
  store.guild = hello.guild;
  store.bot = hello.bot;
  store.users = hello.users;
  store.home = hello.home;
  store.greeted = true;
  if (!known) store.settled = false;
  setLine('live');
  emit('bot');
  return !known;
}

/** All channels come right behind the greeting; with the first of them the page can be built. */
function settle() {
  if (!store.channels.has(store.home)) return;
  store.settled = true;
  if (!store.recalled) {
    store.recalled = true;
    recall();
  }
  startReading();
  // The last of the channels may come a moment later; what they hold was there before as well.
  setTimeout(startReading, 400);
  emit('reset');
  remember();
}
