// All series as the daemon last told them. Lives in the worker. Numbers are handed out in the order of
// first sight and never used again, but for renumber().

import { COLUMNS, C, KINDS, STATS, COUNTER, FLAG, grown } from './columns.js';

// Two looks at a series that are closer make no rate: it would be mostly noise.
const LEAST_INTERVAL_S = 0.4;

export class Store {
  constructor() {
    this.clear();
  }

  clear() {
    this.ids = [];
    this.kinds = new Uint8Array(0);
    this.numbers = KINDS.map(() => new Map()); // id => number
    this.columns = COLUMNS.map(() => new Float64Array(0));
    this.base = { time: new Float64Array(0), count: new Float64Array(0), sum: new Float64Array(0) };
    this.seen = new Float64Array(0); // the round in which it was last there; -1: it has gone
    this.exact = new Map(); // number => the digits of a counter that no double holds
    this.round = 0;
    this.alive = 0;
    this.boot = '';
  }

  get length() {
    return this.ids.length;
  }

  // Takes a /stats document in. `complete`: it names all series there are, so that others have gone.
  // => {numbers: of the series in it, gone: of those that are no more}
  apply(document, text, complete) {
    const { service } = document;
    const boot = `${service.pid} ${service.started_at}`;
    if (boot !== this.boot) this.base.time.fill(NaN); // counts may have begun anew
    this.boot = boot;
    this.now = Date.parse(service.started_at) / 1000 + service.uptime_s;
    this.round++;
    const touched = [];
    for (let kind = 0; kind < KINDS.length; kind++) this.#section(kind, document[KINDS[kind]], touched, text);
    return { numbers: Uint32Array.from(touched), gone: complete ? this.#forgetOthers() : [] };
  }

  #section(kind, section, touched, text) {
    const numbers = this.numbers[kind];
    const write = [this.#stats, this.#plain, this.#plain, this.#plain, this.#plain, this.#progress][kind];
    for (const id in section) {
      const known = numbers.get(id);
      const number = known ?? this.#add(kind, id);
      write.call(this, number, section[id], kind);
      if (kind === COUNTER && !Number.isSafeInteger(section[id])) this.#keepDigits(number, id, section[id], text);
      this.seen[number] = this.round;
      touched.push(number);
    }
  }

  #add(kind, id) {
    const number = this.ids.length;
    this.numbers[kind].set(id, number);
    this.ids.push(id);
    this.alive++;
    if (number >= this.kinds.length) {
      this.kinds = grown(this.kinds, number + 1, 0);
      this.seen = grown(this.seen, number + 1, -1);
      this.columns = this.columns.map((column) => grown(column, number + 1));
      for (const key in this.base) this.base[key] = grown(this.base[key], number + 1);
    }
    this.kinds[number] = kind;
    return number;
  }

  #set(number, column, value) {
    this.columns[column][number] = value ?? NaN;
  }

  #stats(number, one) {
    this.#set(number, C.value, one.mean);
    this.#set(number, C.count, one.count);
    this.#set(number, C.sum, one.sum);
    this.#set(number, C.min, one.min);
    this.#set(number, C.max, one.max);
    this.#set(number, C.stddev, one.stddev);
    this.#difference(number, one.count, one.sum ?? NaN);
  }

  #plain(number, value, kind) {
    this.#set(number, C.value, kind === FLAG ? Number(value) : value);
    if (kind === COUNTER) this.#difference(number, value ?? NaN, NaN);
  }

  #progress(number, one) {
    this.#set(number, C.value, one.fraction);
    this.#set(number, C.rate, one.rate_per_s);
    this.#set(number, C.count, one.done);
    this.#set(number, C.total, one.total);
    this.#set(number, C.eta, one.eta_s);
    this.#set(number, C.updated, Date.parse(one.updated_at) / 1000);
  }

  // What the interval since the last look brought. The differences belong together: a look is one
  // consistent snapshot of the series.
  #difference(number, count, sum) {
    const { base } = this;
    const elapsed = this.now - base.time[number];
    if (elapsed < LEAST_INTERVAL_S) return;
    const came = count - base.count[number];
    const restarted = this.kinds[number] === STATS && came < 0;
    this.#set(number, C.rate, restarted ? NaN : came / elapsed);
    this.#set(number, C.recent, came > 0 && !restarted ? (sum - base.sum[number]) / came : NaN);
    base.time[number] = this.now;
    base.count[number] = count;
    base.sum[number] = sum;
  }

  // An int64 may have more digits than a double.
  #keepDigits(number, id, value, text) {
    this.exact.delete(number);
    if (!Number.isInteger(value)) return;
    const section = text.indexOf('"counters":{');
    const key = `${JSON.stringify(id)}:`;
    const at = section < 0 ? -1 : text.indexOf(key, section);
    if (at >= 0) this.exact.set(number, /^-?[\d.e+]*/.exec(text.slice(at + key.length, at + key.length + 40))[0]);
  }

  #forgetOthers() {
    const gone = [];
    for (let number = 0; number < this.ids.length; number++) {
      if (this.seen[number] === this.round || this.seen[number] < 0) continue;
      this.seen[number] = -1;
      this.numbers[this.kinds[number]].delete(this.ids[number]);
      this.alive--;
      gone.push(number);
    }
    return gone;
  }

  // => whether so many have gone that it is worth beginning anew with those that are there.
  get sparse() {
    return this.ids.length - this.alive > Math.max(2000, this.alive);
  }

  isAlive(number) {
    return this.seen[number] >= 0;
  }

  // => these series' figures: one array a column, in the order of `numbers`.
  slice(numbers) {
    return this.columns.map((column) => {
      const part = new Float64Array(numbers.length);
      for (let i = 0; i < numbers.length; i++) part[i] = column[numbers[i]];
      return part;
    });
  }
}

