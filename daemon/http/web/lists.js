// Progress and flags, which people look for first: the latest few above the table.

import { C, FLAG, PROGRESS } from './columns.js';
import { byId, make, makeBar, nameParts, put, setBar } from './dom.js';
import * as format from './format.js';
import { doneText, restText } from './row.js';

const BARS = 6;
const FLAGS = 16;
const LOOKED_AT = 5000; // of more, the latest are not looked for

class Bar {
  constructor(onopen) {
    this.name = make('span', { class: 'name' });
    this.tags = make('span', { class: 'tags' });
    this.figures = make('span', { class: 'figures' });
    this.rest = make('span', { class: 'rest' });
    this.bar = makeBar('progress');
    this.element = make('button', { type: 'button', class: 'progress' }, make('span', { class: 'title' }, this.name, this.tags), this.rest,
      this.bar, this.figures);
    this.element.addEventListener('click', () => onopen(this.number));
  }

  show(model, number) {
    this.number = number;
    const [name, tags] = nameParts(model.ids[number]);
    const rate = model.value(number, C.rate), fraction = model.value(number, C.value);
    put(this.name, name);
    put(this.tags, tags);
    put(this.figures, [doneText(model, number), Number.isFinite(fraction) ? format.percent(fraction) : 'total not known',
      Number.isFinite(rate) ? `${format.short(rate)}/s` : ''].filter(Boolean).join('  ·  '));
    put(this.rest, restText(model, number));
    setBar(this.bar, fraction);
    this.bar.setAttribute('aria-label', name);
  }
}

export class Lists {
  #bars = [];

  constructor(model, onopen, onkind) {
    this.model = model;
    this.onopen = onopen;
    model.addEventListener('values', () => this.#show());
    model.addEventListener('anew', () => this.#show());
    byId('progress-more').addEventListener('click', () => onkind(PROGRESS));
    byId('flags-more').addEventListener('click', () => onkind(FLAG));
  }

  #show() {
    const progress = this.#progress(), flags = this.model.ofKind(FLAG, FLAGS + 1);
    this.#showBars(progress);
    this.#showFlags(flags);
    byId('lists').hidden = progress.length === 0 && flags.length === 0;
  }

  // Those under way first, then the latest.
  #progress() {
    const { model } = this;
    const found = model.ofKind(PROGRESS, LOOKED_AT);
    const done = (number) => Number(model.value(number, C.value) >= 1);
    // Those under way keep their places: bars that swap them cannot be read.
    return found.sort((a, b) => done(a) - done(b) || (done(a) ? model.value(b, C.updated) - model.value(a, C.updated) : a - b));
  }

  #showBars(numbers) {
    byId('progress-list').hidden = numbers.length === 0;
    const shown = numbers.slice(0, BARS);
    while (this.#bars.length < shown.length) {
      const bar = new Bar(this.onopen);
      this.#bars.push(bar);
      byId('progress-bars').append(bar.element);
    }
    this.#bars.forEach((bar, at) => {
      bar.element.hidden = at >= shown.length;
      if (at < shown.length) bar.show(this.model, shown[at]);
    });
    byId('progress-more').hidden = numbers.length <= BARS;
    put(byId('progress-more'), `${format.number(numbers.length - BARS)}${numbers.length >= LOOKED_AT ? ' or more' : ''} more`);
  }

  #showFlags(numbers) {
    byId('flag-list').hidden = numbers.length === 0;
    byId('flags-more').hidden = numbers.length <= FLAGS;
    put(byId('flags-more'), 'more');
    const list = byId('flags'), shown = numbers.slice(0, FLAGS);
    while (list.childElementCount > shown.length) list.lastElementChild.remove();
    while (list.childElementCount < shown.length)
      list.append(make('li', { class: 'flag' }, make('span', { class: 'lamp' }), make('span'), make('span', { class: 'word' })));
    shown.forEach((number, at) => {
      const on = this.model.value(number, C.value) === 1, item = list.children[at];
      item.classList.toggle('on', on);
      put(item.children[1], nameParts(this.model.ids[number]).filter(Boolean).join('  '));
      put(item.children[2], on ? 'on' : 'off');
    });
  }
}
