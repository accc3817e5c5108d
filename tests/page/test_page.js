// The page in a browser, over a daemon of its own for each test.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { Daemon, check, equal, main, note, shot, test, until, visit } from './harness.js';

// A test with a daemon and a page of it.
function onPage(name, options, run) {
  test(name, async () => {
    const daemon = await Daemon.start();
    try {
      await visit(daemon, options, (page, complaints) => run(page, daemon, complaints));
    } finally {
      await daemon.stop();
    }
  });
}

const row = (page, name) => page.locator('#rows .row', { hasText: name });
const cell = (page, name, column) => row(page, name).locator(`.${column}`);
const text = (locator) => locator.innerText();

async function names(page) {
  const shown = await page.locator('#rows .row:not([hidden])').evaluateAll((rows) => rows
    .sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))
    .map((one) => one.querySelector('.id').textContent));
  return shown.join(' ');
}

const wait = (locator, wanted, what) => until(async () => (await text(locator)).trim() === wanted, `${what} is ${wanted}`);
const waitNames = (page, wanted) => until(async () => await names(page) === wanted, `the table shows ${wanted}`);

// ---- what comes in ----

onPage('a value sent over UDP appears', {}, async (page, daemon) => {
  await page.waitForSelector('#empty:not([hidden])');
  const times = [];
  for (let n = 1; n <= 5; n++) {
    const began = Date.now();
    await daemon.send(`first.${n}:${n}|ms`);
    await row(page, `first.${n}`).waitFor();
    times.push(Date.now() - began);
    equal(String(n), await text(cell(page, `first.${n}`, 'value')), `value of first.${n}`);
  }
  note(`appeared after ${times.join(', ')} ms`);
  check(Math.min(...times) <= 2000, 'within 2 s, at least once in five times');
});

onPage('every kind shows what it is', {}, async (page, daemon) => {
  await daemon.send('t:10:20:60|ms', 'c:+5|c', 'big:9007199254740993|c', 'g:-2.5|g', 's:a|s', 's:b|s', 'on:1|f', 'off:0|f', 'p:250/1000|p', 'tagged:1|ms|#b:2,a:1');
  await row(page, 'tagged').waitFor();
  const shown = async (name, column) => text(page.locator('#rows .row', { has: page.locator(`.id:text-is("${name}")`) }).locator(`.${column}`));
  equal(['30', '10', '60', '21.6025', '3'], await Promise.all(['value', 'min', 'max', 'stddev', 'count'].map((column) => shown('t', column))), 't');
  equal(['5', '9.0072e15', '-2.5', '2', 'on', 'off', '25.0 %'], await Promise.all(['c', 'big', 'g', 's', 'on', 'off', 'p'].map((name) => shown(name, 'value'))), 'values');
  equal('250 / 1,000', await shown('p', 'count'), 'done of p');
  equal('a:1  b:2', await row(page, 'tagged').locator('.tags').textContent(), 'tags');
  equal('9,007,199,254,740,993', await cell(page, 'big', 'value').getAttribute('title'), 'all digits of a large counter');
});

onPage('rates and the latest mean are differences of exact figures', {}, async (page, daemon) => {
  await daemon.send('t:10|ms', 'c:1|c');
  await row(page, 't').first().waitFor();
  await daemon.send('t:30:50|ms', 'c:1000000|c');
  await wait(cell(page, 't', 'count').first(), '3', 'count of t');
  await row(page, 't').first().click();
  await page.focus('#plot');
  await page.keyboard.press('ArrowLeft');
  // The latest sample may be one in which nothing came; the mean stands in an earlier one.
  await until(async () => {
    if (/mean 40\b/.test(await text(page.locator('#readout')))) return true;
    await page.keyboard.press('ArrowLeft');
    return false;
  }, 'a sample with the mean of 30 and 50');
});

// ---- nothing yet ----

onPage('the empty state tells how to send, and the command works', { permissions: ['clipboard-read', 'clipboard-write'] }, async (page, daemon) => {
  await page.waitForSelector('#empty:not([hidden])');
  check(await page.locator('#series').isHidden(), 'no table');
  await shot(page, 'empty');
  await page.click('[data-copy=command-bash]');
  await page.waitForSelector('[data-copy=command-bash]:text-is("Copied")');
  const command = await page.evaluate(() => navigator.clipboard.readText());
  check(command.includes(daemon.udp.replace(':', '/')), `the real port in ${command}`);
  await promisify(execFile)('bash', ['-c', command]);
  await row(page, 'hello').waitFor();
  equal('42', await text(cell(page, 'hello', 'value')), 'what the command sent');
  check(await page.locator('#empty').isHidden(), 'the empty state has gone');
});

// ---- finding ----

onPage('search, kinds and sorting', {}, async (page, daemon) => {
  await daemon.send('worker.10:1|ms', 'worker.2:30:30|ms', 'Worker.3:5|c', 'api:2:2:2|ms|#env:prod', 'api.x:7|g');
  await waitNames(page, 'api api.x worker.2 Worker.3 worker.10');
  for (const [words, wanted] of [['WORK', 'worker.2 Worker.3 worker.10'], ['prod ap', 'api'], ['api', 'api api.x'], ['a?i', 'api'],
    ['*.?', 'api.x worker.2 Worker.3'], ['nothing', ''], ['[', ''], ['', 'api api.x worker.2 Worker.3 worker.10']]) {
    await page.fill('#search', words);
    await waitNames(page, wanted);
  }
  await page.click('[data-kind="1"]');
  await waitNames(page, 'Worker.3');
  await page.click('[data-kind="0"]');
  await waitNames(page, 'api worker.2 worker.10');
  await page.click('#head .count button');
  await waitNames(page, 'api worker.2 worker.10');
  equal('descending', await page.getAttribute('#head .count', 'aria-sort'), 'aria-sort of count');
  await page.click('#head .count button');
  await waitNames(page, 'worker.10 worker.2 api');
  await page.click('#head .value button');
  await waitNames(page, 'worker.2 api worker.10');
  await page.click('[data-kind="-1"]');
  await page.fill('#search', 'zzz');
  await page.waitForSelector('#none:not([hidden])');
  equal('0 series', await text(page.locator('#count')), 'count');
});

onPage('keys: search, choose, plot, close, help, theme', {}, async (page, daemon) => {
  await daemon.send('a.one:1|ms', 'a.two:2|ms', 'b:3|ms');
  await waitNames(page, 'a.one a.two b');
  await page.keyboard.press('/');
  await page.keyboard.type('a.');
  await waitNames(page, 'a.one a.two');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('#row-1[aria-selected=true]');
  equal('row-1', await page.getAttribute('#grid', 'aria-activedescendant'), 'the active row');
  await page.keyboard.press('Enter');
  equal('a.two', await text(page.locator('#dock-name')), 'the plotted series');
  await page.keyboard.press('ArrowUp');
  await wait(page.locator('#dock-name'), 'a.one', 'the plotted series');
  await page.keyboard.press('Escape');
  check(await page.locator('#dock').isHidden(), 'Escape closes the plot');
  await page.keyboard.press('Escape');
  await waitNames(page, 'a.one a.two b');
  await page.keyboard.press('End');
  await page.waitForSelector('#row-2[aria-selected=true]');
  await page.keyboard.press('Home');
  await page.waitForSelector('#row-0[aria-selected=true]');
  await page.keyboard.press('?');
  check(await page.locator('#help').isVisible(), 'help is open');
  await shot(page, 'help');
  await page.keyboard.press('Escape');
  check(await page.locator('#help').isHidden(), 'Escape closes the help');
  await page.keyboard.press('t');
  await wait(page.locator('#theme'), 'Theme: light', 'the theme');
});

// ---- progress, flags, plot ----

onPage('progress bars and flags', {}, async (page, daemon) => {
  await daemon.send('import:250/1000|p', 'endless:7|p', 'maintenance:1|f');
  const bar = page.locator('#progress-bars .progress', { hasText: 'import' });
  await bar.waitFor();
  equal('25.0', await bar.locator('[role=progressbar]').getAttribute('aria-valuenow'), 'aria-valuenow');
  await page.locator('#progress-bars', { hasText: 'total not known' }).waitFor();
  equal(null, await page.locator('#progress-bars .progress', { hasText: 'endless' }).locator('[role=progressbar]').getAttribute('aria-valuenow'), 'aria-valuenow of an unknown total');
  await until(async () => {
    await daemon.send('import:+1|p');
    return /\/s/.test(await text(bar)) && /left/.test(await text(bar));
  }, 'a rate and the remaining time');
  await daemon.send('import:1000|p');
  await page.locator('#progress-bars .progress', { hasText: 'done' }).waitFor();
  const flag = page.locator('#flags .flag', { hasText: 'maintenance' });
  await wait(flag.locator('.word'), 'on', 'the flag');
  await daemon.send('maintenance:0|f');
  await wait(flag.locator('.word'), 'off', 'the flag');
});

onPage('the plot shows exact figures, a line, a band and what they are', {}, async (page, daemon) => {
  await daemon.send('db.query:10:20:60|ms|#env:prod');
  await row(page, 'db.query').click();
  let n = 0;
  const painted = () => page.evaluate(() => {
    const canvas = document.getElementById('plot');
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    const line = getComputedStyle(document.documentElement).getPropertyValue('--line').match(/\d+/g).map(Number);
    let found = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && line.every((part, at) => Math.abs(data[i + at] - part) < 12)) found++;
    return found;
  });
  await until(async () => {
    await daemon.send(`db.query:${20 + 10 * (++n % 2)}|ms|#env:prod`);
    return await painted() > 60;
  }, 'a line in the plot');
  const { count, sum } = (await daemon.json('stats')).stats['db.query|#env:prod'];
  await wait(page.locator('#dock-figures dd').nth(0), count.toLocaleString('en-US'), 'count');
  equal(sum.toLocaleString('en-US'), await text(page.locator('#dock-figures dd').nth(1)), 'sum');
  const legend = await text(page.locator('#legend'));
  for (const words of ['mean of the values that came between two looks', 'min to max since the first value', 'seen here since'])
    check(legend.includes(words), `"${words}" in ${legend}`);
  await page.locator('#plot').hover({ position: { x: (await page.locator('#plot').boundingBox()).width - 20, y: 60 } });
  await until(async () => /min 10 +max 60/.test(await text(page.locator('#readout'))), 'a readout under the pointer');
  await page.click('#close');
  check(await page.locator('#dock').isHidden(), 'closed');
});

// ---- the daemon ----

onPage('refused lines show their reason, source, text and what helps', {}, async (page, daemon) => {
  await daemon.send('good:1|c', 'latency:fast|ms', '<b>bad</b>:1|zz');
  await wait(page.locator('#refused'), '2', 'refused lines');
  const source = `127.0.0.1:${daemon.socket.address().port}`;
  check((await text(page.locator('#refused-sub'))).startsWith(`bad_`), 'the latest reason');
  await page.click('#refused-button');
  const panel = await text(page.locator('#refused-panel'));
  for (const part of ['bad_value', 'bad_type', source, 'latency:fast|ms', '<b>bad</b>:1|zz', 'a number is digits', 'the types are']) check(panel.includes(part), `"${part}" in ${panel}`);
  equal(0, await page.locator('#refused-panel b:text-is("bad")').count(), 'elements made of a line');
});

onPage('a lost daemon is told, and found again', {}, async (page, daemon, complaints) => {
  await daemon.send('before:1|c');
  await row(page, 'before').waitFor();
  await row(page, 'before').click();
  daemon.process.kill('SIGTERM');
  await daemon.ended;
  await page.waitForSelector('body.lost');
  await until(async () => /^No answer since .* ago$/.test(await text(page.locator('#state-text'))), 'since when');
  check(await row(page, 'before').isVisible(), 'what was known stays');
  await shot(page, 'lost');
  const again = await Daemon.start({ udp: daemon.udp, http: daemon.http });
  daemon.process = again.process; // which is stopped with it
  daemon.ended = again.ended;
  again.socket.close();
  await page.click('#retry');
  await page.waitForSelector('body:not(.lost)');
  await daemon.send('after:1|c');
  await row(page, 'after').waitFor();
  await until(async () => await row(page, 'before').count() === 0 || !await row(page, 'before').isVisible(), 'what the new daemon does not have has gone');
  await page.locator('#dock-gone').waitFor();
  equal('before', await text(page.locator('#dock-name')), 'what is told to be no longer there');
  // The browser itself tells of requests that failed.
  complaints.splice(0, complaints.length, ...complaints.filter((one) => !/net::ERR_/.test(one)));
});

onPage('a hidden page asks seldom, and at once when it is seen', {}, async (page, daemon) => {
  await daemon.send('a:1|c');
  await row(page, 'a').waitFor();
  let asked = 0;
  page.context().on('request', (request) => { asked += request.url().endsWith('/server'); });
  await until(() => asked >= 2, 'it asks');
  const turn = (hidden) => page.evaluate((value) => {
    Object.defineProperty(document, 'hidden', { value, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, hidden);
  await turn(true);
  const { uptime_s: from } = (await daemon.json('server')).service;
  const before = asked;
  await until(async () => (await daemon.json('server')).service.uptime_s > from + 5, 'five seconds of the daemon have passed');
  check(asked - before <= 1, `at most the look that was due: ${asked - before}`);
  await daemon.send('b:1|c');
  await turn(false);
  await row(page, 'b').waitFor();
});

test('the state directory and its checkpoints are told', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'atomicstatsd-test-'));
  const daemon = await Daemon.start({ args: ['--state', directory] });
  try {
    await daemon.send('a:1|c');
    await visit(daemon, {}, async (page) => {
      await until(async () => /^saved \d+ s ago, /.test(await text(page.locator('#up-sub'))), 'a checkpoint');
      equal(directory, await page.getAttribute('#up-sub', 'title'), 'where');
    });
  } finally {
    await daemon.stop();
    rmSync(directory, { recursive: true });
  }
});

// ---- safety ----

onPage('a hostile name is a text', {}, async (page, daemon) => {
  const name = '<img src=x onerror=alert(1)>';
  page.on('dialog', () => check(false, 'a dialog'));
  await daemon.send(`${name}:1|ms|#<script>alert(2)</script>`, `${name}:1/2|p`, `${name}:1|f`, '__proto__:3|c', 'constructor:4|g', '"\\&amp;{{x}}:5|g', '\u202egnp.exe:1|c');
  await row(page, 'constructor').waitFor();
  equal(3, await row(page, name).count(), 'rows of that name');
  await row(page, name).filter({ hasText: 'script' }).click();
  equal(name, await text(page.locator('#dock-name')), 'the dock');
  equal('<script>alert(2)</script>', await text(page.locator('#dock-tags')), 'its tags');
  equal('3', await text(cell(page, '__proto__', 'value')), '__proto__');
  equal(1, await page.locator('img').count(), 'images: the logo');
  equal(2, await page.locator('script').count(), 'scripts');
});

onPage('nothing but its own files may run', {}, async (page, daemon, complaints) => {
  await page.waitForSelector('#empty:not([hidden])');
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    const tries = [() => { document.body.innerHTML += '<p id=made>'; }, () => { script.textContent = 'document.title = "ran"'; document.head.append(script); },
      () => { document.body.setAttribute('style', 'outline: 9px solid red'); }];
    for (const one of tries) try { one(); } catch { /* refused */ }
    return [document.getElementById('made'), document.title, getComputedStyle(document.body).outlineWidth === '9px'];
  });
  equal([null, 'atomicstatsd', false], ran, 'markup, script and style');
  check(complaints.some((one) => one.includes('Content Security Policy')), `the policy said so: ${complaints}`);
  complaints.length = 0;
});

// ---- looks ----

function luminance(colour) {
  const [r, g, b] = colour.match(/[\d.]+/g).map((part) => Number(part) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

for (const colorScheme of ['light', 'dark']) {
  onPage(`${colorScheme}: texts stand out, nothing jumps`, { colorScheme, reducedMotion: 'reduce' }, async (page, daemon) => {
    const send = (n) => daemon.send(...Array.from({ length: 24 }, (_, i) => `host.${i}.load:${(i + n % 7) / 3}|ms`), 'api.requests:12|c|#env:prod', 'queue:4|g',
      `import.customers:${n}/400|p`, 'backup:3|p', 'leader:1|f|#dc:fra', 'debug:0|f', 'users:ann|s', 'api.latency:fast|ms');
    await send(1);
    await row(page, 'host.3').waitFor();
    await page.evaluate(() => {
      globalThis.shifts = [];
      new PerformanceObserver((list) => shifts.push(...list.getEntries().map((one) => [one.value, one.sources.map(({ node }) => node?.outerHTML?.slice(0, 200) ?? node?.textContent)]))).observe({ type: 'layout-shift' });
    });
    await row(page, 'host.3').click();
    let n = 1;
    const uptime = (await daemon.json('server')).service.uptime_s;
    await until(async () => { await send(++n); return (await daemon.json('server')).service.uptime_s > uptime + 6; }, 'some looks');
    await shot(page, colorScheme);
    equal([], (await page.evaluate(() => shifts)).filter(([value]) => value > 0.0005), 'layout shifts');
    const colours = await page.evaluate(() => Object.fromEntries(['--ground', '--surface', '--text', '--muted', '--good', '--warn', '--bad', '--line', '--chosen'].map((name) => {
      const probe = document.createElement('i');
      document.body.append(probe);
      probe.style.color = `var(${name})`;
      const { color } = getComputedStyle(probe);
      probe.remove();
      return [name, color];
    })));
    for (const [front, back] of ['--text', '--muted', '--good', '--warn', '--bad', '--line'].flatMap((name) => [[name, '--surface'], [name, '--ground']]).concat([['--line', '--chosen'], ['--muted', '--chosen']])) {
      const [dark, light] = [luminance(colours[front]), luminance(colours[back])].sort((a, b) => a - b);
      const ratio = (light + 0.05) / (dark + 0.05);
      check(ratio >= 4.5, `contrast of ${front} on ${back}: ${ratio.toFixed(2)}`);
    }
    const nameless = await page.locator('button, input, [role=progressbar], canvas[role]').evaluateAll((all) => all
      .filter((one) => !(one.ariaLabel || one.textContent.trim() || one.title)).map((one) => one.outerHTML));
    equal([], nameless, 'controls without a name');
  });
}

onPage('the switch wins over the system, and is remembered', { colorScheme: 'dark' }, async (page) => {
  const ground = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  const dark = await ground();
  await page.click('#theme');
  const light = await ground();
  check(luminance(light) > 0.8 && luminance(dark) < 0.1, `${dark} became ${light}`);
  await page.reload();
  equal(light, await ground(), 'after a reload');
  await page.click('#theme');
  await page.click('#theme');
  equal([dark, 'Theme: auto'], [await ground(), await text(page.locator('#theme'))], 'auto again');
});

onPage('on a phone everything fits its width', { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }, async (page, daemon) => {
  await daemon.send(...Array.from({ length: 30 }, (_, i) => `service.with.a.rather.long.name.${i}:${i * 1000.125}|ms|#env:production,region:eu-central-1`),
    'import.customers.of.a.long.name:120/400|p|#region:eu-central-1,env:production', 'leader.of.the.whole.cluster:1|f|#dc:fra');
  await row(page, 'name.3').first().waitFor();
  await shot(page, 'phone');
  equal(390, await page.evaluate(() => document.documentElement.scrollWidth), 'width of the page');
  await row(page, 'name.3').first().tap();
  await page.waitForSelector('#dock:not([hidden])');
  await until(async () => (await text(page.locator('#legend'))).includes('since'), 'a legend');
  await shot(page, 'phone-plot');
  equal(390, await page.evaluate(() => document.documentElement.scrollWidth), 'width of the page with a plot');
  check(await page.evaluate(() => document.getElementById('dock').scrollWidth <= innerWidth), 'the plot fits');
});

await main();
