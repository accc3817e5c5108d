// The table of all series: only the lines in view exist. The page itself scrolls; the table's body is as
// high as all its lines would be.

import { byId, eachFrame, make, put } from './dom.js';
import * as format from './format.js';
import { Row } from './row.js';

const SPARE = 6; // lines beyond each edge
const HIGHEST_PX = 16e6; // browsers cannot show what lies below
const SETTLE_MS = 120;

export class Table extends EventTarget {
  selected = -1; // a series, not a place
  #rows = [];
  #model;
  #grid = byId('grid');
  #body = byId('rows');
  #height = 30;
  #viewTimer = 0;
  #viewed = '';

  constructor(model) {
    super();
    this.#model = model;
    this.update = eachFrame(() => this.#render());
    addEventListener('scroll', this.update, { passive: true });
    addEventListener('resize', () => { this.measure(); this.update(); });
    model.addEventListener('values', this.update);
    model.addEventListener('order', () => { this.#reorder(); this.update(); });
    model.addEventListener('anew', () => { this.select(-1); this.#rows.forEach((row) => row.hide()); });
    this.#body.addEventListener('click', (event) => this.#click(event));
    this.measure();
  }

  // The style says how high a line is.
  measure() {
    const height = parseFloat(getComputedStyle(this.#grid).getPropertyValue('--row')) || 30;
    if (height === this.#height && this.#rows.length > 0) return;
    this.#height = height;
    this.#rows.forEach((row) => row.hide());
    this.#reorder();
  }

  get #shown() {
    return Math.min(this.#model.order.length, Math.floor(HIGHEST_PX / this.#height));
  }

  #reorder() {
    const { order } = this.#model;
    this.#body.style.height = `${this.#shown * this.#height}px`;
    this.#grid.setAttribute('aria-rowcount', String(order.length + 1));
    byId('cut').hidden = this.#shown === order.length;
    put(byId('cut'), `These are the first ${format.number(this.#shown)}. Search to see others.`);
  }

  // => the places in view, [first, last).
  #window() {
    const top = this.#body.getBoundingClientRect().top;
    const first = Math.floor(-top / this.#height) - SPARE;
    const lines = Math.ceil(innerHeight / this.#height) + 2 * SPARE;
    return [Math.max(0, first), Math.max(0, Math.min(this.#shown, first + lines)), lines];
  }

  #render() {
    const [first, end, lines] = this.#window();
    const { order } = this.#model;
    while (this.#rows.length < lines) {
      const row = new Row();
      this.#rows.push(row);
      this.#body.append(row.element);
    }
    const size = this.#rows.length;
    for (const row of this.#rows) if (row.index >= 0 && (row.index < first || row.index >= end)) row.hide();
    for (let index = first; index < end; index++) {
      const row = this.#rows[index % size];
      row.show(this.#model, index, order[index], index * this.#height);
      row.select(order[index] === this.selected);
    }
    this.#tellView(first, end);
  }

  // Tells the model what is looked at, once scrolling has come to rest.
  #tellView(first, end) {
    const view = `${first} ${end} ${this.selected} ${this.#model.order.length} ${this.#model.order[first]} ${this.#model.order[end - 1]}`;
    if (view === this.#viewed) return;
    this.#viewed = view;
    clearTimeout(this.#viewTimer);
    this.#viewTimer = setTimeout(() => this.#model.look([...this.#model.order.subarray(first, end)], this.selected), SETTLE_MS);
  }

  redraw() {
    for (const row of this.#rows) row.draw(this.#model);
  }

  // ---- selection ----

  select(number) {
    if (this.selected === number) return;
    this.selected = number;
    const index = this.#model.order.indexOf(number);
    if (index >= 0) this.#grid.setAttribute('aria-activedescendant', `row-${index}`);
    else this.#grid.removeAttribute('aria-activedescendant');
    this.update();
    this.dispatchEvent(new Event('select'));
  }

  // Moves the selection by so many lines, and into view.
  move(lines) {
    const { order } = this.#model;
    if (order.length === 0) return;
    const at = order.indexOf(this.selected);
    const from = at >= 0 ? at : lines > 0 ? this.#firstVisible() - 1 : 0;
    const to = Math.min(this.#shown - 1, Math.max(0, from + lines));
    this.select(order[to]);
    this.reveal(to);
  }

  #firstVisible() {
    const { top } = this.#body.getBoundingClientRect();
    return Math.min(this.#shown - 1, Math.max(0, Math.ceil((this.#above - top) / this.#height)));
  }

  get pageLines() {
    return Math.max(1, Math.floor((innerHeight - this.#above - this.#below) / this.#height) - 1);
  }

  // What sticks to the edges and covers lines.
  get #above() {
    return byId('bar').offsetHeight + byId('head').offsetHeight;
  }

  get #below() {
    return byId('dock').hidden ? 0 : byId('dock').offsetHeight;
  }

  revealSelected() {
    const index = this.#model.order.indexOf(this.selected);
    if (index >= 0) this.reveal(index);
  }

  reveal(index) {
    const top = this.#body.getBoundingClientRect().top + index * this.#height;
    const above = this.#above;
    if (top < above) scrollBy(0, top - above);
    else if (top + this.#height > innerHeight - this.#below) scrollBy(0, top + this.#height - innerHeight + this.#below);
  }

  #click(event) {
    const element = event.target.closest('[role=row]');
    if (!element) return;
    this.select(element.row.number);
    this.dispatchEvent(new Event('open'));
  }
}

// The head: a button a column. onsort(column) when one is pressed.
export function makeHead(columns, onsort) {
  const cells = columns.map(({ name, label, title, sort }) => {
    const cell = make('div', { role: 'columnheader', class: `cell ${name}`, title, 'data-sort': sort });
    if (sort === undefined) cell.append(label);
    else {
      const button = make('button', { type: 'button', 'aria-label': label || title }, label);
      button.addEventListener('click', () => onsort(sort));
      cell.append(button);
    }
    return cell;
  });
  byId('head').append(make('div', { role: 'row', class: 'row', 'aria-rowindex': '1' }, ...cells));
}

export function markHead({ sort, descending }) {
  for (const cell of byId('head').querySelectorAll('[data-sort]'))
    cell.setAttribute('aria-sort', cell.dataset.sort !== sort ? 'none' : descending ? 'descending' : 'ascending');
}
