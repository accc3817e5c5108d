// What the page has seen of the series that were looked at lately: a ring of samples for each, all in a
// few arrays made once. The series that nobody has looked at for the longest gives its ring away.

const RINGS = 512;
export const SAMPLES = 900; // a quarter of an hour at one a second
export const FIELDS = ['time', 'y', 'low', 'high', 'rate'];

export class History {
  #data = FIELDS.map(() => new Float64Array(RINGS * SAMPLES));
  #next = new Uint32Array(RINGS); // samples ever put into the ring
  #rings = new Map(); // series => ring; the first was looked at longest ago
  #free = Array.from({ length: RINGS }, (_, at) => at);

  clear() {
    this.#rings.clear();
    this.#free = Array.from({ length: RINGS }, (_, at) => at);
  }

  // Keeps a history of this series from now on.
  want(series) {
    let ring = this.#rings.get(series);
    if (ring === undefined) {
      ring = this.#free.pop() ?? this.#takeOldest();
      this.#next[ring] = 0;
    }
    this.#rings.delete(series);
    this.#rings.set(series, ring);
  }

  #takeOldest() {
    const [series, ring] = this.#rings.entries().next().value;
    this.#rings.delete(series);
    return ring;
  }

  get full() {
    return this.#free.length === 0;
  }

  has(series) {
    return this.#rings.has(series);
  }

  drop(series) {
    const ring = this.#rings.get(series);
    if (ring !== undefined) this.#free.push(ring);
    this.#rings.delete(series);
  }

  // Those that have a history.
  series() {
    return this.#rings.keys();
  }

  // A sample as FIELDS has it; one of the same moment as the latest is dropped.
  put(series, sample) {
    const ring = this.#rings.get(series);
    if (ring === undefined) return;
    const count = this.#next[ring];
    const [time] = sample;
    if (count > 0 && time <= this.#data[0][ring * SAMPLES + ((count - 1) % SAMPLES)]) return;
    const at = ring * SAMPLES + (count % SAMPLES);
    for (let field = 0; field < FIELDS.length; field++) this.#data[field][at] = sample[field];
    this.#next[ring]++;
  }

  // => the time of the earliest sample that is left; NaN: there is none.
  first(series) {
    const ring = this.#rings.get(series);
    if (ring === undefined || this.#next[ring] === 0) return NaN;
    const count = this.#next[ring];
    return this.#data[0][ring * SAMPLES + (count > SAMPLES ? count % SAMPLES : 0)];
  }

  // Calls visit(time, y, low, high, rate) for the samples since a moment, the earliest first. => how many.
  each(series, since, visit) {
    const ring = this.#rings.get(series);
    if (ring === undefined) return 0;
    const count = this.#next[ring];
    const [time, y, low, high, rate] = this.#data;
    let visited = 0;
    for (let i = Math.max(0, count - SAMPLES); i < count; i++) {
      const at = ring * SAMPLES + (i % SAMPLES);
      if (time[at] < since) continue;
      visit(time[at], y[at], low[at], high[at], rate[at]);
      visited++;
    }
    return visited;
  }
}
