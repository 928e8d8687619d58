// A person in front of the page: the things they do there, by the names that a screen reader would say.
import assert from 'node:assert/strict';

export class Visitor {
  constructor(page, demo) {
    this.page = page;
    this.demo = demo;
    this.input = page.locator('#input');
    this.messages = page.locator('#messages');
    this.suggestions = page.locator('#suggestions');
  }

  /** The message that says this; `by`: whose. The last, where there are several. */
  message(text, by) {
    // What a thread begins with repeats the prompt, and is nobody's words.
    const all = this.messages.locator(`article:not(.system)${by ? `[data-author="${by}"]` : ''}`);
    return all.filter({ hasText: text }).last();
  }

  byBot(text) {
    return this.message(text, 'ompcord');
  }

  async write(text) {
    await this.input.fill(text);
    await this.input.press('Enter');
  }

  /** A message of the bot that asks something with buttons or a menu. */
  question(text) {
    return this.messages.locator('article').filter({ hasText: text, has: this.page.locator('.components') }).last();
  }

  /** A button of the bot. The last, where there are several of the name. */
  button(label, within = this.messages) {
    return within.locator('.components').getByRole('button', { name: label, exact: true }).last();
  }

  /** Types a command, with a value for its first option, and runs it. */
  async command(words, value) {
    await this.input.pressSequentially(`/${words} `);
    const form = this.page.locator('#command');
    await form.locator('.command-name').filter({ hasText: `/${words}` }).waitFor();
    if (value) await this.page.keyboard.type(value);
    await form.getByRole('button', { name: 'Run command' }).click();
    await form.waitFor({ state: 'hidden' });
  }

  async act(message, label) {
    await message.hover();
    await message.getByRole('toolbar').getByRole('button', { name: label, exact: true }).click();
  }

  async be(name) {
    await this.page.locator('#me').click();
    await this.page.getByRole('menuitemradio', { name: new RegExp(`^${name}|\\b${name}\\b`) }).click();
    await this.page.locator('#me').filter({ hasText: name }).waitFor();
  }

  /** Opens a channel or a thread from the list at the left. */
  async open(id) {
    await this.page.locator(`#channels [data-channel-id="${id}"]`).click();
    await this.page.locator(`#channels [data-channel-id="${id}"][aria-current="page"]`).waitFor();
  }

  /** Writes a prompt in #home, launches an agent on it and goes into its thread, whose id is the message's. */
  async launch(prompt, mark = prompt) {
    await this.write(prompt);
    const message = this.message(mark);
    await this.act(message, 'React with 🚀');
    await message.locator('.thread-chip').click();
    // The thread gets the session's title sooner or later, so its place tells it, not its name.
    await this.page.locator('#channels .thread[aria-current="page"]').waitFor({ state: 'attached' });
    const id = await this.page.locator('#channels [aria-current="page"]').getAttribute('data-channel-id');
    assert.match(id, /^\d+$/);
    return id;
  }

  /** The place that is open, as its heading names it. */
  place() {
    return this.page.locator('#place h1').innerText();
  }

  /** Waits until a function of the page holds. */
  until(holds, argument) {
    return this.page.waitForFunction(holds, argument, { polling: 'raf' });
  }
}
