// The page: wires its parts, and listens to keys.

import { KINDS } from './columns.js';
import { Dock } from './dock.js';
import { byId, make, put } from './dom.js';
import { forgetColours } from './draw.js';
import * as format from './format.js';
import { Lists } from './lists.js';
import { Model } from './model.js';
import { Overview } from './overview.js';
import { Table, makeHead, markHead } from './table.js';

const COLUMNS = [
  { name: 'kind', label: '', title: 'Kind', sort: 'kind' },
  { name: 'name', label: 'Series', title: 'Name and tags', sort: 'name' },
  { name: 'trend', label: 'Last minute', title: 'Stats: mean of each look; counters: growth; else the value' },
  { name: 'rate', label: 'Per second', title: 'Stats: values; counters: growth; progress: over its run', sort: 'rate' },
  { name: 'value', label: 'Value', title: 'Stats: the mean since the first value', sort: 'value' },
  { name: 'min', label: 'Min', title: 'Since the first value', sort: 'min' },
  { name: 'max', label: 'Max', title: 'Since the first value', sort: 'max' },
  { name: 'stddev', label: 'Stddev', title: 'Since the first value', sort: 'stddev' },
  { name: 'count', label: 'Count', title: 'Stats: values; progress: done', sort: 'count' },
];
// What the column of values is called where only one kind is shown.
const VALUES = ['Mean', 'Total', 'Value', 'Different', 'State', 'Part'];
const THEMES = ['auto', 'light', 'dark'];

// The one place that names a script: the policy allows no other.
const trusted = globalThis.trustedTypes?.createPolicy('atomicstats', { createScriptURL: (name) => new URL(name, import.meta.url).href });
const feed = trusted ? trusted.createScriptURL('feed.js') : new URL('feed.js', import.meta.url);

const model = new Model(new Worker(feed, { type: 'module' }));
const table = new Table(model);
const dock = new Dock(model);
const overview = new Overview(model);
const query = { text: '', kind: -1, sort: 'name', descending: false };

new Lists(model, (number) => { table.select(number); dock.show(number); }, (kind) => {
  ask({ kind });
  byId('series').scrollIntoView();
});

// ---- what the table shows ----

function ask(change) {
  Object.assign(query, change);
  for (const button of byId('kinds').children) button.setAttribute('aria-pressed', String(Number(button.dataset.kind) === query.kind));
  markHead(query);
  put(byId('head').querySelector('.value button'), VALUES[query.kind] ?? 'Value');
  model.ask(query);
}

function open() {
  dock.show(table.selected);
  table.revealSelected();
}

function sortBy(sort) {
  const again = query.sort === sort;
  ask({ sort, descending: again ? !query.descending : sort !== 'name' && sort !== 'kind' });
}

function makeKinds() {
  for (const [kind, name] of [[-1, 'all'], ...KINDS.entries()]) {
    const button = make('button', { type: 'button', 'data-kind': kind, 'aria-pressed': String(kind < 0) }, name, ' ', make('small'));
    button.addEventListener('click', () => ask({ kind }));
    byId('kinds').append(button);
  }
}

model.addEventListener('order', () => {
  const all = model.counts.reduce((sum, count) => sum + count, 0);
  for (const button of byId('kinds').children) {
    const kind = Number(button.dataset.kind), count = kind < 0 ? all : model.counts[kind];
    put(button.lastElementChild, format.short(count));
  }
  put(byId('count'), model.order.length === 1 ? '1 series' : `${format.number(model.order.length)} series`);
  byId('none').hidden = model.order.length > 0;
  put(byId('none'), 'No series matches.');
});

table.addEventListener('select', () => { if (dock.open) dock.show(table.selected); });
table.addEventListener('open', open);
byId('close').addEventListener('click', () => dock.show(-1));
byId('search').addEventListener('input', () => {
  scrollTo(0, Math.min(scrollY, byId('series').offsetTop));
  ask({ text: byId('search').value });
});

// ---- states ----

model.addEventListener('server', () => {
  const nothing = model.report.series.total === 0;
  byId('empty').hidden = !nothing;
  byId('series').hidden = nothing;
  if (!nothing && model.ids.length === 0) { // 100,000 take a second
    put(byId('none'), `Taking in ${format.number(model.report.series.total)} series…`);
    byId('none').hidden = false;
  }
  if (nothing) showCommands(model.report.ingest.threads.flatMap((thread) => thread.sockets)[0]?.address ?? '127.0.0.1:8125');
});

// An address that means every one of the machine's is no address to send to.
function showCommands(address) {
  const at = address.lastIndexOf(':'), port = address.slice(at + 1);
  let host = address.slice(0, at).replace(/^\[|\]$/g, '');
  if (host === '0.0.0.0' || host === '::') host = location.hostname.replace(/^\[|\]$/g, '');
  put(byId('command-bash'), `echo 'hello:42|ms' > /dev/udp/${host}/${port}`);
  put(byId('command-nc'), `echo 'hello:42|ms' | nc -u -w0 ${host} ${port}`);
  put(byId('empty-address'), host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
}

function showState() {
  const { state } = model;
  document.body.classList.toggle('lost', state.live === false);
  byId('state').classList.toggle('live', state.live === true);
  byId('retry').hidden = state.live !== false;
  if (state.live === null) return;
  if (state.live) {
    const seldom = state.fullEveryMs > 1500;
    put(byId('state-text'), seldom ? `Live: all every ${Math.round(state.fullEveryMs / 1000)} s${state.slice ? ', in view every 1 s' : ''}` : 'Live');
    return;
  }
  const now = Date.now(), left = Math.max(0, Math.ceil((state.retryAt - now) / 1000));
  put(byId('state-text'), `No answer since ${format.clock(state.since / 1000)}, ${format.duration((now - state.since) / 1000)} ago`);
  put(byId('retry'), left > 0 ? `Try now (${left} s)` : 'Trying…');
  byId('state').title = state.why;
}

model.addEventListener('state', showState);
setInterval(() => { if (model.state.live === false) showState(); }, 1000);
byId('retry').addEventListener('click', () => model.retry());
addEventListener('online', () => model.retry());
document.addEventListener('visibilitychange', () => model.hidden(document.hidden));
model.addEventListener('anew', () => dock.show(-1));

// ---- copying ----

async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const field = make('textarea', { class: 'offscreen', readonly: true }); // no clipboard but on https and localhost
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand('copy');
  field.remove();
  if (!done) throw new Error('cannot copy');
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', async () => {
    const code = byId(button.dataset.copy);
    try {
      await copy(code.textContent);
      put(button, 'Copied');
    } catch {
      getSelection().selectAllChildren(code);
      put(button, 'Ctrl-C');
    }
    setTimeout(() => put(button, 'Copy'), 1500);
  });
}

// ---- theme ----

function showTheme() {
  put(byId('theme'), `Theme: ${document.documentElement.dataset.theme ?? 'auto'}`);
  forgetColours();
  table.redraw();
  overview.redraw();
  dock.update();
}

function nextTheme() {
  const { dataset } = document.documentElement;
  const theme = THEMES[(THEMES.indexOf(dataset.theme ?? 'auto') + 1) % THEMES.length];
  if (theme === 'auto') delete dataset.theme;
  else dataset.theme = theme;
  try {
    localStorage.setItem('theme', theme);
  } catch { /* no storage: until the page is closed */ }
  showTheme();
}

byId('theme').addEventListener('click', nextTheme);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', showTheme);

// ---- keys ----

const MOVES = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

function move(event) {
  const lines = MOVES[event.key] ?? (event.key === 'PageDown' ? table.pageLines : event.key === 'PageUp' ? -table.pageLines : 0);
  if (lines === 0) return;
  event.preventDefault();
  table.move(lines);
}

function escape() {
  if (dock.open) return dock.show(-1);
  byId('search').value = '';
  ask({ text: '' });
  byId('grid').focus({ preventScroll: true });
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId('help').open) return;
  const typing = event.target === byId('search');
  const elsewhere = event.target.closest('button, a, canvas');
  if (event.key === 'Escape') escape();
  else if (event.key === '/' && !typing) { event.preventDefault(); byId('search').focus(); byId('search').select(); }
  else if (event.key === '?' && !typing) byId('help').showModal();
  else if (event.key === 't' && !typing) nextTheme();
  else if (typing && (event.key === 'ArrowDown' || event.key === 'Enter')) {
    event.preventDefault();
    byId('grid').focus({ preventScroll: true });
    table.move(-Infinity);
  } else if (!typing && event.key === 'Enter' && !elsewhere && table.selected >= 0) open();
  else if (!typing && event.target.closest('#plot') === null) move(event);
}

addEventListener('keydown', key);
byId('help-button').addEventListener('click', () => byId('help').showModal());

makeKinds();
makeHead(COLUMNS, sortBy);
markHead(query);
showTheme();
