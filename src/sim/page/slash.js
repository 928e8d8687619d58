// The bot's commands as one types them: what matches a beginning, and what an option may be filled with.
import { interact } from './hands.js';
import { people, rooms, store, threadsOf } from './store.js';

const SUBCOMMAND = 1;
const GROUP = 2;
const TYPES = { 3: 'text', 4: 'number', 5: 'true or false', 6: 'user', 7: 'channel', 10: 'number' };

/** Every command that can be run, with the words that name it. */
export function all() {
  const found = [];
  const walk = (item, words) => {
    const options = item.options ?? [];
    const below = options.filter((option) => option.type === SUBCOMMAND || option.type === GROUP);
    if (below.length) for (const option of below) walk(option, `${words} ${option.name}`);
    else found.push({ words, description: item.description, options });
  };
  for (const command of store.commands) if ((command.type ?? 1) === 1) walk(command, command.name);
  return found;
}

/** What fits what was typed behind the slash, the best first. */
export function matching(typed) {
  const words = typed.toLowerCase().trim().split(/\s+/).filter(Boolean);
  const fits = (command) => words.every((word) => command.words.split(' ').some((part) => part.startsWith(word)) || command.words.includes(word));
  return all().filter(fits).sort((a, b) => rank(a, typed) - rank(b, typed));
}

const rank = (command, typed) => (command.words.startsWith(typed.trim().toLowerCase()) ? 0 : 1);

/** The command that the text names completely, and what follows it. */
export function named(text) {
  const fits = all().filter((command) => text.startsWith(`/${command.words} `));
  fits.sort((a, b) => b.words.length - a.words.length);
  return fits.length ? { command: fits[0], rest: text.slice(fits[0].words.length + 2) } : null;
}

/** "text, required" */
export function describe(option) {
  return `${TYPES[option.type] ?? 'value'}${option.required ? ', required' : ''}`;
}

export const canFill = (option) => option.type in TYPES;

/** What an option offers for what was typed, as `{name, value, about}`; empty where anything goes. */
export async function choices(command, option, given, typed) {
  const query = typed.toLowerCase();
  const fits = ({ name }) => name.toLowerCase().includes(query);
  if (option.choices?.length) return option.choices.map(({ name, value }) => ({ name, value: String(value) })).filter(fits);
  if (option.type === 5) return [{ name: 'True', value: 'true' }, { name: 'False', value: 'false' }].filter(fits);
  if (option.type === 6) {
    const users = [...people().map(({ name }) => name), store.bot.name];
    return users.map((name) => ({ name, value: store.users.find((user) => user.name === name)?.id ?? name })).filter(fits);
  }
  if (option.type === 7) {
    const places = rooms().flatMap((room) => [room, ...threadsOf(room.id).filter((thread) => !thread.archived)]);
    return places.map(({ id, name }) => ({ name: `#${name}`, value: id })).filter(fits).slice(0, 25);
  }
  if (!option.autocomplete) return [];
  const options = [...given.filter(([name]) => name !== option.name), [option.name, typed]];
  const reply = await interact('autocomplete', { channel: store.here, command: command.words, options }, { quiet: true });
  if (!reply || reply.failed) throw new Error('no choices');
  return reply.choices.map(([name, value]) => ({ name, value }));
}
