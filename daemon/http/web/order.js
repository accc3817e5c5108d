// Which series a table shows, and in which order. Lives in the worker. Keys and the order by name are
// kept, since most questions change only the words that are looked for.

import { C, KINDS, nameLength } from './columns.js';

// "worker.2" comes before "worker.10", since the length of digits stands before them; and a name with
// tags right after the name alone.
function naturalKey(text) {
  return text.replace('|#', '\u0001').replace(/\d+/g, (digits) => String.fromCharCode(47 + Math.min(10, digits.length)) + digits);
}

// => both in one, in order; each is in order by itself.
function merged(a, b, compare) {
  const all = new Uint32Array(a.length + b.length);
  for (let i = 0, j = 0, at = 0; at < all.length; at++)
    all[at] = j >= b.length || (i < a.length && compare(a[i], b[j]) <= 0) ? a[i++] : b[j++];
  return all;
}

function globToRegExp(glob) {
  const source = glob.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*').replace(/\?/g, '.');
  return new RegExp(`^${source}$`, 'su');
}

// => a function of (an id in lower case) that says whether every word of the text is in it. A word
// with * or ? must match the name or the id as a whole, as in /stats?name=.
export function matcher(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const parts = words.filter((word) => !/[*?]/.test(word));
  const globs = words.filter((word) => /[*?]/.test(word)).map(globToRegExp);
  return (id) => parts.every((part) => id.includes(part))
    && globs.every((glob) => glob.test(id) || glob.test(id.slice(0, nameLength(id))));
}

export class Order {
  #lower = [];
  #keys = [];
  #byName = new Uint32Array(0);
  #rank = new Uint32Array(0);

  clear() {
    this.#lower = [];
    this.#keys = [];
    this.#byName = new Uint32Array(0);
    this.#rank = new Uint32Array(0);
  }

  // Learns the names that have come.
  update(store) {
    const { length } = store;
    if (this.#byName.length === length) return;
    const keys = this.#keys, fresh = [];
    for (let number = this.#lower.length; number < length; number++) {
      const lower = store.ids[number].toLowerCase();
      this.#lower.push(lower);
      keys.push(naturalKey(lower));
      fresh.push(number);
    }
    const compare = (a, b) => (keys[a] < keys[b] ? -1 : keys[a] > keys[b] ? 1 : store.kinds[a] - store.kinds[b]);
    this.#byName = merged(this.#byName, fresh.sort(compare), compare);
    this.#rank = new Uint32Array(length);
    this.#byName.forEach((number, at) => { this.#rank[number] = at; });
  }

  // query: {text, kind: a number or -1 for all, sort: "name", "kind" or a column, descending}
  // => {order: Uint32Array, counts: how many of each kind match the text, and all of them}
  ask(store, query) {
    const matches = matcher(query.text);
    const any = query.text.trim() === '';
    const counts = new Array(KINDS.length).fill(0);
    const found = new Uint32Array(this.#byName.length);
    let size = 0;
    for (const number of this.#byName) {
      if (!store.isAlive(number) || !(any || matches(this.#lower[number]))) continue;
      counts[store.kinds[number]]++;
      if (query.kind < 0 || query.kind === store.kinds[number]) found[size++] = number;
    }
    const order = found.slice(0, size);
    this.#sort(store, order, query);
    return { order, counts };
  }

  #sort(store, order, { sort, descending }) {
    if (sort === 'name') {
      if (descending) order.reverse();
      return;
    }
    const values = sort === 'kind' ? store.kinds : store.columns[C[sort]];
    const rank = this.#rank;
    const sign = descending ? -1 : 1;
    order.sort((a, b) => {
      const x = values[a], y = values[b];
      if (x === y || (x !== x && y !== y)) return rank[a] - rank[b];
      if (x !== x || y !== y) return x !== x ? 1 : -1; // what is not known comes last, whichever way
      return x < y ? -sign : sign;
    });
  }
}
