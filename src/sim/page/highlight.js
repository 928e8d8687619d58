// Colours code. The library is asked for its tree of tokens, never for HTML, so its output needs no trust; that the
// tree is where it is said to be holds for the version that scripts/vendor-page pins.
import hljs from './vendor/highlight.min.js';
import { h } from './dom.js';

const LONGEST = 50_000;

/** Nodes for a piece of code; plain text where the language is not known. */
export function highlight(code, language) {
  const known = language && hljs.getLanguage(language) && code.length <= LONGEST;
  if (!known) return [document.createTextNode(code)];
  try {
    return hljs.highlight(code, { language, ignoreIllegals: true })._emitter.rootNode.children.map(token);
  } catch {
    return [document.createTextNode(code)];
  }
}

function token(item) {
  if (typeof item === 'string') return document.createTextNode(item);
  const scope = String(item.scope ?? '').split('.')[0].replace(/[^a-z_-]/gi, '');
  return h('span', { class: scope ? `c-${scope}` : undefined }, item.children.map(token));
}

const BY_ENDING = { rs: 'rust', py: 'python', js: 'javascript', mjs: 'javascript', ts: 'typescript', yml: 'yaml', toml: 'ini', md: 'markdown', sh: 'bash', patch: 'diff', h: 'c', html: 'xml', svg: 'xml' };

/** The language that a file's name speaks of. */
export function languageOf(name) {
  const ending = name.includes('.') ? name.split('.').pop().toLowerCase() : '';
  const language = BY_ENDING[ending] ?? ending;
  return language && hljs.getLanguage(language) ? language : '';
}
