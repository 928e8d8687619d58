// What the page knows: the server's things by id, who is looking, and what they have read. It holds no nodes and asks
// nobody; feed.js and history.js put things in, the views listen.

export const store = {
  world: null,
  guild: null,
  bot: { id: '', name: 'the bot', connected: false },
  users: [],
  home: null,
  channels: new Map(),
  commands: [],
  interactions: new Map(),
  /** The name of the person who looks. */
  me: null,
  /** The channel that is open. */
  here: null,
  /** `connecting`, `live` or `lost`. */
  line: 'connecting',
  /** What the demo offers, or null without one. */
  demo: null,
  /** Ids of private replies that were dismissed. */
  dismissed: new Set(),
  /** What was tried of the panel, by title. */
  tried: new Set(),
};

/** user → channel → id of the last message read; user → channel → ids that mention. */
const read = new Map();
const pings = new Map();

const listeners = new Map();

export function on(topic, listener) {
  if (!listeners.has(topic)) listeners.set(topic, new Set());
  listeners.get(topic).add(listener);
  return () => listeners.get(topic).delete(listener);
}

export function emit(topic, detail) {
  for (const listener of listeners.get(topic) ?? []) listener(detail);
}

/** Orders ids by age: they are numbers too long for one. */
export const byAge = (a, b) => a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
export const newer = (a, b) => Boolean(a) && (!b || byAge(a, b) > 0);

export function nameOf(kind, id) {
  if (kind === 'channel') return store.channels.get(id)?.name ?? 'unknown';
  if (kind === 'role') return 'role';
  if (id === store.bot.id) return store.bot.name;
  return store.users.find((user) => user.id === id)?.name ?? 'unknown-user';
}

/** The people whom a visitor can be. */
export function people() {
  const known = store.demo?.users;
  if (known?.length) return known;
  return store.users.filter((user) => !user.bot).map(({ name }) => ({ name, allowed: null, about: '' }));
}

export const isThread = (channel) => Boolean(channel?.parent);
export const threadsOf = (parent) => [...store.channels.values()].filter((one) => one.parent === parent).sort((a, b) => byAge(b.id, a.id));

/** The channels that are no threads, the home one first and other guilds' last. */
export function rooms() {
  const rank = (one) => (one.id === store.home ? 0 : one.guild === store.guild?.name || one.guild === store.guild?.id ? 1 : 2);
  return [...store.channels.values()].filter((one) => !one.parent).sort((a, b) => rank(a) - rank(b) || byAge(a.id, b.id));
}

const inner = (map, key) => map.get(key) ?? map.set(key, new Map()).get(key);

export function lastRead(channel, user = store.me) {
  return read.get(user)?.get(channel) ?? null;
}

/** Takes everything in a channel as read up to an id. */
export function markRead(channel, id, user = store.me) {
  const marks = inner(read, user);
  const seen = inner(pings, user).get(channel);
  const left = (seen ?? []).filter((ping) => newer(ping, id));
  if (!newer(id, marks.get(channel)) && left.length === (seen ?? []).length) return;
  if (newer(id, marks.get(channel))) marks.set(channel, id);
  inner(pings, user).set(channel, left);
  remember();
  emit('read', channel);
}

export function isUnread(channel, user = store.me) {
  if (isThread(channel) && !channel.members.includes(user)) return false;
  return newer(channel.last_message, lastRead(channel.id, user));
}

export const pingsIn = (channel, user = store.me) => inner(pings, user).get(channel)?.length ?? 0;

/** What is there when somebody first looks is not news to them. */
export function startReading() {
  for (const { name } of people()) {
    const marks = inner(read, name);
    for (const channel of store.channels.values()) if (!marks.has(channel.id)) marks.set(channel.id, channel.last_message ?? '0');
  }
}

export function notePings(message) {
  for (const name of message.notified ?? []) {
    const pinged = inner(pings, name);
    const seen = pinged.get(message.channel) ?? [];
    if (message.author === name || seen.includes(message.id) || !newer(message.id, lastRead(message.channel, name))) continue;
    pinged.set(message.channel, [...seen, message.id]);
  }
}

/** Forgets what belongs to a world that is gone; who looks and where stays, if it still exists. */
export function forget(otherWorld) {
  store.channels.clear();
  store.interactions.clear();
  store.commands = [];
  if (otherWorld) {
    read.clear();
    pings.clear();
    store.dismissed.clear();
    store.tried.clear();
  }
}

const KEY = 'ompcord-page';

/** Keeps over a reload what the server does not know. */
export function remember() {
  const maps = (map) => [...map].map(([key, value]) => [key, [...value]]);
  const kept = {
    world: store.world, me: store.me, here: store.here, read: maps(read), pings: maps(pings),
    dismissed: [...store.dismissed].slice(-200), tried: [...store.tried],
  };
  try {
    sessionStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Without storage a reload starts over, no more.
  }
}

/** Brings back what was kept, if it is of this world. */
export function recall() {
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return;
  }
  if (!kept) return;
  store.me = kept.me;
  if (kept.world !== store.world) return;
  store.here = kept.here;
  for (const [user, marks] of kept.read ?? []) read.set(user, new Map(marks));
  for (const [user, marks] of kept.pings ?? []) pings.set(user, new Map(marks));
  store.dismissed = new Set(kept.dismissed);
  store.tried = new Set(kept.tried);
}
