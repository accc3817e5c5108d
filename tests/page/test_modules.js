// The page's modules that draw nothing, each by itself. They run in the browser, as they are served.

import { Daemon, check, equal, main, test, visit } from './harness.js';

// `run` gets a page in which load(NAME) is a module.
function onModules(name, run) {
  test(name, async () => {
    const daemon = await Daemon.start();
    try {
      await visit(daemon, {}, async (page) => {
        await page.evaluate(() => {
          globalThis.load = (module) => import(`/web/${module}.js`);
          globalThis.reply = (uptime_s, sections, started_at = '2026-01-01T00:00:00.000Z') => ({ service: { pid: 1, started_at, uptime_s },
            stats: {}, counters: {}, gauges: {}, sets: {}, flags: {}, progress: {}, ...sections });
        });
        await run(page);
      });
    } finally {
      await daemon.stop();
    }
  });
}

onModules('numbers and times', async (page) => {
  const shown = await page.evaluate(async () => {
    const f = await load('format');
    return {
      sender: [{ source: '127.0.0.1:5' }, { source: 'unix', pid: 42, uid: 0 }, { source: 'unix', pid: null, uid: null }].map(f.sender),
      number: [0, -3.5, 1234567, 1e9, 1234.5678, 0.000123456, 1e-7, 123456.7, 1 / 3, NaN, -0.1].map(f.number),
      short: [0, 0.5, 999.94, 999.95, 12345, 1e6, -1500, 0.001, 2 ** 63, Infinity].map(f.short),
      exact: [0.1, 1234.5678901234, 9007199254740991, 1e21, -1234567.25].map(f.exact),
      duration: [0.4, 59.6, 61, 3600, 7260, 90061, NaN].map(f.duration),
      percent: [0, 0.25, 0.29, 0.9996, 1, 25.17, NaN].map(f.percent),
      bytes: [0, 999, 1000, 5.9 * 2 ** 20, 120 * 2 ** 30].map(f.bytes),
      digits: ['9223372036854775807', '-1000', '12'].map(f.digits),
    };
  });
  equal({
    sender: ['127.0.0.1:5', 'unix, pid 42, uid 0', 'unix, pid ?, uid ?'],
    number: ['0', '-3.5', '1,234,567', '1e9', '1,234.57', '0.000123456', '1e-7', '123,457', '0.333333', '–', '-0.1'],
    short: ['0', '0.5', '999.9', '1k', '12.3k', '1M', '−1.5k', '1e-3', '9.22E', '–'],
    exact: ['0.1', '1,234.5678901234', '9,007,199,254,740,991', '1e+21', '-1,234,567.25'],
    duration: ['0 s', '1 min', '1 min 1 s', '1 h', '2 h 1 min', '1 d 1 h', '–'],
    percent: ['0 %', '25.0 %', '29.0 %', '99.9 %', '100 %', '2517 %', '–'],
    bytes: ['0 B', '999 B', '0.98 KiB', '5.9 MiB', '120 GiB'],
    digits: ['9,223,372,036,854,775,807', '-1,000', '12'],
  }, shown, 'texts');
});

onModules('differences: rates and means, over a restart and too close together', async (page) => {
  const seen = await page.evaluate(async () => {
    const { Store } = await load('store');
    const { C } = await load('columns');
    const store = new Store();
    const stats = (count, sum) => ({ stats: { t: { count, sum, mean: sum / count, min: 1, max: 9, stddev: 0 } } });
    const look = (document) => {
      store.apply(document, '', true);
      return [C.rate, C.recent].map((column) => store.columns[column][0]);
    };
    return [
      look(reply(1, stats(10, 100))), // the first
      look(reply(3, stats(14, 140))), // 4 in 2 s, of 10 each
      look(reply(3.1, stats(15, 190))), // too close: as before
      look(reply(5, stats(16, 240))), // 2 in 2 s since the last that counted, of 50 each
      look(reply(6, stats(16, 240))), // none
      look(reply(1, stats(2, 8), '2026-01-02T00:00:00.000Z')), // another process
      look(reply(2, stats(3, 12), '2026-01-02T00:00:00.000Z')),
    ].map((pair) => pair.map((value) => (Number.isNaN(value) ? null : value)));
  });
  equal([null, null], seen[0], 'the first look');
  equal([[2, 10], [2, 10], [1, 50], [0, null]], seen.slice(1, 5), 'rate and mean of each look');
  equal([1, 4], seen[6], 'after a restart');
  check(seen[5][0] === null || seen[5][0] >= 0, `no rate across a restart: ${seen[5]}`);
});

onModules('series come and go', async (page) => {
  const seen = await page.evaluate(async () => {
    const { Store } = await load('store');
    const { Order } = await load('order');
    const store = new Store(), order = new Order();
    const look = (uptime, counters, complete = true) => {
      const { numbers, gone } = store.apply(reply(uptime, { counters }), '', complete);
      order.update(store);
      const names = [...order.ask(store, { text: '', kind: -1, sort: 'name', descending: false }).order].map((number) => store.ids[number]);
      return [[...numbers], gone, names];
    };
    return [look(1, { b: 1, a: 2 }), look(2, { a: 3, c: 1 }), look(3, { c: 2 }, false), look(4, { b: 5, a: 3, c: 2 })];
  });
  equal([[[0, 1], [], ['a', 'b']], [[1, 2], [0], ['a', 'c']], [[2], [], ['a', 'c']], [[3, 1, 2], [], ['a', 'b', 'c']]], seen, 'numbers, gone, order');
});

onModules('where most series have gone, it is time to begin anew', async (page) => {
  const sparse = await page.evaluate(async () => {
    const { Store } = await load('store');
    const store = new Store();
    const look = (from, to) => {
      store.apply(reply(from, { gauges: Object.fromEntries(Array.from({ length: to - from }, (_, n) => [`g${from + n}`, n])) }), '', true);
      return [store.length, store.alive, store.sparse];
    };
    return [look(0, 3000), look(1000, 4000), look(2500, 4500)];
  });
  equal([[3000, 3000, false], [4000, 3000, false], [4500, 2000, true]], sparse, 'length, alive, sparse');
});

onModules('digits that no double holds', async (page) => {
  const digits = await page.evaluate(async () => {
    const { Store } = await load('store');
    const store = new Store();
    const text = '{"stats":{"a":{}},"counters":{"a":9007199254740993,"q\\"t":-9223372036854775808,"small":5,"double":1e300}}';
    store.apply(reply(1, { counters: JSON.parse(text).counters }), text, true);
    return [...store.exact];
  });
  equal([[0, '9007199254740993'], [1, '-9223372036854775808'], [3, '1e300']], digits, 'digits by number');
});

onModules('what is asked for next', async (page) => {
  const plans = await page.evaluate(async () => {
    const { Plan } = await load('plan');
    const { Store } = await load('store');
    const store = new Store(), plan = new Plan();
    store.apply(reply(1, { counters: Object.fromEntries(Array.from({ length: 6000 }, (_, n) => [`${n % 2 ? 'odd' : 'even'}*.${n % 50}.x${n}.q`, n])) }), '', true);
    const find = (numbers, text = '') => { plan.look(numbers); return plan.slice(store, { text }); };
    const first = [plan.full(0, 10), plan.full(0, 100000)];
    plan.tookFull(1000, 400, 100000);
    return { first, then: [plan.full(8000, 100000), plan.full(9001, 100000), plan.full(1001, 2000)], every: plan.fullEveryMs,
      prefix: find([1, 51, 101]), tooMany: find([0, 1]), word: find([1, 10], '.x1'), otherCase: find([1, 10], '.X1'), none: find([]) };
  });
  equal([true, true], plans.first, 'all at first');
  equal([false, true, true], plans.then, 'all again when it is time, or they are few');
  equal(8000, plans.every, 'a twentieth of the time');
  equal('stats?name=odd%3F.1.x*', plans.prefix, 'what begins alike');
  equal([null, 'stats?name=*.x1*', null, null], [plans.tooMany, plans.word, plans.otherCase, plans.none], 'other slices');
});

onModules('a history keeps the latest samples of what was looked at lately', async (page) => {
  const seen = await page.evaluate(async () => {
    const { History, SAMPLES } = await load('history');
    const history = new History();
    const times = (series, since = 0) => { const all = []; history.each(series, since, (time) => all.push(time)); return all; };
    history.want(7);
    for (let time = 1; time <= SAMPLES + 5; time++) history.put(7, [time, time, 0, 0, 0]);
    history.put(7, [SAMPLES + 5, 0, 0, 0, 0]); // the same moment again
    history.put(8, [1, 1, 1, 1, 1]); // nobody looks at it
    const result = { first: history.first(7), count: times(7).length, late: times(7, SAMPLES + 4), unknown: times(8), SAMPLES };
    for (let series = 100; series < 100 + 511; series++) history.want(series);
    history.want(7);
    history.want(5000); // one more than there is room for
    return { ...result, kept: history.has(7), given: history.has(100), full: history.full };
  });
  const { SAMPLES } = seen;
  equal([6, SAMPLES, [SAMPLES + 4, SAMPLES + 5], []], [seen.first, seen.count, seen.late, seen.unknown], 'samples');
  equal([true, false, true], [seen.kept, seen.given, seen.full], 'the one looked at longest ago went');
});

onModules('ticks are round and within', async (page) => {
  const ticks = await page.evaluate(async () => {
    const { ticks, range } = await load('plot');
    return [ticks(0, 100, 4), ticks(0.13, 0.31, 4), ticks(5, 5, 4), range([[3, NaN, 7]], false).map((v) => Math.round(v * 100)), range([[]], false), range([[5]], true)];
  });
  equal([[0, 25, 50, 75, 100], [0.15, 0.2, 0.25, 0.3], [5], [284, 716], [0, 1], [0, 5.2]], ticks.map((list) => list.map((value) => Number(value.toFixed(6)))), 'ticks and ranges');
});

await main();
