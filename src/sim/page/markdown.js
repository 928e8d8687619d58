// Discord's Markdown as a tree of plain objects. It is no CommonMark: single newlines count, headings stop at ###,
// `__` underlines, `-#` is small, fences may begin anywhere. The tree knows no HTML, so there is nothing to escape;
// markdown-dom.js makes nodes of it. Without a DOM it can be tested in Node.

const DEEPEST = 12;

const FENCE = /```(?:([a-z0-9_+\-.#]+?)\n)?\n*([^\n][^]*?)\n*```/iy;
const CODE = /(`+)([^]*?[^`])\1(?!`)/y;
const HEADING = /(#{1,3})[ \t]+([^\n]*[^\s#][^\n]*?)[ \t]*#*(?:\n|$)/y;
const SMALL = /-#[ \t]+([^\n]*\S[^\n]*)(?:\n|$)/y;
const QUOTE = /(?:>[ ][^\n]*(?:\n|$)|>(?:\n|$)(?=>))+/y;
const REST_QUOTE = />>>[ ]([^]+)/y;
const ITEM = /([ \t]*)([-*]|\d{1,9}\.)[ \t]+(\S[^\n]*)(?:\n|$)/y;
const CONTINUED = /([ \t]+)(\S[^\n]*)(?:\n|$)/y;

const ESCAPED = /\\([^0-9A-Za-z\s])/y;
const ANGLE = /<(?:(@!?|@&|#)(\d{1,20})|t:(-?\d{1,13})(?::([tTdDfFRsS]))?|a?:(\w{2,32}):(\d{1,20})|(https?:\/\/[^\s<>]+)|\/([\w -]{1,100}):(\d{1,20}))>/y;
const MASKED = /\[((?:\\[^]|[^[\]\\]|\[[^[\]]*\])+)\]\(\s*<?(https?:\/\/(?:[^\s()<>]|\([^\s()<>]*\))+)>?(?:\s+"([^"\n]*)")?\s*\)/iy;
const BARE = /https?:\/\/(?:(?!\]\()[^\s<>])+/iy;
const EVERYONE = /@(?:everyone|here)(?!\w)/y;

const PAIRS = [
  ['***', /\*\*\*(?=\S)((?:\\[^]|[^\\])+?)\*\*\*(?!\*)/y, ['em', 'strong']],
  ['**', /\*\*((?:\\[^]|[^\\])+?)\*\*(?!\*)/y, ['strong']],
  ['*', /\*(?=\S)((?:\*\*|\\[^]|\s+(?:\\[^]|[^*\s\\]|\*\*)|[^\s*\\])+?)\*(?!\*)/y, ['em']],
  ['___', /___((?:\\[^]|[^\\])+?)___(?!_)/y, ['em', 'u']],
  ['__', /__((?:\\[^]|[^\\])+?)__(?!_)/y, ['u']],
  ['_', /_((?:__|\\[^]|[^\\_])+?)_(?![0-9A-Za-z_])/y, ['em']],
  ['~~', /~~((?:\\[^]|[^\\])+?)~~(?!~)/y, ['s']],
  ['||', /\|\|([^]+?)\|\|/y, ['spoiler']],
];

function at(pattern, text, position) {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

/** The whole of a message, a description or a field. */
export function parse(text) {
  return blocks(String(text ?? '').replaceAll('\r\n', '\n'), { quoted: false, depth: 0 });
}

/** Whether code is a table, as the bot draws one: its second line is a rule, and the bars go through all of them. */
export function isTable(code) {
  const [head, rule, ...rows] = code.split('\n');
  if (!/^-+(?:\|-+)+$/.test(rule ?? '')) return false;
  const bars = rule.split('|').length;
  return [head, ...rows].every((row) => row.split('|').length >= bars);
}

/** One line without blocks, such as a title. */
export function parseInline(text) {
  return inline(String(text ?? ''), 0);
}

function blocks(text, state) {
  const nodes = [];
  let position = 0;
  while (position < text.length) {
    const found = block(text, position, state);
    if (found) {
      nodes.push(found.node);
      position = found.end;
      // The line break that ends a block is its own; one more is an empty line.
      continue;
    }
    const end = paragraphEnd(text, position, state);
    let piece = text.slice(position, end);
    if (end < text.length && piece.endsWith('\n')) piece = piece.slice(0, -1);
    if (piece) nodes.push(...inline(piece, state.depth));
    else if (end > position) nodes.push({ t: 'text', v: '\n' });
    position = end;
  }
  return nodes;
}

/** The block that starts here, if one does. Only a fence may start in the middle of a line. */
function block(text, position, { quoted, depth }) {
  const fence = at(FENCE, text, position);
  if (fence) {
    const after = text[FENCE.lastIndex] === '\n' ? 1 : 0;
    return { node: { t: 'fence', lang: fence[1] ?? '', v: fence[2] }, end: FENCE.lastIndex + after };
  }
  if (position > 0 && text[position - 1] !== '\n') return null;
  if (depth > DEEPEST) return null;
  let found = at(HEADING, text, position);
  if (found) return { node: { t: 'h', level: found[1].length, c: inline(found[2], depth + 1) }, end: HEADING.lastIndex };
  found = at(SMALL, text, position);
  if (found) return { node: { t: 'small', c: inline(found[1], depth + 1) }, end: SMALL.lastIndex };
  if (!quoted) {
    const inner = { quoted: true, depth: depth + 1 };
    found = at(REST_QUOTE, text, position);
    if (found) return { node: { t: 'quote', c: blocks(found[1], inner) }, end: text.length };
    found = at(QUOTE, text, position);
    if (found) {
      const content = found[0].replace(/^> ?/gm, '').replace(/\n$/, '');
      return { node: { t: 'quote', c: blocks(content, inner) }, end: position + found[0].length };
    }
  }
  return list(text, position, depth);
}

/** Lines of items; deeper indentation is a list in the item above. */
function list(text, position, depth) {
  const first = at(ITEM, text, position);
  if (!first) return null;
  const rows = [];
  let end = position;
  for (;;) {
    const item = at(ITEM, text, end);
    if (item) {
      rows.push({ indent: item[1].replaceAll('\t', '  ').length, mark: item[2], text: item[3] });
      end = ITEM.lastIndex;
      continue;
    }
    const more = at(CONTINUED, text, end);
    if (!more || more[1].length < 2) break;
    rows[rows.length - 1].text += `\n${more[2]}`;
    end = CONTINUED.lastIndex;
  }
  const lists = nest(rows, depth);
  return { node: lists.length === 1 ? lists[0] : { t: 'group', c: lists }, end };
}

const isOrdered = (row) => /\d/.test(row.mark);

/** Rows of one indentation and deeper as lists; where bullets turn into numbers, another list begins. */
function nest(rows, depth) {
  const lists = [];
  let next = 0;
  while (next < rows.length) {
    const row = rows[next];
    const from = next + 1;
    next = from;
    while (next < rows.length && rows[next].indent > row.indent) next += 1;
    const item = inline(row.text, depth + 1);
    const below = rows.slice(from, next);
    if (below.length && depth < DEEPEST) item.push(...nest(below, depth + 1));
    else for (const other of below) item.push({ t: 'text', v: `\n${other.mark} ${other.text}` });
    const last = lists.at(-1);
    if (last && last.ordered === isOrdered(row)) last.items.push(item);
    else lists.push({ t: 'list', ordered: isOrdered(row), start: isOrdered(row) ? Number.parseInt(row.mark, 10) : 1, items: [item] });
  }
  return lists;
}

/** Where the running text that starts here ends: before the next block, which code may not hide. */
function paragraphEnd(text, position, state) {
  let now = position;
  while (now < text.length) {
    const char = text[now];
    if (char === '\\') now += 2;
    else if (char === '`') {
      if (now > position && at(FENCE, text, now)) return now;
      const code = at(CODE, text, now);
      now = code ? CODE.lastIndex : now + 1;
      while (!code && text[now] === '`') now += 1;
    } else if (char === '\n') {
      now += 1;
      if (now < text.length && block(text, now, state)) return now;
    } else now += 1;
  }
  return text.length;
}

function inline(text, depth) {
  const nodes = [];
  let plain = '';
  let position = 0;
  const add = (node) => {
    if (plain) nodes.push({ t: 'text', v: plain });
    plain = '';
    nodes.push(node);
  };
  while (position < text.length) {
    const found = token(text, position, depth);
    if (!found) {
      const char = String.fromCodePoint(text.codePointAt(position));
      plain += char;
      position += char.length;
    } else {
      if (found.node.t === 'text') plain += found.node.v;
      else add(found.node);
      position = found.end;
    }
  }
  if (plain) nodes.push({ t: 'text', v: plain });
  return nodes;
}

function token(text, position, depth) {
  switch (text[position]) {
    case '\\': {
      const found = at(ESCAPED, text, position);
      return found && { node: { t: 'text', v: found[1] }, end: ESCAPED.lastIndex };
    }
    case '`': return code(text, position);
    case '<': return angle(text, position);
    case '@': {
      const found = at(EVERYONE, text, position);
      return found && { node: { t: 'everyone', v: found[0] }, end: EVERYONE.lastIndex };
    }
    case '[': return masked(text, position, depth);
    case 'h': case 'H': return bare(text, position);
    case '*': case '_': case '~': case '|': return paired(text, position, depth);
    default: return null;
  }
}

function code(text, position) {
  const found = at(CODE, text, position);
  if (!found?.[2].trim()) {
    // A run of backticks that nothing closes is text as a whole, not a shorter run that might fit.
    const run = /`+/y;
    const whole = at(run, text, position)[0];
    return { node: { t: 'text', v: whole }, end: position + whole.length };
  }
  const inner = found[2].replace(/^ (?=`)|(?<=`) $/g, '');
  return { node: { t: 'code', v: inner }, end: position + found[0].length };
}

function angle(text, position) {
  const found = at(ANGLE, text, position);
  if (!found) return null;
  const [, sign, id, unix, style, emoji, , url, command] = found;
  let node;
  if (sign) node = { t: 'mention', kind: { '@': 'user', '@!': 'user', '@&': 'role', '#': 'channel' }[sign], id };
  else if (unix) node = { t: 'time', unix: Number(unix), style: style ?? 'f' };
  else if (emoji) node = { t: 'emoji', name: emoji };
  else if (command) node = { t: 'command', name: command };
  else node = { t: 'link', href: url, c: [{ t: 'text', v: url }] };
  return { node, end: position + found[0].length };
}

function masked(text, position, depth) {
  const found = at(MASKED, text, position);
  if (!found || depth > DEEPEST) return null;
  // A label that looks like another address could deceive about where it leads; Discord leaves it as text.
  if (/https?:\/\//i.test(found[1])) return null;
  const c = inline(found[1], depth + 1);
  return { node: { t: 'link', href: found[2], title: found[3], masked: true, c }, end: position + found[0].length };
}

function bare(text, position) {
  const before = position > 0 ? text[position - 1] : '';
  if (/[0-9A-Za-z]/.test(before)) return null;
  const found = at(BARE, text, position);
  if (!found) return null;
  let url = found[0];
  for (;;) {
    const last = url.at(-1);
    if (last === ')' && url.split('(').length >= url.split(')').length) break;
    if (!'.,:;!?"\')]*_~|`'.includes(last)) break;
    url = url.slice(0, -1);
  }
  if (!/^https?:\/\/[^/]/i.test(url)) return null;
  return { node: { t: 'link', href: url, c: [{ t: 'text', v: url }] }, end: position + url.length };
}

function paired(text, position, depth) {
  if (depth > DEEPEST) return null;
  const inWord = text[position] === '_' && position > 0 && /[0-9A-Za-z]/.test(text[position - 1]);
  for (const [mark, pattern, kinds] of PAIRS) {
    if (!text.startsWith(mark, position) || (inWord && mark === '_')) continue;
    const found = at(pattern, text, position);
    if (!found || !found[1].replaceAll(mark[0], '').trim()) continue;
    const end = pattern.lastIndex;
    const c = kinds.reduceRight((inner, t) => [{ t, c: inner }], inline(found[1], depth + 1));
    return { node: c[0], end };
  }
  // What opens nothing is text as a whole: `**` must not become an empty `*`.
  const run = /\*+|_+|~+|\|+/y;
  const whole = at(run, text, position)[0];
  return { node: { t: 'text', v: whole }, end: position + whole.length };
}

/** The words without their marks, for previews and screen readers. */
export function plainText(nodes) {
  return nodes.map((node) => {
    if (node.t === 'spoiler') return '█████';
    if (node.items) return `\n${node.items.map((item) => `• ${plainText(item)}`).join('\n')}`;
    if (node.c) return plainText(node.c);
    return node.v ?? node.name ?? '';
  }).join('');
}
