// Short words to the person: toasts for what they see, a live region for what they hear.
import { h } from './dom.js';

const LASTS = 6000;

export function toast(text, kind = 'note') {
  const node = h('div', { class: `toast ${kind}`, role: kind === 'problem' ? 'alert' : 'status' }, text);
  document.getElementById('toasts').append(node);
  setTimeout(() => node.remove(), LASTS);
}

let spoken = [];
let speaking = 0;

/** Says something to a screen reader; what comes at once is said together, the newest of it. */
export function announce(text) {
  spoken.push(text);
  if (speaking) return;
  speaking = setTimeout(() => {
    speaking = 0;
    const last = spoken.slice(-3).join('\n');
    spoken = [];
    document.getElementById('spoken').replaceChildren(last);
  }, 700);
}
