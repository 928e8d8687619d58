// What a person does, sent to the server. A refusal is told where people look for it and answers null, so that no
// caller has to catch.
import { emit, on, store } from './store.js';
import { toast } from './notice.js';

/** Sends a JSON body; the answer, or null after saying why not. */
export async function post(path, body, { quiet = false, method = 'POST' } = {}) {
  let problem;
  try {
    const response = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    problem = answer.error ?? `the simulated Discord answered ${response.status}`;
  } catch {
    problem = 'the simulated Discord cannot be reached';
  }
  if (!quiet) toast(sentence(problem), 'problem');
  return null;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;

export async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** One of the verbs, as the person who looks. */
export const hand = (verb, body, options) => post(`/sim/${verb}`, { user: store.me, ...body }, options);

const mine = new Set();
/** Longer than the three seconds that the bot has; after it the server is asked what became of it. */
const ASK_AFTER = 4500;

/** Starts an interaction. Resolves with what came of it, or null if it was refused. */
export async function interact(verb, body, { label, quiet } = {}) {
  const user = store.me;
  const begun = await hand(verb, body, { quiet });
  if (!begun) return null;
  const id = String(begun.interaction);
  mine.add(id);
  emit('begun', { id, label, user });
  const reply = await settled(id);
  emit('settled', { id, reply });
  if (reply.modal && mine.delete(id)) emit('modal', { id, modal: reply.modal, user });
  return reply;
}

const isSettled = (reply) => reply && (reply.failed || reply.answered);

function settled(id) {
  const known = store.interactions.get(id);
  if (isSettled(known)) return Promise.resolve(known);
  return new Promise((resolve) => {
    let timer = 0;
    const done = (reply) => {
      clearTimeout(timer);
      stop();
      resolve(reply);
    };
    const stop = on('interactions', (ids) => {
      const reply = ids.has(id) && store.interactions.get(id);
      if (isSettled(reply)) done(reply);
    });
    const ask = async () => {
      // The event may have been lost with the connection.
      const reply = await get(`/sim/interactions/${id}`).catch(() => null);
      if (isSettled(reply)) done(reply);
      else if (reply || store.line === 'live') done({ failed: true });
      else timer = setTimeout(ask, ASK_AFTER);
    };
    timer = setTimeout(ask, ASK_AFTER);
  });
}
