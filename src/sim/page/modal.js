// A form that an interaction opened. The dialog element keeps the focus inside and closes on Escape.
import { h } from './dom.js';
import { interact } from './hands.js';
import { emit, on } from './store.js';

on('modal', open);

function open({ id, modal }) {
  const fields = modal.inputs.map(field);
  const problem = h('p', { class: 'failed', role: 'alert', hidden: true });
  const submit = h('button', { type: 'submit', class: 'button primary' }, 'Submit');
  const cancel = h('button', { type: 'button', class: 'button plain', onclick: () => dialog.close() }, 'Cancel');
  const form = h('form', { method: 'dialog', novalidate: true }, h('h2', { id: 'modal-title' }, modal.title), h('div', { class: 'modal-fields' }, fields.map((one) => one.node), problem), h('div', { class: 'modal-foot' }, cancel, submit));
  const dialog = h('dialog', { class: 'modal', 'aria-labelledby': 'modal-title', 'data-custom-id': modal.custom_id }, form);
  dialog.addEventListener('close', () => dialog.remove());
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const wrong = fields.find((one) => !one.check());
    if (wrong) {
      wrong.input.focus();
      return;
    }
    problem.hidden = true;
    submit.disabled = true;
    submit.classList.add('waits');
    const inputs = Object.fromEntries(fields.map((one) => [one.input.name, one.input.value]));
    const reply = await interact('modal', { interaction: id, inputs });
    submit.disabled = false;
    submit.classList.remove('waits');
    if (reply && !reply.failed) {
      emit('did', { kind: 'modal' });
      dialog.close();
      return;
    }
    problem.textContent = 'Something went wrong. Try again.';
    problem.hidden = false;
  });
  document.body.append(dialog);
  dialog.showModal();
  fields[0]?.input.focus();
}

let made = 0;

/** A labelled input with its counter and its own complaint. */
function field({ custom_id: name, label, value, placeholder, paragraph, required, most }) {
  made += 1;
  const [id, note] = [`field-${made}`, `note-${made}`];
  const input = h(paragraph ? 'textarea' : 'input', {
    id, name, value: value ?? '', placeholder: placeholder || undefined, maxlength: most, rows: paragraph ? 5 : undefined,
    'aria-required': required ? 'true' : undefined, 'aria-describedby': note, autocomplete: 'off',
  });
  const complaint = h('span', { class: 'failed' });
  const count = h('span', { class: 'count' });
  const update = () => {
    count.textContent = `${[...input.value].length.toLocaleString()} / ${Number(most).toLocaleString()}`;
    complaint.textContent = '';
    input.removeAttribute('aria-invalid');
  };
  input.addEventListener('input', update);
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) input.form.requestSubmit();
  });
  update();
  const check = () => {
    if (!required || input.value.trim()) return true;
    complaint.textContent = 'This field is required.';
    input.setAttribute('aria-invalid', 'true');
    return false;
  };
  const star = required && h('span', { class: 'star', 'aria-hidden': 'true' }, ' *');
  const node = h('div', { class: 'modal-field' }, h('label', { for: id }, label, star), input, h('div', { class: 'modal-note', id: note }, complaint, count));
  return { node, input, check };
}
