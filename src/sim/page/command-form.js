// A command with its options, in the place of the input. Each option is a field of its own, the required ones first;
// what it can be chosen from stands above it as one types.
import { fill, h, icon } from './dom.js';
import { interact } from './hands.js';
import { canFill, choices, describe } from './slash.js';
import { Suggestions } from './suggestions.js';
import { emit, store } from './store.js';

const TYPING_PAUSE = 180;

const box = document.getElementById('command');
const suggestions = new Suggestions(document.getElementById('suggestions'));
let form = null;

export const isOpen = () => form !== null;

/** Opens a command. `given` fills options in; `leave` brings the input back, with a text if there is one. */
export function openCommand(command, given, leave) {
  form = new Form(command, new Map(given), leave);
}

export function closeCommand() {
  suggestions.close();
  box.hidden = true;
  box.replaceChildren();
  form = null;
}

class Form {
  constructor(command, given, leave) {
    this.command = command;
    this.leave = leave;
    this.fields = [];
    this.row = h('div', { class: 'command-row' }, h('span', { class: 'command-name' }, `/${command.words}`));
    this.more = h('span', { class: 'command-more' });
    this.hint = h('div', { class: 'command-hint', id: 'command-hint' }, command.description);
    this.send = h('button', { type: 'button', class: 'sign send', 'aria-label': 'Run command', title: 'Run command', onclick: () => this.run() }, icon('send'));
    const cancel = h('button', { type: 'button', class: 'sign', 'aria-label': 'Cancel command', title: 'Cancel', onclick: () => this.cancel() }, icon('close'));
    fill(box, this.hint, h('div', { class: 'command-line' }, this.row, cancel, this.send));
    box.hidden = false;
    for (const option of command.options) {
      if (canFill(option) && (option.required || given.has(option.name))) this.add(option, given.get(option.name) ?? '');
    }
    // Where nothing has to be filled in, the first thing that can be is at hand; Enter runs it without.
    const optional = command.options.find(canFill);
    if (!this.fields.length && optional) this.add(optional);
    this.drawMore();
    const first = this.fields.find((field) => !field.input.value) ?? this.fields[0];
    if (first) first.input.focus();
    else this.send.focus();
    box.onkeydown = (event) => this.key(event);
  }

  add(option, value = '') {
    const id = `option-${option.name}`;
    const input = h('input', {
      id, value, autocomplete: 'off', spellcheck: 'false', role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'suggestions',
      'aria-autocomplete': 'list', 'aria-describedby': 'command-hint', 'aria-required': option.required ? 'true' : undefined, 'data-option': option.name,
    });
    const field = { option, input, value: value || null, node: h('span', { class: 'option-field' }, h('label', { for: id }, option.name), input) };
    const size = () => {
      input.style.width = `${Math.min(36, Math.max(5, input.value.length + 2))}ch`;
    };
    input.addEventListener('input', () => {
      field.value = null;
      field.node.classList.remove('wrong');
      size();
      this.suggest(field, TYPING_PAUSE);
    });
    input.addEventListener('focus', () => {
      fill(this.hint, h('strong', null, option.name), ' ', option.description, h('span', { class: 'dim' }, ` — ${describe(option)}`));
      this.suggest(field, 0);
    });
    input.addEventListener('blur', () => suggestions.close());
    this.fields.push(field);
    this.row.insertBefore(field.node, this.more.isConnected ? this.more : null);
    size();
    return field;
  }

  /** The optional options that are not there yet. */
  drawMore() {
    const left = this.command.options.filter((option) => canFill(option) && !this.fields.some((field) => field.option === option));
    const button = (option) =>
      h('button', { type: 'button', class: 'option-add', title: option.description, 'aria-label': `Add option ${option.name}: ${option.description}`, onclick: () => {
        this.add(option).input.focus();
        this.drawMore();
      } }, icon('plus'), option.name);
    fill(this.more, left.map(button));
    if (!this.more.isConnected) this.row.append(this.more);
  }

  given() {
    return this.fields.map((field) => [field.option.name, field.value ?? field.input.value.trim()]).filter(([, value]) => value !== '');
  }

  suggest(field, pause) {
    clearTimeout(this.timer);
    const { option, input } = field;
    if (!option.autocomplete && !option.choices?.length && ![5, 6, 7].includes(option.type)) {
      suggestions.close();
      return;
    }
    this.timer = setTimeout(async () => {
      this.asked = (this.asked ?? 0) + 1;
      const { asked } = this;
      const current = () => form === this && asked === this.asked && document.activeElement === input;
      if (option.autocomplete) suggestions.note(input, 'Loading options…');
      let list;
      try {
        list = await choices(this.command, option, this.given(), input.value.trim());
      } catch {
        if (current()) suggestions.note(input, 'Loading options failed');
        return;
      }
      if (!current()) return;
      const pick = (choice) => {
        input.value = choice.name;
        field.value = choice.value;
        field.node.classList.remove('wrong');
        input.style.width = `${Math.min(36, choice.name.length + 2)}ch`;
        suggestions.close();
        this.next(field);
      };
      if (list.length) suggestions.show(input, list.map((choice) => ({ ...choice, pick: () => pick(choice) })), { title: option.name, first: Boolean(input.value) });
      else suggestions.note(input, 'No options match your search');
    }, pause);
  }

  /** On to the next empty field. */
  next(field) {
    const after = this.fields.slice(this.fields.indexOf(field) + 1).find((one) => !one.input.value);
    (after?.input ?? field.input).focus();
    if (!after) suggestions.close();
  }

  key(event) {
    const field = this.fields.find((one) => one.input === event.target);
    if (field && suggestions.key(event)) return;
    if (event.key === 'Enter' && field && !event.isComposing) {
      event.preventDefault();
      this.run();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (!suggestions.close()) this.cancel();
    } else if (event.key === 'Backspace' && field && !field.input.value) {
      event.preventDefault();
      this.back(field);
    }
  }

  back(field) {
    const place = this.fields.indexOf(field);
    if (field.option.required || place < 0) {
      if (place > 0) this.fields[place - 1].input.focus();
      else this.cancel(`/${this.command.words}`);
      return;
    }
    this.fields.splice(place, 1);
    field.node.remove();
    this.drawMore();
    const before = this.fields[place - 1] ?? this.fields[0];
    if (before) before.input.focus();
    else this.cancel(`/${this.command.words}`);
  }

  cancel(text = '') {
    const { leave } = this;
    closeCommand();
    leave(text);
  }

  run() {
    const missing = this.fields.filter((field) => field.option.required && !field.input.value.trim());
    for (const field of missing) field.node.classList.add('wrong');
    if (missing.length) {
      fill(this.hint, h('span', { class: 'failed', role: 'alert' }, `${missing[0].option.name}: this option is required. Specify a value.`));
      missing[0].input.focus();
      fill(this.hint, h('span', { class: 'failed', role: 'alert' }, `${missing[0].option.name}: this option is required. Specify a value.`));
      return;
    }
    const { command } = this;
    const options = this.given();
    this.cancel();
    runCommand(command.words, options);
  }
}

/** Runs a command where one is. */
export function runCommand(words, options) {
  emit('did', { kind: 'slash', command: words, options });
  return interact('slash', { channel: store.here, command: words, options }, { label: `/${words}` });
}
