// What the page's tests share: a daemon of our own, a browser, TAP. `-k PATTERN` picks tests by name.

import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const BINARY = path.resolve(process.env.ATOMICSTATSD ?? path.join(ROOT, 'build/atomicstatsd'));
const BROWSERS = [process.env.CHROMIUM, '/usr/bin/chromium'];
export const SHOTS = path.join(ROOT, 'build/page');
export const DEADLINE_MS = 1000 * Number(process.env.TEST_DEADLINE_S ?? 60);

// Between two questions: a loop without it would take the time from those who are to answer.
const PAUSE_MS = 10;

export function check(condition, text) {
  if (!condition) throw new Error(text);
}

export function equal(expected, actual, what) {
  const [wanted, got] = [expected, actual].map((value) => JSON.stringify(value));
  check(wanted === got, `${what}: expected ${wanted}, actual ${got}`);
}

export function note(text) {
  process.stdout.write(`# ${text}\n`);
}

// Asks until the answer is true. => the answer.
export async function until(question, what) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const answer = await question();
    if (answer) return answer;
    check(Date.now() < end, `still not so: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

// ---- the daemon ----

export class Daemon {
  // Free ports, unless told which.
  static async start({ udp = '127.0.0.1:0', http = '127.0.0.1:0', args = [] } = {}) {
    const daemon = new Daemon();
    daemon.process = spawn(BINARY, ['--udp', udp, '--http', http, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    daemon.ended = new Promise((resolve) => daemon.process.on('close', resolve));
    let log = '';
    daemon.process.stderr.setEncoding('utf8').on('data', (text) => { log += text; });
    const line = await until(() => /udp ([\d.]+:\d+).*http (?:http:\/\/)?([\d.]+:\d+)/.exec(log)
      ?? (daemon.process.exitCode !== null && check(false, `the daemon ended: ${log}`)), 'the daemon names its addresses');
    [daemon.udp, daemon.http] = [line[1], line[2]];
    daemon.url = `http://${daemon.http}/`;
    daemon.socket = dgram.createSocket('udp4');
    return daemon;
  }

  send(...lines) {
    const [host, port] = this.udp.split(':');
    return new Promise((resolve, reject) => {
      this.socket.send(lines.join('\n'), Number(port), host, (error) => (error ? reject(error) : resolve()));
    });
  }

  async json(target) {
    return (await fetch(this.url + target)).json();
  }

  // Many lines, never more in flight than the daemon has taken.
  async fill(lines) {
    const before = (await this.json('stats?type=flags')).ingest.lines;
    for (let at = 0; at < lines.length;) {
      let sent = 0;
      for (; sent < 40 && at < lines.length; sent++, at += 30) await this.send(...lines.slice(at, at + 30));
      const wanted = before + Math.min(at, lines.length);
      await until(async () => (await this.json('stats?type=flags')).ingest.lines >= wanted, `${wanted} lines have come in`);
    }
  }

  async stop() {
    this.socket.close();
    this.process.kill('SIGTERM');
    await this.ended;
    equal(0, this.process.exitCode, 'exit status of the daemon');
  }
}

// ---- the browser ----

let browser = null;

async function launch() {
  const executablePath = BROWSERS.find((name) => name && existsSync(name));
  check(executablePath, 'there is no chromium');
  // Chromium refuses to be root within its sandbox; the pages are our own.
  const args = process.getuid() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args: [...args, '--disable-dev-shm-usage'] });
}

// A page of the daemon in a window of its own, which must end without an error or a request elsewhere.
// `use` gets the page and what it has complained of so far.
export async function visit(daemon, options, use) {
  browser ??= await launch();
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const complaints = [];
  context.on('request', (request) => {
    if (new URL(request.url()).host !== daemon.http) complaints.push(`request to ${request.url()}`);
  });
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => complaints.push(`error: ${error.stack}`));
  try {
    await page.goto(daemon.url);
    await use(page, complaints);
    equal([], complaints, 'what the page complained of');
  } finally {
    await context.close();
  }
}

export async function shot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
}

// ---- TAP ----

const tests = [];

export function test(name, run) {
  tests.push({ name, run });
}

export async function main() {
  const at = process.argv.indexOf('-k');
  const chosen = tests.filter(({ name }) => at < 0 || name.includes(process.argv[at + 1]));
  process.stdout.write(`1..${chosen.length}\n`);
  let failed = 0;
  for (const [number, { name, run }] of chosen.entries()) {
    try {
      await run();
      process.stdout.write(`ok ${number + 1} - ${name}\n`);
    } catch (error) {
      failed++;
      process.stdout.write(`not ok ${number + 1} - ${name}\n`);
      for (const line of error.stack.split('\n')) note(line);
    }
  }
  await browser?.close();
  process.exitCode = failed > 0 ? 1 : 0;
}
