// The demo as a person starts it: the program, its address read from what it prints, and its end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = process.env.OMPCORD_BIN ?? fileURLToPath(new URL('../../target/debug/ompcord', import.meta.url));
/** What is waited for comes within this, or the test fails. */
export const PATIENCE = 30_000;

const running = new Set();
// Whatever happens to the tests, no daemon is left behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A promise that fails, saying what was waited for, when nothing comes. */
export async function within(what, promise, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: nothing within ${ms / 1000} s`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

export class Demo {
  said = '';

  /** Starts it; nothing of a developer's own settings counts. */
  async begin({ port = 0, args = [] } = {}) {
    const { PATH, HOME, TMPDIR } = process.env;
    const env = { PATH, HOME, ...(TMPDIR && { TMPDIR }) };
    const all = ['demo', '--agent', 'scripted', '--no-play', '--seed', '7', '--port', String(port), ...args];
    this.child = spawn(PROGRAM, all, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(this.child);
    this.ended = once(this.child, 'exit').then(([code, signal]) => {
      running.delete(this.child);
      return signal ?? code;
    });
    const address = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      for (const stream of [this.child.stdout, this.child.stderr]) {
        stream.setEncoding('utf8');
        stream.on('data', (text) => {
          this.said += text;
          const found = /Open\s+(http:\/\/127\.0\.0\.1:\d+)\//.exec(this.said);
          if (found) resolve(found[1]);
        });
      }
      this.ended.then((code) => reject(new Error(`the demo ended with ${code}:\n${this.said}`)));
    });
    this.url = await within('the demo prints its address', address);
    return this;
  }

  get port() {
    return Number(new URL(this.url).port);
  }

  async get(path) {
    const response = await fetch(this.url + path);
    assert.ok(response.ok, `GET ${path}: ${response.status}`);
    return response.json();
  }

  async post(path, body, method = 'POST') {
    const response = await fetch(this.url + path, { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
    return response.json().catch(() => ({}));
  }

  /** The server's events, as the page gets them, until one of them is what is wanted. */
  async until(what, wanted) {
    const stop = new AbortController();
    const look = async () => {
      const response = await fetch(`${this.url}/sim/events`, { signal: stop.signal });
      let text = '';
      for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
        text += piece;
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) {
          const data = /^data: ?(.*)$/m.exec(event);
          const answer = data && await wanted(/^event: ?(.*)$/m.exec(event)?.[1], JSON.parse(data[1]));
          if (answer) return answer;
        }
      }
      throw new Error(`${what}: the events ended`);
    };
    return within(what, look()).finally(() => stop.abort());
  }

  /** The bot is there and its commands too. */
  async online() {
    let connected = false;
    let commands = false;
    await this.until('the bot comes online', (kind, data) => {
      if (kind === 'hello') this.home = data.home;
      if (kind === 'hello') connected = data.bot.connected;
      if (kind === 'bot') connected = data.connected;
      if (kind === 'commands') commands = data.length > 0;
      return connected && commands;
    });
    return this;
  }

  /** Does for somebody what is not what a test is about. */
  async say(text, { user = 'alice', channel = this.home, ...more } = {}) {
    return (await this.post('/sim/say', { user, channel, text, ...more })).message;
  }

  /** A session of alice's, by the shortest way; its thread's id. */
  async launch(prompt) {
    const id = await this.say(prompt);
    await this.post('/sim/react', { user: 'alice', message: id, emoji: '🚀' });
    await this.until('a thread opens', (kind, data) => kind === 'channel' && data.id === id);
    return id;
  }

  /** What the bot has asked of Discord since a call's number. */
  async calls(after = 0) {
    return (await this.get(`/sim/calls?limit=1000&after=${after}`)).calls;
  }

  async messages(channel, user = 'alice') {
    return (await this.get(`/sim/channels/${channel}/messages?user=${user}&limit=100`)).messages;
  }

  /** Ends it as Ctrl-C does, and makes sure that it is gone and content. */
  async end() {
    if (!running.has(this.child)) return;
    this.child.kill('SIGINT');
    const code = await within('the demo ends', this.ended);
    assert.equal(code, 0, `the demo ended with ${code}:\n${this.said}`);
  }
}
