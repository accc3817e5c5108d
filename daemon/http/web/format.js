// Numbers and times as people read them. Everything here is plain text.

const GROUPED = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const UNITS = ['', 'k', 'M', 'G', 'T', 'P', 'E'];

export const NOTHING = '–';

function trimmed(text) {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

// Six digits, which fit a column; whole numbers below 1e9 entirely.
export function number(value) {
  if (!Number.isFinite(value)) return NOTHING;
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return GROUPED.format(value);
  if (size >= 1e9 || (size < 1e-4 && size > 0)) return trimmedExponent(value.toExponential(4));
  return size >= 1e5 ? GROUPED.format(Math.round(value)) : trimmed(value.toPrecision(6)).replace(/^-?\d+/, digits);
}

function trimmedExponent(text) {
  const [digits, exponent] = text.split('e');
  return `${trimmed(digits)}e${exponent.replace('+', '')}`;
}

// All the digits that the daemon gave.
export function exact(value) {
  if (!Number.isFinite(value)) return NOTHING;
  const text = String(value);
  return text.includes('e') ? text : text.replace(/^-?\d+/, digits);
}

// Groups the digits of a whole number that may be longer than a double's.
export function digits(text) {
  return /^-?\d+$/.test(text) ? text.replace(/\B(?=(\d{3})+$)/g, ',') : text;
}

// Three or four digits and a unit: 12.3k.
export function short(value) {
  if (!Number.isFinite(value)) return NOTHING;
  let size = Math.abs(value), unit = 0;
  while (size >= 999.95 && unit < UNITS.length - 1) { size /= 1000; unit++; }
  if (size === 0) return '0';
  const text = size >= 100 ? size.toFixed(unit === 0 && size % 1 === 0 ? 0 : 1) : size >= 0.01 ? size.toPrecision(3) : size.toExponential(1).replace('.0e', 'e');
  return (value < 0 ? '−' : '') + trimmed(text) + UNITS[unit];
}

export function bytes(value) {
  if (!Number.isFinite(value)) return NOTHING;
  let size = value, unit = 0;
  while (size >= 1000 && unit < 4) { size /= 1024; unit++; }
  return `${size >= 100 || unit === 0 ? size.toFixed(0) : size.toPrecision(2)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit]}`;
}

// Two units at most: "3 d 4 h", "5 min", "12 s".
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return NOTHING;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return pair(whole, 60, 'min', 1, 's');
  if (whole < 86400) return pair(whole, 3600, 'h', 60, 'min');
  return pair(whole, 86400, 'd', 3600, 'h');
}

function pair(whole, large, largeName, small, smallName) {
  const rest = Math.floor((whole % large) / small);
  return `${Math.floor(whole / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
}

// A moment, in seconds since 1970, as the reader's clock shows it.
export function clock(seconds) {
  return CLOCK.format(new Date(seconds * 1000));
}

export function percent(fraction) {
  if (!Number.isFinite(fraction)) return NOTHING;
  const value = Math.floor(Number((fraction * 1000).toPrecision(12))) / 10; // what is not done is not 100 %
  return `${value >= 100 || fraction === 0 ? value.toFixed(0) : value.toFixed(1)} %`;
}

// Who has sent a refused line; over a Unix socket the kernel tells which process, and whose.
export function sender({ source, pid, uid }) {
  return pid === undefined ? source : `${source}, pid ${pid ?? '?'}, uid ${uid ?? '?'}`;
}
