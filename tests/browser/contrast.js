// Runs in the page: every piece of text that is to be seen there, with the contrast to what is behind it, as WCAG 2
// counts it. Colours go through a canvas, which reads all that the browser can write.

/** Texts whose contrast is below what they need (3 where it is large, 4.5 elsewhere), and how many were looked at. */
export function faintTexts() {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const rgba = (colour) => {
    if (!known.has(colour)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const linear = (part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (one, other) => (Math.max(light(one), light(other)) + 0.05) / (Math.min(light(one), light(other)) + 0.05);

  /** What is behind an element's text, and how much of both shows through. */
  const behind = (element) => {
    const layers = [];
    let opacity = 1;
    for (let node = element; node; node = node.parentElement) {
      const style = getComputedStyle(node);
      layers.push(rgba(style.backgroundColor));
      opacity *= Number(style.opacity);
      if (node.matches(':popover-open, dialog:modal')) break;
    }
    let colour = rgba(getComputedStyle(document.documentElement).colorScheme.includes('dark') ? '#000' : '#fff');
    for (const layer of layers.reverse()) colour = over(layer, colour);
    return { colour, opacity };
  };

  const faint = [];
  let seen = 0;
  const look = (element, text, style) => {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || box.bottom < 0 || box.top > innerHeight || box.right < 0 || box.left > innerWidth) return;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest('.unseen, .skip, :disabled, [inert], .spoiler:not(.shown)')) return;
    const under = behind(element);
    const front = over([...rgba(style.color).slice(0, 3), rgba(style.color)[3] * under.opacity], under.colour);
    const size = Number.parseFloat(style.fontSize);
    const needs = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
    seen += 1;
    const found = ratio(front, under.colour);
    if (found < needs - 0.005) faint.push(`${found.toFixed(2)} of ${needs}: "${text.slice(0, 40)}" in ${element.tagName.toLowerCase()}.${element.className}`);
  };

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    const element = walker.currentNode.parentElement;
    // Emoji have colours of their own.
    if (/[\p{L}\p{N}]/u.test(text)) look(element, text, getComputedStyle(element));
  }
  for (const field of document.querySelectorAll('input, textarea')) {
    if (field.value) look(field, field.value, getComputedStyle(field));
    else if (field.placeholder) look(field, field.placeholder, getComputedStyle(field, '::placeholder'));
  }
  return { faint, seen };
}
