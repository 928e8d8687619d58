// Menus, pickers and little windows beside what opened them. They are popovers: the browser closes them on Escape and
// on a click elsewhere. On a phone they are sheets at the bottom.
import { h } from './dom.js';

const GAP = 6;
let current = null;

/** Opens a popover beside an element. Returns what closes it. */
export function float(anchor, content, { label, role = 'dialog', kind = '', sheet = true, onclose } = {}) {
  current?.();
  const box = h('div', { popover: 'auto', class: `floating ${kind}${sheet ? ' sheet' : ''}`, role, 'aria-label': label }, content);
  document.getElementById('main').append(box);
  const close = () => {
    if (box.isConnected) box.hidePopover();
  };
  box.addEventListener('toggle', (event) => {
    if (event.newState !== 'closed') return;
    const inside = box.contains(document.activeElement) || document.activeElement === document.body;
    box.remove();
    anchor.removeAttribute('aria-expanded');
    if (current === close) current = null;
    if (inside && anchor.isConnected) anchor.focus({ preventScroll: true });
    onclose?.();
  });
  box.showPopover();
  anchor.setAttribute('aria-expanded', 'true');
  place(box, anchor);
  current = close;
  (box.querySelector('[autofocus], [aria-selected="true"]') ?? box.querySelector('button, input, [tabindex="0"]'))?.focus({ preventScroll: true });
  return close;
}

export const closeFloating = () => current?.();

/** Above or below, wherever there is more room, and never over the edge. On a phone the style sheet decides. */
function place(box, anchor) {
  if (matchMedia('(max-width: 720px)').matches && box.classList.contains('sheet')) return;
  const from = anchor.getBoundingClientRect();
  const size = box.getBoundingClientRect();
  const below = innerHeight - from.bottom;
  const top = below > size.height + GAP || below > from.top ? from.bottom + GAP : from.top - size.height - GAP;
  const left = Math.min(Math.max(GAP, from.right - size.width > GAP && from.left + size.width > innerWidth ? from.right - size.width : from.left), innerWidth - size.width - GAP);
  box.style.top = `${Math.max(GAP, Math.min(top, innerHeight - size.height - GAP))}px`;
  box.style.left = `${Math.max(GAP, left)}px`;
}

/** Arrow keys, Home and End move between the items of a list or a menu. */
export function rove(box, selector) {
  box.addEventListener('keydown', (event) => {
    const items = [...box.querySelectorAll(selector)];
    const now = items.indexOf(document.activeElement);
    const next = { ArrowDown: now + 1, ArrowRight: now + 1, ArrowUp: now - 1, ArrowLeft: now - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next === undefined || !items.length) return;
    event.preventDefault();
    items[(next + items.length) % items.length].focus();
  });
  return box;
}
