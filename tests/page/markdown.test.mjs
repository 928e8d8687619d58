// Discord's Markdown as the page reads it. Run by scripts/test with `node --test`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isTable, parse, parseInline, plainText } from '../../src/sim/page/markdown.js';

/** A tree in a line: `strong(a em(b))`. */
function short(nodes) {
  return nodes.map((node) => {
    if (node.t === 'text') return node.v;
    if (node.t === 'code') return `code[${node.v}]`;
    if (node.t === 'fence') return `fence:${node.lang}[${node.v}]`;
    if (node.t === 'list') return `${node.ordered ? `ol${node.start}` : 'ul'}(${node.items.map(short).join('|')})`;
    if (node.t === 'link') return `link<${node.href}>(${short(node.c)})`;
    if (node.t === 'mention') return `${node.kind}<${node.id}>`;
    if (node.t === 'time') return `time<${node.unix}:${node.style}>`;
    if (node.t === 'emoji') return `emoji<${node.name}>`;
    if (node.t === 'everyone') return `ping<${node.v}>`;
    return `${node.t}${node.level ?? ''}(${short(node.c)})`;
  }).join('');
}

const reads = (text, expected) => assert.equal(short(parse(text)), expected, JSON.stringify(text));

test('emphasis', () => {
  reads('**bold** and *italic* and _italic_', 'strong(bold) and em(italic) and em(italic)');
  reads('***both***', 'em(strong(both))');
  reads('__under__ ~~gone~~ ||secret||', 'u(under) s(gone) spoiler(secret)');
  reads('**a *b* c**', 'strong(a em(b) c)');
  reads('*a **b** c*', 'em(a strong(b) c)');
  reads('snake_case_name and 2 * 3 * 4', 'snake_case_name and 2 * 3 * 4');
  reads('**open', '**open');
  reads('****', '****');
  reads('** **', '** **');
  reads('||**||', 'spoiler(**)');
});

test('escapes', () => {
  reads('\\*not\\* \\_this\\_ \\`x\\` \\\\', '*not* _this_ `x` \\');
  reads('C:\\dir\\new', 'C:\\dir\\new');
  reads('\\# no heading', '# no heading');
  reads('**a \\** b**', 'strong(a ** b)');
});

test('code', () => {
  reads('`a`', 'code[a]');
  reads('``a ` b``', 'code[a ` b]');
  reads('`` `a` ``', 'code[`a`]');
  reads('`**x**` **`y`**', 'code[**x**] strong(code[y])');
  reads('`open', '`open');
  reads('a `b\n# c` d', 'a code[b\n# c] d');
});

test('fences', () => {
  reads('```rust\nfn x() {}\n```', 'fence:rust[fn x() {}]');
  reads('```\nplain\n```', 'fence:[plain]');
  reads('```one line```', 'fence:[one line]');
  reads('before\n```js\n# no heading\n- no list\n```\nafter', 'beforefence:js[# no heading\n- no list]after');
  reads('mid ```x``` line', 'mid fence:[x] line');
  reads('```\nnever closed', '```\nnever closed');
  reads('```\n```', '```\n```');
  reads('```\na\n\n  b\n```', 'fence:[a\n\n  b]');
  reads('```diff\n-a\n+b\n```', 'fence:diff[-a\n+b]');
});

test('headings and small text', () => {
  reads('# One\n## Two\n### Three\n#### Four', 'h1(One)h2(Two)h3(Three)#### Four');
  reads('#nothing\n#', '#nothing\n#');
  reads('text\n# Heading\nmore', 'texth1(Heading)more');
  reads('-# small *x*\nnot', 'small(small em(x))not');
  reads('a # b', 'a # b');
});

test('quotes', () => {
  reads('> a\n> b\nc', 'quote(a\nb)c');
  reads('>>> a\nb\n\nc', 'quote(a\nb\n\nc)');
  reads('>no quote', '>no quote');
  reads('> # Heading\n> - one\n> -# small', 'quote(h1(Heading)ul(one)small(small))');
  reads('> > deeper', 'quote(> deeper)');
  reads('a\n> ```\n> x\n> ```', 'aquote(fence:[x])');
});

test('lists', () => {
  reads('- a\n- b', 'ul(a|b)');
  reads('* a\n* b\n\ntext', 'ul(a|b)\ntext');
  reads('1. a\n2. b', 'ol1(a|b)');
  reads('7. a\n8. b', 'ol7(a|b)');
  reads('- a\n  - b\n    - c\n- d', 'ul(aul(bul(c))|d)');
  reads('- a\n  more of a\n- b', 'ul(a\nmore of a|b)');
  reads('- a\n1. b', 'group(ul(a)ol1(b))');
  reads('-no list\n1.no list', '-no list\n1.no list');
  reads('a - b', 'a - b');
});

test('links', () => {
  reads('see https://example.com/a_b_c.', 'see link<https://example.com/a_b_c>(https://example.com/a_b_c).');
  reads('(https://example.com/a)', '(link<https://example.com/a>(https://example.com/a))');
  reads('https://example.com/a_(b)', 'link<https://example.com/a_(b)>(https://example.com/a_(b))');
  reads('<https://example.com>', 'link<https://example.com>(https://example.com)');
  reads('[a **b**](https://example.com)', 'link<https://example.com>(a strong(b))');
  reads('[a](https://example.com "title")', 'link<https://example.com>(a)');
  reads('**https://example.com**', 'strong(link<https://example.com>(https://example.com))');
  reads('https:// http://', 'https:// http://');
});

test('only http and https become links', () => {
  for (const address of ['javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', 'vbscript:x', 'JaVaScRiPt:alert(1)', ' javascript:alert(1)', '//evil.example']) {
    for (const text of [`[x](${address})`, `<${address}>`, address, `[x](<${address}>)`]) {
      assert.ok(!JSON.stringify(parse(text)).includes('"link"'), text);
    }
  }
});

test('a masked link cannot pretend to be another address', () => {
  reads('[https://good.example](https://evil.example)', '[link<https://good.example>(https://good.example)](link<https://evil.example>(https://evil.example))');
});

test('mentions, times and emoji', () => {
  reads('<@1> <@!2> <@&3> <#4>', 'user<1> user<2> role<3> channel<4>');
  reads('@everyone @here @hereabouts', 'ping<@everyone> ping<@here> @hereabouts');
  reads('<t:1700000000> <t:1700000000:R> <t:-5:d>', 'time<1700000000:f> time<1700000000:R> time<-5:d>');
  reads('<:omp:123> <a:omp:123>', 'emoji<omp> emoji<omp>');
  reads('<@x> <t:x> <::1>', '<@x> <t:x> <::1>');
});

test('markup is only ever text', () => {
  const hostile = ['<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"><svg/onload=alert(1)>', '&lt;b&gt; &#60;', '<!-- x', '</div>', '\u202e\u0000'];
  for (const text of hostile) reads(text, text);
  reads('**<b>x</b>**', 'strong(<b>x</b>)');
  reads('```html\n<script>x</script>\n```', 'fence:html[<script>x</script>]');
});

test('line breaks', () => {
  reads('a\nb\n\nc', 'a\nb\n\nc');
  reads('a\r\nb', 'a\nb');
  reads('', '');
  assert.deepEqual(parse(null), []);
  assert.deepEqual(parse(undefined), []);
});

test('a line without blocks', () => {
  assert.equal(short(parseInline('# **x** - y')), '# strong(x) - y');
});

test('plain words for previews', () => {
  assert.equal(plainText(parse('**a** `b` ||secret|| [c](https://example.com)')), 'a b █████ c');
});

test('no text takes long, however it is made', () => {
  const pieces = ['*', '**', '_', '__', '~~', '||', '`', '```', '[', '](', '> ', '- ', '  - ', '<', '<@', '\\', '# ', '\n', '\n> ', 'https://', '(', '***a', '_a ', '||a', '1. \n', '```a\n'];
  const began = performance.now();
  for (const one of pieces) {
    parse(one.repeat(Math.ceil(4096 / one.length)));
    for (const other of pieces) parse((one + other).repeat(Math.ceil(2000 / (one.length + other.length))));
  }
  const all = performance.now() - began;
  // About seven hundred texts of the largest size; what grows exponentially would not end at all.
  assert.ok(all < 60_000, `${all} ms`);
});

test('only a table as the bot draws it counts as one', () => {
  assert.ok(isTable('Name   | Size\n-------|------\na      |    1\n漢字   |    é'));
  assert.ok(isTable('a | b\n--|--'));
  for (const code of ['', 'rm -r build', 'a | b', 'cat a | sort\nls', 'x\n---\ny', 'a | b\n--|--\nrm -r build']) assert.ok(!isTable(code), JSON.stringify(code));
});

test('any text keeps its words', () => {
  // A small generator with a seed: the same texts on every run.
  let state = 7;
  const random = (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
  const bits = ['a', 'b ', '*', '**', '_', '`', '```', '\n', '> ', '- ', '# ', '-# ', '||', '~~', '[x](https://e.test)', '<@1>', '\\', '🚀', '<b>'];
  for (let round = 0; round < 3000; round += 1) {
    const text = Array.from({ length: 1 + random(24) }, () => bits[random(bits.length)]).join('');
    const words = (all) => all.replace(/[^a🚀]/gu, '');
    const seen = words(plainTextOf(parse(text)));
    assert.equal(seen, words(text), JSON.stringify(text));
  }
});

/** All words, hidden ones and languages of fences too. */
function plainTextOf(nodes) {
  return nodes.map((node) => {
    if (node.items) return node.items.map(plainTextOf).join('');
    const own = node.t === 'fence' ? `${node.lang}${node.v}` : (node.v ?? '');
    return node.c ? plainTextOf(node.c) : own;
  }).join('');
}
