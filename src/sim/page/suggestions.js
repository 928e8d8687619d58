// The list above the input: commands, and what an option can be. The focus stays where one types; the list says which
// of its rows is meant.
import { fill, h } from './dom.js';

export class Suggestions {
  rows = [];
  at = -1;

  constructor(box) {
    this.box = box;
    // A press must not take the focus from where one types.
    box.addEventListener('mousedown', (event) => event.preventDefault());
  }

  get open() {
    return this.owner === this.box.owner && !this.box.hidden && this.rows.length > 0;
  }

  /** Shows rows `{name, about, pick}`. `first`: Enter takes the first without further ado. */
  show(input, rows, { title, first = true } = {}) {
    this.take(input);
    this.rows = rows;
    const row = (item, place) =>
      h('div', { role: 'option', id: `suggestion-${place}`, class: 'suggestion', 'aria-selected': 'false', onclick: () => item.pick() }, h('span', { class: 'suggestion-name' }, item.name), item.about && h('span', { class: 'dim' }, item.about));
    fill(this.box, title && h('div', { class: 'suggestion-title', role: 'presentation' }, title), rows.map(row));
    this.mark(first ? 0 : -1);
  }

  /** Shows a sentence instead. */
  note(input, text) {
    this.take(input);
    this.rows = [];
    this.at = -1;
    fill(this.box, h('div', { class: 'suggestion-title', role: 'status' }, text));
    input.removeAttribute('aria-activedescendant');
  }

  take(input) {
    if (this.input && this.input !== input) this.input.removeAttribute('aria-activedescendant');
    this.input = input;
    this.owner = Symbol('owner');
    this.box.owner = this.owner;
    this.box.hidden = false;
    this.tell('true');
  }

  /** A plain text box has no such state. */
  tell(open) {
    if (this.input?.getAttribute('role') === 'combobox') this.input.setAttribute('aria-expanded', open);
  }

  mark(place) {
    this.at = place;
    for (const [now, row] of [...this.box.querySelectorAll('[role=option]')].entries()) {
      row.setAttribute('aria-selected', String(now === place));
      if (now === place) row.scrollIntoView({ block: 'nearest' });
    }
    if (place >= 0) this.input.setAttribute('aria-activedescendant', `suggestion-${place}`);
    else this.input.removeAttribute('aria-activedescendant');
  }

  /** Closes it; whether it was open. */
  close() {
    if (this.owner !== this.box.owner || this.box.hidden) return false;
    this.box.hidden = true;
    this.rows = [];
    this.tell('false');
    this.input?.removeAttribute('aria-activedescendant');
    return true;
  }

  /** Takes the keys that are meant for the list. */
  key(event) {
    if (!this.open || event.isComposing) return false;
    const count = this.rows.length;
    if (event.key === 'ArrowDown') this.mark((this.at + 1) % count);
    else if (event.key === 'ArrowUp') this.mark((this.at - 1 + count) % count);
    else if ((event.key === 'Enter' || event.key === 'Tab') && this.at >= 0 && !event.shiftKey) this.rows[this.at].pick();
    else return false;
    event.preventDefault();
    return true;
  }
}
