// One series, opened: all its figures, and its plot.

import { C, COUNTER, FLAG, GAUGE, KIND_NAMES, LETTERS, PROGRESS, SET, STATS } from './columns.js';
import { byId, eachFrame, make, nameParts, put } from './dom.js';
import * as format from './format.js';
import { Plot } from './plot.js';
import { exactText, restText, valueText } from './row.js';

const SPANS = [60, 300, 900];

const LINES = {
  [STATS]: 'mean of the values that came between two looks',
  [COUNTER]: 'growth per second between two looks',
  [GAUGE]: 'value at each look',
  [SET]: 'different values at each look',
  [FLAG]: '1 on, 0 off, at each look',
  [PROGRESS]: 'part done at each look',
};

export class Dock {
  number = -1;
  #span = 0; // 0: as long as what has been seen, up to five minutes
  #fit = false;

  constructor(model) {
    this.model = model;
    this.plot = new Plot(byId('plot'), () => this.#readout());
    this.update = eachFrame(() => this.#show());
    model.addEventListener('values', this.update);
    addEventListener('resize', this.update);
    for (const span of SPANS) {
      const button = make('button', { type: 'button', 'data-span': span }, span === 60 ? '1 min' : `${span / 60} min`);
      button.addEventListener('click', () => { this.#span = span; this.#show(); });
      byId('spans').append(button);
    }
    byId('fit').addEventListener('click', () => { this.#fit = !this.#fit; this.#show(); });
    byId('plot').addEventListener('keydown', (event) => this.#key(event));
    byId('plot').addEventListener('blur', () => this.plot.moveTo(-1));
  }

  get open() {
    return this.number >= 0;
  }

  show(number) {
    if (this.number === number) return;
    this.number = number;
    this.plot.cursor = -1;
    byId('dock').hidden = number < 0;
    document.body.classList.toggle('docked', number >= 0);
    if (number < 0) return;
    const kind = this.model.kinds[number];
    const [name, tags] = nameParts(this.model.ids[number]);
    put(byId('dock-kind'), LETTERS[kind]);
    byId('dock-kind').title = KIND_NAMES[kind];
    put(byId('dock-name'), name);
    put(byId('dock-tags'), tags);
    byId('dock').querySelector('h2').title = this.model.ids[number];
    this.#show();
  }

  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.plot.step(step);
  }

  #show() {
    const { model, number } = this;
    if (number < 0) return;
    const kind = model.kinds[number];
    byId('dock-gone').hidden = !model.gone.has(number);
    byId('fit').hidden = kind !== STATS;
    byId('fit').setAttribute('aria-pressed', String(this.#fit));
    this.#figures(kind);
    const seen = model.now - model.history.first(number);
    const span = this.#span || (seen > 60 ? 300 : 60);
    for (const button of byId('spans').children) button.setAttribute('aria-pressed', String(Number(button.dataset.span) === span));
    const samples = [];
    model.history.each(number, model.now - span - 20, (time, y, low, high, rate) => samples.push({ time, y, low, high, rate }));
    this.plot.show(samples, { now: model.now, span, band: kind === STATS, fit: this.#fit, strip: kind === STATS,
      zero: kind === COUNTER || kind === FLAG || kind === PROGRESS,
      nothing: samples.length < 2 ? 'The next look will show something' : kind === STATS ? 'No value came in this time' : 'Not known' });
    this.#legend(kind, samples, model.history.first(number));
    this.#readout();
  }

  #figures(kind) {
    const { model, number } = this;
    const all = (column) => format.exact(model.value(number, column));
    const perSecond = model.value(number, C.rate);
    const rate = Number.isFinite(perSecond) ? `${format.short(perSecond)}/s` : format.NOTHING;
    const rows = {
      [STATS]: () => [['count', all(C.count)], ['sum', all(C.sum)], ['mean', all(C.value)], ['min', all(C.min)], ['max', all(C.max)],
        ['stddev', all(C.stddev)], ['rate', rate]],
      [COUNTER]: () => [['total', exactText(model, number)], ['rate', rate]],
      [GAUGE]: () => [['value', all(C.value)]],
      [SET]: () => [['different', all(C.value)]],
      [FLAG]: () => [['flag', valueText(model, number)]],
      [PROGRESS]: () => [['done', all(C.count)], ['total', all(C.total)], ['part', valueText(model, number)], ['rate', rate],
        ['left', restText(model, number) || format.NOTHING]],
    }[kind]();
    const list = byId('dock-figures');
    if (list.dataset.kind !== String(kind)) {
      list.dataset.kind = String(kind);
      list.replaceChildren(...rows.flatMap(([name]) => [make('dt', {}, name), make('dd')]));
    }
    rows.forEach(([, text], at) => put(list.children[2 * at + 1], text));
  }

  #legend(kind, samples, first) {
    const entries = [['line', LINES[kind]]];
    if (kind === STATS) entries.push(['band', 'min to max since the first value'], ['strip', 'values per second']);
    const since = Number.isFinite(first) ? `seen here since ${format.clock(first)}` : 'seen here from now on';
    const text = JSON.stringify([entries, since]);
    if (this.legendText === text) return;
    this.legendText = text;
    byId('legend').replaceChildren(...entries.map(([mark, words]) => make('li', {}, make('span', { class: `mark ${mark}` }), words)),
      make('li', {}, since));
    const known = samples.map((sample) => sample.y).filter(Number.isFinite);
    byId('plot').setAttribute('aria-label', known.length === 0 ? `${LINES[kind]}: nothing yet`
      : `${LINES[kind]}: ${known.length} samples from ${format.number(Math.min(...known))} to ${format.number(Math.max(...known))}. Left and right arrow keys read them.`);
  }

  #readout() {
    const { sample } = this.plot;
    if (!sample) return put(byId('readout'), '');
    const kind = this.model.kinds[this.number];
    const parts = [format.clock(sample.time)];
    if (kind === STATS)
      parts.push(Number.isFinite(sample.y) ? `mean ${format.number(sample.y)}` : 'no value came', `${format.short(sample.rate)}/s`,
        `min ${format.number(sample.low)}`, `max ${format.number(sample.high)}`);
    else parts.push(kind === PROGRESS ? format.percent(sample.y) : `${format.number(sample.y)}${kind === COUNTER ? '/s' : ''}`);
    put(byId('readout'), parts.join('  '));
  }
}
