// What to ask the daemon for next. A document of 100,000 series takes 10 MB: that is asked for
// seldom, and in between only what the reader looks at.

// So many series are asked for every time, and at most so many as a slice.
const FEW = 2000;
// All of them take at most this share of the time.
const SHARE = 0.05;
const LONGEST_MS = 60000;

export class Plan {
  #nextFull = 0;
  #view = { numbers: [], path: null };

  constructor() {
    this.fullEveryMs = 1000;
  }

  full(now, total) {
    return total <= FEW || now >= this.#nextFull;
  }

  tookFull(now, tookMs, total) {
    this.fullEveryMs = total <= FEW ? 1000 : Math.min(LONGEST_MS, Math.max(1000, tookMs / SHARE));
    this.#nextFull = now + this.fullEveryMs;
  }

  askSoon() {
    this.#nextFull = 0;
  }

  // The series in view have changed, or those that there are.
  look(numbers) {
    this.#view = { numbers, path: undefined };
  }

  // => the path of a document that holds the series in view, or null: there is none that is small.
  slice(store, query) {
    const view = this.#view;
    if (view.path === undefined) view.path = this.#find(store, query);
    return view.path;
  }

  #find(store, query) {
    const ids = this.#view.numbers.filter((number) => store.isAlive(number)).map((number) => store.ids[number]);
    if (ids.length === 0) return null;
    const prefix = commonPrefix(ids);
    if (prefix !== '' && isFew(store, (id) => id.startsWith(prefix))) return path(`${literal(prefix)}*`);
    const [word, ...others] = query.text.trim().split(/\s+/);
    const asTyped = others.length === 0 && word && !/[*?]/.test(word) && ids.every((id) => id.includes(word));
    if (asTyped && isFew(store, (id) => id.includes(word))) return path(`*${word}*`);
    return null;
  }
}

function path(glob) {
  return `stats?name=${encodeURIComponent(glob)}`;
}

// A name may have these in it; ? matches them, and a few others more.
function literal(text) {
  return text.replace(/[*?]/g, '?');
}

function commonPrefix(ids) {
  let prefix = ids[0];
  for (const id of ids) while (!id.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix.replace(/[\ud800-\udbff]$/, ''); // not half a character
}

function isFew(store, matches) {
  let count = 0;
  for (let number = 0; number < store.length && count <= FEW; number++)
    if (store.isAlive(number) && matches(store.ids[number])) count++;
  return count <= FEW;
}
