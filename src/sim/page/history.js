// The messages of a channel, a window at a time: fifty at first, more where one scrolls, never more than CAP. What
// the feed brings is put in where the window reaches the end; elsewhere it is left for later.
import { byAge, newer, store } from './store.js';
import { get } from './hands.js';

export const CAP = 250;
const PAGE = 50;
const KEPT = 6;

const windows = new Map();
const found = new Map();

export class Window {
  list = [];
  /** Whether there is more before and after what is loaded. */
  before = true;
  after = false;
  /** The request under way, and what the feed brought meanwhile. */
  loading = null;
  meanwhile = [];
  ready = false;

  constructor(channel, user) {
    this.channel = channel;
    this.user = user;
  }

  get newest() {
    return this.list.at(-1)?.id ?? null;
  }

  index(id) {
    let [low, high] = [0, this.list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (byAge(this.list[middle].id, id) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  has(id) {
    return this.list[this.index(id)]?.id === id;
  }

  visible(message) {
    return (!message.only_for || message.only_for === this.user) && !store.dismissed.has(message.id);
  }

  /** A message that is new or changed. `full`: no more is taken at the end, because somebody reads further up. */
  apply(message, full = false) {
    if (this.loading) this.meanwhile.push(message);
    const place = this.index(message.id);
    if (this.list[place]?.id === message.id) {
      if (this.visible(message)) this.list[place] = message;
      else this.list.splice(place, 1);
      return true;
    }
    if (!this.visible(message) || !this.ready) return false;
    if (place === this.list.length && this.after) return false;
    if (place === 0 && this.before && this.list.length > 0) return false;
    if (place === this.list.length && full && this.list.length >= CAP) {
      this.after = true;
      return false;
    }
    this.list.splice(place, 0, message);
    if (!full && this.list.length > CAP) {
      this.list.splice(0, this.list.length - CAP);
      this.before = true;
    }
    return true;
  }

  drop(id) {
    const place = this.index(id);
    if (this.list[place]?.id !== id) return false;
    this.list.splice(place, 1);
    return true;
  }

  fetch(query) {
    const load = async () => {
      const parameters = new URLSearchParams({ user: this.user, ...query });
      try {
        return await get(`/sim/channels/${this.channel}/messages?${parameters}`);
      } finally {
        this.loading = null;
      }
    };
    this.loading = load();
    return this.loading;
  }

  /** Puts in what came from the feed while the request was under way: it is the newer of the two. */
  catchUp() {
    const messages = this.meanwhile;
    this.meanwhile = [];
    for (const message of messages) this.apply(message);
  }

  /** The newest messages. */
  async latest() {
    const { messages, more } = await this.fetch({ limit: PAGE });
    this.list = messages.filter((message) => this.visible(message));
    this.before = more;
    this.after = false;
    this.ready = true;
    this.catchUp();
  }

  async older() {
    if (!this.before || this.loading || !this.list.length) return false;
    const { messages, more } = await this.fetch({ limit: PAGE, before: this.list[0].id });
    const first = this.list[0]?.id;
    this.list.unshift(...messages.filter((one) => this.visible(one) && (!first || byAge(one.id, first) < 0)));
    this.before = more && messages.length > 0;
    if (this.list.length > CAP) {
      this.list.length = CAP;
      this.after = true;
    }
    this.catchUp();
    return true;
  }

  /** What follows the window, until it reaches the end again. */
  async later() {
    if (!this.after || this.loading || !this.newest) return false;
    const from = this.newest;
    const { messages, newer: more } = await this.fetch({ limit: PAGE, after: from });
    this.list.push(...messages.filter((one) => newer(one.id, this.newest) && this.visible(one)));
    this.after = more;
    if (this.list.length > CAP) {
      this.list.splice(0, this.list.length - CAP);
      this.before = true;
    }
    this.catchUp();
    return true;
  }

  /** A window around a message; `false` when it is gone. */
  async around(id) {
    const { messages, more, newer: follows } = await this.fetch({ limit: PAGE, around: id });
    if (!messages.some((message) => message.id === id)) return false;
    this.list = messages.filter((message) => this.visible(message));
    this.before = more;
    this.after = follows;
    this.ready = true;
    this.catchUp();
    return true;
  }
}

/** The window of a channel for who looks now. */
export function windowOf(channel) {
  let window = windows.get(channel);
  if (!window || window.user !== store.me) {
    window = new Window(channel, store.me);
  }
  windows.delete(channel);
  windows.set(channel, window);
  if (windows.size > KEPT) windows.delete(windows.keys().next().value);
  return window;
}

/** Windows that are loaded, for what the feed brings. */
export const loaded = () => windows.values();

export function forgetWindows() {
  windows.clear();
  found.clear();
}

/** A single message, such as the one that a reply refers to; null when it is gone. */
export async function lookUp(channel, id) {
  for (const window of windows.values()) if (window.has(id)) return window.list[window.index(id)];
  if (!found.has(id)) {
    const parameters = new URLSearchParams({ user: store.me, limit: 1, around: id });
    const asked = get(`/sim/channels/${channel}/messages?${parameters}`).then(
      ({ messages }) => messages.find((message) => message.id === id) ?? null,
      () => null,
    );
    found.set(id, asked);
  }
  return found.get(id);
}

/** Keeps what was looked up true. */
export function refresh(message) {
  if (found.has(message.id)) found.set(message.id, Promise.resolve(message));
}

export function lose(id) {
  if (found.has(id)) found.set(id, Promise.resolve(null));
  let changed = false;
  for (const window of windows.values()) changed = window.drop(id) || changed;
  return changed;
}
