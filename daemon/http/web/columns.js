// What the page knows of each series: a number (its place in every array here), a kind, an id, and
// one double in each of these columns. NaN: not known, or not a thing of this kind.

export const KINDS = ['stats', 'counters', 'gauges', 'sets', 'flags', 'progress'];

// As in a line on the wire.
export const LETTERS = ['ms', 'c', 'g', 's', 'f', 'p'];
export const KIND_NAMES = ['stats', 'counter', 'gauge', 'set', 'flag', 'progress'];

export const STATS = 0, COUNTER = 1, GAUGE = 2, SET = 3, FLAG = 4, PROGRESS = 5;

export const COLUMNS = [
  'value',   // a stats' mean, a flag as 0 or 1, progress as a fraction; else the number itself
  'rate',    // per second, over the last interval: values of a stats, a counter's growth; progress: over its run
  'recent',  // the mean of the values that came in the last interval; NaN: none came
  'count', 'sum', 'min', 'max', 'stddev', // a stats', since its first value; progress: count is what is done
  'total', 'eta', 'updated', // progress; updated in seconds since 1970
];

export const C = Object.fromEntries(COLUMNS.map((name, at) => [name, at]));

// Where an array with room for `least` doubles is needed. => `old`, or a larger one that begins with it.
export function grown(old, least, fill = NaN) {
  if (old.length >= least) return old;
  const larger = new old.constructor(Math.max(least, old.length * 2, 1024)).fill(fill);
  larger.set(old);
  return larger;
}

// => the longest beginning of an id that is its name.
export function nameLength(id) {
  const at = id.indexOf('|#');
  return at < 0 ? id.length : at;
}
