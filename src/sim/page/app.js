// Puts the page together: what is open, who looks, and the keys that work everywhere.
import { listen } from './feed.js';
import { startTheme, neighbour } from './sidebar.js';
import { startPanel } from './panel.js';
import { open, rebuild } from './timeline.js';
import { closeFloating } from './floating.js';
import { emit, on, people, remember, store } from './store.js';
import './header.js';
import './actions.js';
import './composer.js';
import './modal.js';

const app = document.getElementById('app');
const menu = document.getElementById('menu');
const scrim = document.getElementById('scrim');

function goTo(channel, message) {
  if (!store.channels.has(channel)) return;
  showChannels(false);
  if (channel !== store.here || message) {
    open(channel, message);
    emit('read', channel);
    remember();
  }
}

/** On a phone the channels slide in over the messages. */
function showChannels(shown) {
  app.classList.toggle('channels-shown', shown);
  menu.setAttribute('aria-expanded', String(shown));
}

menu.addEventListener('click', () => {
  const shown = !app.classList.contains('channels-shown');
  showChannels(shown);
  if (shown) document.querySelector('#channels .current, #channels button')?.focus();
});
scrim.addEventListener('click', () => showChannels(false));

on('goto', ({ channel, message }) => goTo(channel, message));

// Links to places are everywhere: in texts, chips, lists and menus.
document.addEventListener('click', (event) => {
  const link = event.target.closest('[data-goto-channel]');
  if (!link) return;
  if (link.closest('.floating')) closeFloating();
  goTo(link.dataset.gotoChannel, link.dataset.gotoMessage);
});

document.addEventListener('keydown', (event) => {
  if (event.altKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault();
    goTo(neighbour(event.key === 'ArrowDown' ? 1 : -1));
  } else if (event.key === 'Escape' && app.classList.contains('channels-shown')) {
    showChannels(false);
    menu.focus();
  }
});

/** The world is new, or somebody else looks: everything is read again. */
function start() {
  const names = people().map(({ name }) => name);
  if (!names.includes(store.me)) store.me = names.find((name) => people().find((one) => one.name === name).allowed) ?? names[0];
  const here = store.channels.has(store.here) ? store.here : store.home;
  emit('known');
  rebuild();
  open(here);
}

on('reset', start);
on('me', () => {
  rebuild();
  open(store.here);
});
on('gone', (all) => {
  if (all.some(({ kind, id }) => kind === 'channel' && id === store.here)) open(store.home);
});

// On a phone the keyboard takes a part of the height, which no style sheet knows.
function fit() {
  const height = visualViewport?.height;
  if (height) document.documentElement.style.setProperty('--height', `${Math.round(height)}px`);
}
visualViewport?.addEventListener('resize', fit);

startTheme();
await startPanel();
listen();
