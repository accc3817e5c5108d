// The worker: asks the daemon, one request at a time, and tells the page what has changed. Documents are
// parsed and series sorted here, so that a large daemon never holds up the page.

import { Order } from './order.js';
import { Plan } from './plan.js';
import { Store } from './store.js';

const EVERY_MS = 1000;
const HIDDEN_MS = 10000;
const BACK_OFF_MS = [1000, 2000, 4000, 8000, 15000];
const PATIENCE_MS = 10000;
const FULL_PATIENCE_MS = 60000;
// Rows that change places more often cannot be read.
const SORT_EVERY_MS = 3000;
const NAMES_AT_ONCE = 4000;

const store = new Store();
const order = new Order();
const plan = new Plan();
let query = { text: '', kind: -1, sort: 'name', descending: false };
let selected = -1;
let hidden = false;
let failures = 0;
let since = Date.now(); // of the latest answer
let told = 0; // series whose names the page has
let sortedAt = 0;
let wake = () => {};

async function ask(path, patienceMs = PATIENCE_MS) {
  const answer = await fetch(`../${path}`, { cache: 'no-store', signal: AbortSignal.timeout(patienceMs) });
  const text = await answer.text();
  if (!answer.ok && answer.status !== 404) throw new Error(`the daemon answers ${answer.status}`);
  return { text, document: JSON.parse(text), found: answer.ok };
}

// ---- what the page gets ----

function tellNames() {
  for (; told < store.length; told += NAMES_AT_ONCE) {
    const end = Math.min(told + NAMES_AT_ONCE, store.length);
    postMessage({ type: 'names', first: told, ids: store.ids.slice(told, end), kinds: store.kinds.slice(told, end) });
  }
  told = store.length;
}

function tellValues(numbers, complete) {
  const columns = store.slice(numbers);
  const exact = [...store.exact].slice(0, 1000);
  postMessage({ type: 'values', now: store.now, boot: store.boot, numbers, columns, exact, complete },
    [numbers.buffer, ...columns.map((column) => column.buffer)]);
}

function tellOrder() {
  const answer = order.ask(store, query);
  sortedAt = performance.now();
  postMessage({ type: 'order', ...answer, query }, [answer.order.buffer]);
}

// ---- one look ----

async function takeIn(path, complete) {
  const began = performance.now();
  const { text, document, found } = await ask(path, complete ? FULL_PATIENCE_MS : PATIENCE_MS);
  if (!found) return;
  if (complete && store.sparse) startAnew();
  const before = store.length;
  const { numbers, gone } = store.apply(document, text, complete);
  const news = store.length !== before || gone.length > 0;
  tellNames();
  if (gone.length > 0) postMessage({ type: 'gone', gone });
  order.update(store);
  if (news) plan.look(viewed);
  tellValues(numbers, complete);
  const live = query.sort !== 'name' && query.sort !== 'kind';
  if (news || (complete && before === 0) || (live && performance.now() - sortedAt >= SORT_EVERY_MS)) tellOrder();
  if (complete) plan.tookFull(performance.now(), performance.now() - began, store.alive);
}

function startAnew() {
  store.clear();
  order.clear();
  told = 0;
  selected = -1;
  viewed = [];
  postMessage({ type: 'anew' });
}

let viewed = [];

async function look() {
  const { document } = await ask('server');
  postMessage({ type: 'server', report: document });
  const { total } = document.series;
  if (plan.full(performance.now(), Math.max(total, store.alive)) && !(hidden && total > 2000)) {
    await takeIn('stats', true);
  } else if (!hidden) {
    const slice = plan.slice(store, query);
    if (slice !== null) await takeIn(slice, false);
    const alone = selected >= 0 && store.isAlive(selected) && !viewed.includes(selected);
    if (alone || (selected >= 0 && slice === null)) await takeIn(`stats/${encodeURIComponent(store.ids[selected])}`, false);
  }
  postMessage({ type: 'state', live: true, fullEveryMs: plan.fullEveryMs, slice: plan.slice(store, query) !== null });
}

function pause(ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    wake = () => { clearTimeout(timer); resolve(); };
  });
}

async function run() {
  for (;;) {
    const began = performance.now();
    let rest = hidden ? HIDDEN_MS : EVERY_MS;
    try {
      await look();
      failures = 0;
      since = Date.now();
    } catch (error) {
      rest = Math.max(hidden ? HIDDEN_MS : 0, BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)]);
      failures++;
      postMessage({ type: 'state', live: false, since, failures, retryAt: Date.now() + rest, why: String(error.message) });
      plan.askSoon();
      await pause(rest);
      continue;
    }
    await pause(Math.max(100, rest - (performance.now() - began)));
  }
}

// ---- what the page says ----

const answers = {
  query(message) {
    query = message.query;
    plan.look(viewed);
    tellOrder();
  },
  view(message) {
    viewed = message.numbers;
    selected = message.selected;
    plan.look(viewed);
  },
  hidden(message) {
    hidden = message.hidden;
    if (!hidden) wake();
  },
  now() {
    wake();
  },
};

onmessage = ({ data }) => answers[data.type](data);
run();
