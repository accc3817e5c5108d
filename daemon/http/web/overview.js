// What the daemon itself is doing: the figures at the top, and the lines that it refused.

import { byId, make, put } from './dom.js';
import { sparkline } from './draw.js';
import * as format from './format.js';

const KEPT = 70; // a bit more than a minute

function totals(report) {
  const sum = { values: 0, datagrams: 0, dropped: 0, refused: 0, reasons: {}, stuck: null };
  for (const thread of report.ingest.threads) {
    sum.values += thread.values;
    sum.datagrams += thread.datagrams;
    sum.dropped += thread.dropped.kernel;
    sum.refused += thread.rejected.total;
    for (const [reason, count] of Object.entries(thread.rejected))
      if (reason !== 'total') sum.reasons[reason] = (sum.reasons[reason] ?? 0) + count;
    if (thread.stuck_s !== null) sum.stuck = thread;
  }
  return sum;
}

export class Overview {
  #before = null;
  #rates = [];

  constructor(model) {
    this.model = model;
    model.addEventListener('server', () => this.#show(model.report));
    byId('refused-button').addEventListener('click', () => this.toggle());
  }

  toggle() {
    const panel = byId('refused-panel');
    panel.hidden = !panel.hidden;
    byId('refused-button').setAttribute('aria-expanded', String(!panel.hidden));
  }

  #show(report) {
    const { service } = report;
    const now = { ...totals(report), time: Date.parse(service.started_at) / 1000 + service.uptime_s };
    const before = this.#before?.boot === service.started_at ? this.#before : null;
    const seconds = before ? now.time - before.time : 0;
    const rate = (field) => (seconds > 0 ? (now[field] - before[field]) / seconds : NaN);
    this.#before = { ...now, boot: service.started_at };
    this.#rates.push({ time: now.time, values: rate('values'), datagrams: rate('datagrams') });
    if (this.#rates.length > KEPT) this.#rates.shift();
    put(byId('where'), `${report.http.address} · ${service.version}`);
    this.#traffic(now, rate, report);
    this.#losses(now, rate, report);
    this.#service(report, now);
    this.redraw();
  }

  redraw() {
    const now = this.#rates.at(-1)?.time;
    for (const field of ['values', 'datagrams'])
      sparkline(byId(`${field}-line`), this.#rates.map((one) => ({ time: one.time, y: one[field] })),
        { now, width: 110, height: 26, zero: true });
  }

  #traffic(now, rate, report) {
    const threads = report.ingest.threads.length;
    put(byId('values-rate'), format.short(rate('values')));
    put(byId('values-sub'), `${format.number(now.values)} in all`);
    put(byId('datagrams-rate'), format.short(rate('datagrams')));
    const text = now.stuck ? `ingest-${now.stuck.id} stuck for ${format.duration(now.stuck.stuck_s)}`
      : `${format.number(now.datagrams)} in all, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
    put(byId('datagrams-sub'), text);
    byId('datagrams-sub').classList.toggle('bad', now.stuck !== null);
  }

  #losses(now, rate, report) {
    put(byId('dropped'), format.number(now.dropped));
    const lately = rate('dropped');
    put(byId('dropped-sub'), now.dropped === 0 ? 'by the kernel: none' : lately > 0 ? `${format.short(lately)}/s now: buffer full` : 'none just now');
    byId('dropped-tile').classList.toggle('bad', now.dropped > 0);
    put(byId('refused'), format.number(now.refused));
    const [latest] = report.recent_rejected;
    put(byId('refused-sub'), latest ? `${latest.reason} from ${format.sender(latest)}` : 'none');
    byId('refused-sub').title = latest ? `${latest.text}\n${latest.hint}` : '';
    byId('refused-tile').classList.toggle('warn', now.refused > 0);
    this.#refused(now, report);
  }

  #refused(now, report) {
    const counts = Object.entries(now.reasons).filter(([, count]) => count > 0);
    const text = JSON.stringify([counts, report.recent_rejected]);
    const selection = getSelection(); // what somebody is about to copy stays
    const held = selection.type === 'Range' && byId('refused-panel').contains(selection.anchorNode);
    if (held || this.refusedText === text) return;
    this.refusedText = text;
    byId('reasons').replaceChildren(...counts.map(([reason, count]) => make('li', {}, reason, ' ', make('b', {}, format.number(count)))));
    byId('refused-lines').replaceChildren(...report.recent_rejected.map((one) => make('tr', {},
      make('td', {}, format.clock(Date.parse(one.time) / 1000)), make('td', {}, one.reason),
      make('td', {}, format.sender(one)), make('td', { class: 'line' }, one.text, make('span', { class: 'hint' }, one.hint)))));
    byId('refused-none').hidden = report.recent_rejected.length > 0;
    byId('refused-lines').closest('table').hidden = report.recent_rejected.length === 0;
  }

  #service(report, now) {
    const { series, memory, state, service } = report;
    put(byId('series-total'), format.number(series.total));
    put(byId('series-sub'), series.expired > 0 ? `${format.short(series.expired)} expired, ${format.bytes(memory.rss_bytes)}`
      : `of ${format.number(series.max)}, ${format.bytes(memory.rss_bytes)}`);
    put(byId('up'), format.duration(service.uptime_s));
    put(byId('up-sub'), checkpointText(state, now.time));
    byId('up-tile').classList.toggle('bad', state !== null && (state.checkpoints.failed > 0 || state.recovered.quarantined > 0));
    byId('up-sub').title = state === null ? 'Start with --state DIR to keep values over restarts' : state.directory;
  }
}

function checkpointText(state, now) {
  if (state === null) return 'in memory only';
  const { latest, failed } = state.checkpoints;
  const aside = state.recovered.quarantined;
  if (failed > 0) return `${format.number(failed)} checkpoints failed`;
  if (aside > 0) return `${format.number(aside)} batches set aside`;
  if (latest === null) return 'no checkpoint yet';
  return `saved ${format.duration(now - Date.parse(latest.time) / 1000)} ago, ${format.bytes(latest.bytes)}`;
}
