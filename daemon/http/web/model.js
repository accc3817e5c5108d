// The page's copy of what the worker has found out, and the worker's address for questions.

import { C, COLUMNS, COUNTER, FLAG, PROGRESS, STATS, grown } from './columns.js';
import { History } from './history.js';

export class Model extends EventTarget {
  ids = [];
  kinds = new Uint8Array(0);
  columns = COLUMNS.map(() => new Float64Array(0));
  exact = new Map();
  order = new Uint32Array(0);
  counts = [0, 0, 0, 0, 0, 0];
  history = new History();
  now = NaN; // the daemon's clock at the latest look, seconds since 1970
  state = { live: null };
  report = null;
  #worker;
  gone = new Set(); // series that the daemon has no more
  #watched = new Set(); // progress and flags: shown whatever the table shows

  constructor(worker) {
    super();
    this.#worker = worker;
    worker.onmessage = ({ data }) => this[`_${data.type}`](data);
    worker.onerror = (event) => {
      this._state({ live: false, since: Date.now(), failures: 1, retryAt: NaN, why: `the page's worker: ${event.message}` });
    };
  }

  // ---- questions ----

  ask(query) {
    this.#worker.postMessage({ type: 'query', query });
  }

  look(numbers, selected) {
    if (numbers.length <= 256) for (const number of numbers) this.history.want(number);
    if (selected >= 0) this.history.want(selected);
    this.#worker.postMessage({ type: 'view', numbers, selected });
  }

  hidden(hidden) {
    this.#worker.postMessage({ type: 'hidden', hidden });
  }

  retry() {
    this.#worker.postMessage({ type: 'now' });
  }

  value(number, column) {
    return this.columns[column][number];
  }

  // Series of this kind, at most so many, in the order of first sight.
  ofKind(kind, most) {
    const found = [];
    for (const number of this.#watched) {
      if (this.kinds[number] === kind && found.push(number) >= most) break;
    }
    return found;
  }

  // ---- answers ----

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }

  _names({ first, ids, kinds }) {
    const length = first + ids.length;
    this.kinds = grown(this.kinds, length, 0);
    this.kinds.set(kinds, first);
    this.columns = this.columns.map((column) => grown(column, length));
    for (let i = 0; i < ids.length; i++) {
      this.ids.push(ids[i]);
      if (kinds[i] === PROGRESS || kinds[i] === FLAG) this.#watched.add(first + i);
      if (!this.history.full) this.history.want(first + i);
    }
  }

  _gone({ gone }) {
    for (const number of gone) {
      this.gone.add(number);
      this.#watched.delete(number);
      this.history.drop(number);
    }
  }

  _values({ now, numbers, columns, exact, complete }) {
    this.now = now;
    this.exact = new Map(exact);
    for (let column = 0; column < columns.length; column++) {
      const to = this.columns[column], from = columns[column];
      for (let i = 0; i < numbers.length; i++) to[numbers[i]] = from[i];
    }
    for (const number of complete ? this.history.series() : numbers)
      if (this.history.has(number)) this.history.put(number, this.#sample(number));
    this.#tell('values');
  }

  #sample(number) {
    const kind = this.kinds[number];
    const of = (column) => this.columns[column][number];
    const y = kind === STATS ? of(C.recent) : kind === COUNTER ? of(C.rate) : of(C.value);
    return [this.now, y, of(C.min), of(C.max), of(C.rate)];
  }

  _order({ order, counts, query }) {
    this.order = order;
    this.counts = counts;
    this.query = query;
    this.#tell('order');
  }

  _anew() {
    this.ids = [];
    this.order = new Uint32Array(0);
    this.history.clear();
    this.gone.clear();
    this.#watched.clear();
    this.#tell('anew');
  }

  _server({ report }) {
    this.report = report;
    this.#tell('server');
  }

  _state(state) {
    this.state = state;
    this.#tell('state');
  }
}
