// Sends what test_clients.py expects with one of the clients from npm: node send.js CLIENT WHERE ROUNDS
// WHERE: a port of this machine, or a Unix socket's path.
'use strict';

const net = require('net');

const [name, where, rounds] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const port = Number(where);
const tags = { env: 'test', 'a-b': 'c d' };

// Each gives the calls under common names, and how to say "that was all".
const clients = {
  'hot-shots': () => hotShots({ host: '127.0.0.1', port }),
  'hot-shots-uds': () => hotShots({ protocol: 'uds', path: where }),
  'hot-shots-tcp': () => hotShots({ protocol: 'tcp', host: '127.0.0.1', port }),
  'hot-shots-stream': () => hotShots({ protocol: 'stream', stream: net.connect(port, '127.0.0.1') }),
  'node-statsd': () => {
    const StatsD = require('node-statsd');
    let left = 1;
    const done = (error) => {
      if (error) fail(error);
      left -= 1;
      if (left === 0) client.close();
    };
    const client = new StatsD({ host: '127.0.0.1', port, prefix: 'pre.', suffix: '.post', global_tags: ['global:1'] });
    const call = (method) => (stat, value) => {
      left += 1;
      client[method](stat, value, 1, ['env:test'], done);
    };
    return {
      increment: (stat) => call('increment')(stat, 1),
      count: call('increment'),
      decrement: (stat) => call('decrement')(stat, 1),
      timing: call('timing'),
      gauge: call('gauge'),
      set: call('set'),
      histogram: call('histogram'),
      close: () => done(),
    };
  },
  lynx: () => {
    const Lynx = require('lynx');
    const client = new Lynx('127.0.0.1', port, { scope: 'scope', on_error: fail });
    return {
      increment: (stat) => client.increment(stat),
      count: (stat, by) => client.count(stat, by),
      decrement: (stat) => client.decrement(stat),
      timing: (stat, ms) => client.timing(stat, ms),
      gauge: (stat, value) => client.gauge(stat, value),
      set: (stat, value) => client.set(stat, value),
      several: () => client.send({ several1: '1|c', several2: '2|c' }),
      close: () => {}, // it closes its socket by itself once idle
    };
  },
  'statsd-client': () => {
    const Client = require('statsd-client');
    const client = new Client({ host: '127.0.0.1', port, prefix: 'pre', tags: { global: 1 } });
    return {
      increment: (stat) => client.increment(stat, 1, tags),
      count: (stat, by) => client.counter(stat, by, tags),
      decrement: (stat) => client.decrement(stat, -1, tags),
      timing: (stat, ms) => client.timing(stat, ms, tags),
      gauge: (stat, value) => client.gauge(stat, value, tags),
      set: (stat, value) => client.set(stat, value, tags),
      histogram: (stat, value) => client.histogram(stat, value, tags),
      close: () => client.close(),
    };
  },
};

function hotShots(transport) {
  const { StatsD } = require('hot-shots');
  const client = new StatsD({
    ...transport, globalTags: { global: '1' }, datadog: true, includeDatadogTelemetry: true,
    telemetryFlushInterval: 3600000, errorHandler: fail,
  });
  return {
    increment: (stat) => client.increment(stat, 1, tags),
    count: (stat, by) => client.increment(stat, by, tags),
    decrement: (stat) => client.decrement(stat, 1, tags),
    timing: (stat, ms) => client.timing(stat, ms, tags),
    gauge: (stat, value) => client.gauge(stat, value, tags),
    set: (stat, value) => client.set(stat, value, tags),
    histogram: (stat, value) => client.histogram(stat, value, tags),
    distribution: (stat, value) => client.distribution(stat, value, tags),
    event: (title) => client.event(title, 'a text\nof two lines', { alert_type: 'warning' }, tags),
    check: (stat) => client.check(stat, client.CHECKS.OK, { message: 'well' }, tags),
    close: () => client.close((error) => error && fail(error)),
  };
}

function fail(error) {
  console.error(error);
  process.exit(1);
}

const client = clients[name]();
for (let round = 1; round <= rounds; round += 1) {
  client.increment('inc');
  client.count('cnt', round);
  client.decrement('dec');
  client.timing('time', round * 3);
  client.gauge('gauge', round + 0.5);
  client.set('set', `user-${round % 7}`);
  if (client.histogram) client.histogram('hist', round / 4);
  if (client.distribution) client.distribution('dist', round * 1e6);
  if (client.several) client.several();
}
if (client.event) client.event('a title');
if (client.check) client.check('a check');
client.close();
