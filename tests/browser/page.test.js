// All tests of the page in their order, with one demo and one browser. Each has its own messages and threads.
import { after, before } from 'node:test';
import { Demo } from './demo.js';
import { closeBrowser, openBrowser } from './stage.js';
import { commands } from './commands.js';
import { endurance } from './endurance.js';
import { hostile } from './hostile.js';
import { looks } from './looks.js';
import { panel } from './panel.js';
import { sessions } from './sessions.js';
import { volume } from './volume.js';

const demo = new Demo();

before(async () => {
  await Promise.all([openBrowser(), demo.begin().then(() => demo.online())]);
});
after(async () => {
  await closeBrowser();
  await demo.end();
});

sessions(demo);
commands(demo);
looks(demo);
panel(demo);
hostile(demo);
endurance(demo);
volume();
