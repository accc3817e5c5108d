// One line of the table. Its elements are made once and used for whatever series is in view.

import { C, COUNTER, FLAG, KIND_NAMES, LETTERS, PROGRESS, STATS } from './columns.js';
import { make, makeBar, nameParts, put, setBar } from './dom.js';
import { sparkline } from './draw.js';
import * as format from './format.js';

const CELLS = ['kind', 'name', 'trend', 'rate', 'value', 'min', 'max', 'stddev', 'count', 'rest'];
export const TREND = { width: 112, height: 22 };

export function valueText(model, number) {
  const kind = model.kinds[number], value = model.value(number, C.value);
  if (kind === FLAG) return value === 1 ? 'on' : value === 0 ? 'off' : format.NOTHING;
  if (kind === PROGRESS) return format.percent(value);
  return kind === COUNTER && Math.abs(value) < 1e12 ? format.exact(value) : format.number(value);
}

// Every digit that the daemon gave.
export function exactText(model, number) {
  return model.exact.has(number) ? format.digits(model.exact.get(number)) : format.exact(model.value(number, C.value));
}

export function restText(model, number) {
  const eta = model.value(number, C.eta), since = model.now - model.value(number, C.updated);
  if (model.value(number, C.value) >= 1) return 'done';
  if (since > 60) return `no update for ${format.duration(since)}`;
  return Number.isFinite(eta) ? `${format.duration(eta)} left` : '';
}

export function doneText(model, number) {
  const done = format.number(model.value(number, C.count)), total = model.value(number, C.total);
  return Number.isFinite(total) ? `${done} / ${format.number(total)}` : done;
}

export class Row {
  #index = -1;
  #number = -1;

  constructor() {
    this.cells = {};
    for (const name of CELLS) this.cells[name] = make('div', { role: 'gridcell', class: `cell ${name}` });
    this.name = make('span', { class: 'id' });
    this.tags = make('span', { class: 'tags' });
    this.canvas = make('canvas', { 'aria-hidden': 'true' });
    this.bar = makeBar('progress');
    this.cells.name.append(this.name, this.tags);
    this.cells.trend.append(this.canvas, this.bar);
    this.element = make('div', { role: 'row', class: 'row' }, ...Object.values(this.cells));
    this.element.row = this;
    this.element.hidden = true;
  }

  get number() {
    return this.#number;
  }

  get index() {
    return this.#index;
  }

  hide() {
    this.#number = this.#index = -1;
    this.element.hidden = true;
  }

  // Shows the series at this place of the order.
  show(model, index, number, top) {
    if (this.#index !== index) {
      this.element.style.transform = `translateY(${top}px)`;
      this.element.id = `row-${index}`;
      this.element.setAttribute('aria-rowindex', String(index + 2));
      this.element.hidden = false;
      this.#index = index;
    }
    if (this.#number !== number) {
      this.#number = number;
      this.#identify(model, number);
    }
    this.refresh(model);
  }

  select(selected) {
    this.element.setAttribute('aria-selected', String(selected));
  }

  #identify(model, number) {
    const kind = model.kinds[number], id = model.ids[number];
    const [name, tags] = nameParts(id);
    this.element.dataset.kind = KIND_NAMES[kind];
    put(this.cells.kind, LETTERS[kind]);
    this.cells.kind.title = KIND_NAMES[kind];
    this.cells.kind.setAttribute('aria-label', KIND_NAMES[kind]);
    put(this.name, name);
    put(this.tags, tags);
    this.cells.name.title = id;
    this.bar.setAttribute('aria-label', name);
  }

  refresh(model) {
    const number = this.#number, kind = model.kinds[number];
    const text = (column) => (kind === STATS ? format.number(model.value(number, column)) : '');
    put(this.cells.value, valueText(model, number));
    this.cells.value.title = kind === FLAG ? '' : exactText(model, number);
    const rate = model.value(number, C.rate); // gauges, sets and flags have none
    put(this.cells.rate, Number.isFinite(rate) ? format.short(rate) : '');
    put(this.cells.min, text(C.min));
    put(this.cells.max, text(C.max));
    put(this.cells.stddev, text(C.stddev));
    put(this.cells.count, kind === PROGRESS ? doneText(model, number) : text(C.count));
    put(this.cells.rest, kind === PROGRESS ? restText(model, number) : '');
    if (kind === FLAG) this.element.classList.toggle('on', model.value(number, C.value) === 1);
    else this.element.classList.remove('on');
    if (kind === PROGRESS) setBar(this.bar, model.value(number, C.value));
    else this.draw(model);
  }

  draw(model) {
    if (this.#number < 0 || model.kinds[this.#number] === PROGRESS) return;
    const samples = [];
    model.history.each(this.#number, model.now - 60, (time, y) => samples.push({ time, y }));
    // An empty canvas is not drawn again.
    if (samples.length === 0 && !this.drawn) return;
    this.drawn = samples.length > 0;
    const zero = model.kinds[this.#number] === COUNTER || model.kinds[this.#number] === FLAG;
    sparkline(this.canvas, samples, { now: model.now, zero, ...TREND });
  }
}
