// One series over the last minutes: a line, a band, and below them how many values came a second. Knows
// canvases and numbers, and nothing of the daemon.

import { blank, colour, strokeLine } from './draw.js';
import * as format from './format.js';

const LEFT = 64, RIGHT = 12, TOP = 10, BOTTOM = 20;
const STRIP = 34, STRIP_GAP = 12;
const FONT = '11px system-ui, sans-serif';

// => round numbers from low to high, about so many.
export function ticks(low, high, about) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((m) => m * power).find((s) => s >= rough);
  const first = Math.ceil(low / step), last = Math.floor(high / step);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

// => the lowest and the highest value of a list of lists, and a little more; `zero`: and 0.
export function range(lists, zero) {
  let low = Infinity, high = -Infinity;
  for (const list of lists)
    for (const value of list)
      if (Number.isFinite(value)) { low = Math.min(low, value); high = Math.max(high, value); }
  if (low > high) return [0, 1];
  if (zero) { low = Math.min(low, 0); high = Math.max(high, 0); }
  const span = high - low;
  if (span > 1e-9 * Math.max(Math.abs(low), Math.abs(high))) return [low - (zero && low === 0 ? 0 : span * 0.04), high + span * 0.04];
  const apart = Math.abs(high) * 0.05 || 1;
  return [low - (zero && low === 0 ? 0 : apart), high + apart];
}

export class Plot {
  #samples = [];
  #options = {};
  cursor = -1; // a sample, or -1

  constructor(canvas, oncursor) {
    this.canvas = canvas;
    this.oncursor = oncursor;
    canvas.addEventListener('pointermove', (event) => this.#point(event.offsetX));
    canvas.addEventListener('pointerleave', () => this.moveTo(-1));
  }

  // samples: [{time, y, low, high, rate}]; options: {now, span (s), band, fit (the line, not the band),
  // strip, zero, nothing (what to say where there is no line)}
  show(samples, options) {
    const time = this.cursor >= 0 ? this.#samples[this.cursor]?.time : NaN;
    this.#samples = samples;
    this.#options = options;
    this.cursor = samples.findIndex((sample) => sample.time === time);
    this.draw();
  }

  get sample() {
    return this.#samples[this.cursor];
  }

  step(by) {
    if (this.#samples.length === 0) return;
    const from = this.cursor < 0 ? this.#samples.length : this.cursor;
    this.moveTo(Math.min(this.#samples.length - 1, Math.max(0, from + by)));
  }

  moveTo(cursor) {
    if (this.cursor === cursor) return;
    this.cursor = cursor;
    this.draw();
    this.oncursor(this.sample);
  }

  #point(x) {
    let nearest = -1, distance = 24;
    this.#samples.forEach((sample, at) => {
      const away = Math.abs(this.#x(sample.time) - x);
      if (away < distance) { nearest = at; distance = away; }
    });
    this.moveTo(nearest);
  }

  #x(time) {
    const { now, span } = this.#options;
    return this.width - RIGHT - ((now - time) / span) * (this.width - LEFT - RIGHT);
  }

  draw() {
    this.width = this.canvas.clientWidth;
    this.height = this.canvas.clientHeight;
    if (this.width < 80 || this.height < 60) return;
    const context = blank(this.canvas, this.width, this.height);
    const { band, fit, strip, zero } = this.#options;
    const column = (field) => this.#samples.map((sample) => sample[field]);
    const [low, high] = range(band && !fit ? [column('y'), column('low'), column('high')] : [column('y')], zero);
    const bottom = this.height - BOTTOM - (strip ? STRIP + STRIP_GAP : 0);
    const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - TOP);
    context.font = FONT;
    this.#grid(context, low, high, y, bottom);
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP - 4, this.width - LEFT - RIGHT + 4, bottom - TOP + 8);
    context.clip();
    if (band) this.#band(context, y);
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.strokeStyle = colour('line');
    strokeLine(context, this.#samples.map((sample) => ({ time: sample.time, x: this.#x(sample.time), y: y(sample.y) })));
    context.restore();
    this.#nothing(context, bottom);
    if (strip) this.#strip(context, this.height - BOTTOM);
    if (this.cursor >= 0) this.#cursor(context, y, bottom);
  }

  #grid(context, low, high, y, bottom) {
    const { now, span, strip } = this.#options;
    context.strokeStyle = colour('rule');
    context.fillStyle = colour('muted');
    context.lineWidth = 1;
    context.textAlign = 'right';
    context.textBaseline = 'middle';
    for (const value of ticks(low, high, Math.max(2, (bottom - TOP) / 36))) {
      const at = Math.round(y(value)) + 0.5;
      line(context, LEFT, at, this.width - RIGHT, at);
      context.fillText(format.number(Number(value.toPrecision(12))), LEFT - 8, at);
    }
    context.textBaseline = 'alphabetic';
    context.textAlign = 'center';
    const step = [10, 15, 30, 60, 120, 180, 300].find((s) => span / s <= (this.width - LEFT) / 80) ?? 300;
    for (let ago = 0; ago <= span; ago += step) {
      const x = Math.round(this.#x(now - ago)) + 0.5;
      line(context, x, TOP, x, bottom);
      if (strip) line(context, x, bottom + STRIP_GAP, x, this.height - BOTTOM);
      const text = ago === 0 ? 'now' : ago < 60 ? `−${ago} s` : `−${ago % 60 === 0 ? ago / 60 : (ago / 60).toFixed(1)} min`;
      context.textAlign = ago === 0 ? 'right' : 'center';
      context.fillText(text, ago === 0 ? x + RIGHT - 2 : x, this.height - 5);
    }
  }

  #band(context, y) {
    const known = this.#samples.filter((sample) => Number.isFinite(sample.low) && Number.isFinite(sample.high));
    if (known.length < 2) return;
    context.fillStyle = colour('band');
    context.beginPath();
    // As steps: an extreme holds from the look that saw it.
    known.forEach((sample, at) => {
      const x = this.#x(sample.time);
      if (at > 0) context.lineTo(x, y(known[at - 1].high));
      context.lineTo(x, y(sample.high));
    });
    for (let at = known.length - 1; at >= 0; at--) {
      const x = this.#x(known[at].time);
      context.lineTo(x, y(known[at].low));
      if (at > 0) context.lineTo(x, y(known[at - 1].low));
    }
    context.fill();
    context.strokeStyle = colour('band'); // so that a band without height is seen
    context.lineWidth = 2;
    context.stroke();
  }

  // Where no line is: why.
  #nothing(context, bottom) {
    if (this.#samples.some((sample) => Number.isFinite(sample.y))) return;
    context.fillStyle = colour('muted');
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    context.fillText(this.#options.nothing, (LEFT + this.width - RIGHT) / 2, (TOP + bottom) / 2 - 9);
  }

  #strip(context, bottom) {
    const high = this.#samples.reduce((most, { rate }) => (rate > most ? rate : most), 0) || 1;
    context.fillStyle = colour('muted');
    context.textAlign = 'right';
    context.textBaseline = 'top';
    context.fillText(`${format.short(high)}/s`, LEFT - 8, bottom - STRIP);
    context.textBaseline = 'alphabetic';
    context.fillText('0', LEFT - 8, bottom);
    context.fillStyle = colour('strip');
    let before = null;
    for (const sample of this.#samples) {
      // A bar is as wide as the interval that it stands for.
      if (before !== null && sample.rate > 0 && sample.time - before < 70) {
        const from = Math.max(LEFT, this.#x(before)), height = Math.max(1, (sample.rate / high) * STRIP);
        const width = Math.max(1, this.#x(sample.time) - from - 0.5);
        context.fillRect(from, bottom - height, width, height);
      }
      before = sample.time;
    }
    context.strokeStyle = colour('rule');
    line(context, LEFT, bottom + 0.5, this.width - RIGHT, bottom + 0.5);
  }

  #cursor(context, y, bottom) {
    const { time, y: value } = this.sample;
    const x = Math.round(this.#x(time)) + 0.5;
    context.strokeStyle = colour('muted');
    line(context, x, TOP, x, this.#options.strip ? this.height - BOTTOM : bottom);
    if (!Number.isFinite(value)) return;
    context.fillStyle = colour('line');
    context.beginPath();
    context.arc(x, y(value), 3.5, 0, 2 * Math.PI);
    context.fill();
  }
}

function line(context, x, y, toX, toY) {
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(toX, toY);
  context.stroke();
}
