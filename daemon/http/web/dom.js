// Elements, made without markup: a text is always a text.

// make('div', {class: 'x', role: 'row'}, child, 'text', …)
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

// Changes a text only if it is another: what stays costs nothing.
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function byId(id) {
  return document.getElementById(id);
}

// An id as people read it: the name, and its tags apart.
export function nameParts(id) {
  const at = id.indexOf('|#');
  return at < 0 ? [id, ''] : [id.slice(0, at), id.slice(at + 2).replaceAll(',', '  ')];
}

// A function that calls `work` once before the next frame, however often it is called.
export function eachFrame(work) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; work(); });
  };
}

// A bar: aria-valuenow and the width of its filled part.
export function setBar(bar, fraction) {
  const known = Number.isFinite(fraction);
  const part = known ? Math.min(1, Math.max(0, fraction)) : 0;
  bar.firstElementChild.style.transform = `scaleX(${part})`;
  bar.classList.toggle('unknown', !known);
  bar.classList.toggle('done', known && fraction >= 1);
  if (known) bar.setAttribute('aria-valuenow', (part * 100).toFixed(1));
  else bar.removeAttribute('aria-valuenow');
}

export function makeBar(label) {
  return make('div', { class: 'bar', role: 'progressbar', 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-label': label },
    make('div', { class: 'fill' }));
}
