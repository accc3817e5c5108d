// Canvases: sharp on every screen, in the page's colours, which follow its theme.

let colours = null;

// The theme has changed: the next drawing asks again.
export function forgetColours() {
  colours = null;
}

export function colour(name) {
  if (colours === null) colours = { style: getComputedStyle(document.documentElement), known: new Map() };
  if (!colours.known.has(name)) colours.known.set(name, colours.style.getPropertyValue(`--${name}`).trim());
  return colours.known.get(name);
}

// Makes a canvas as large as asked, in pixels of the page, and empty. => its context, in these pixels.
export function blank(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  const w = Math.round(width * scale), h = Math.round(height * scale);
  const context = canvas.getContext('2d');
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  } else {
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, w, h);
  }
  context.setTransform(scale, 0, 0, scale, 0, 0);
  return context;
}

// Two samples further apart are not joined by a line: nobody knows what was between them.
const LONGEST_GAP_S = 25;

// Strokes points [{x, y, time}], broken where y is not known or too much time lies between; a point with
// no neighbour becomes a dot.
export function strokeLine(context, points) {
  const known = (at) => at >= 0 && at < points.length && Number.isFinite(points[at].y);
  const joined = (a, b) => known(a) && known(b) && points[b].time - points[a].time <= LONGEST_GAP_S;
  const dots = [];
  context.beginPath();
  for (let i = 0; i < points.length; i++) {
    if (!known(i)) continue;
    if (joined(i - 1, i)) context.lineTo(points[i].x, points[i].y);
    else context.moveTo(points[i].x, points[i].y);
    if (!joined(i - 1, i) && !joined(i, i + 1)) dots.push(points[i]);
  }
  context.stroke();
  context.fillStyle = context.strokeStyle;
  for (const dot of dots) {
    context.beginPath();
    context.arc(dot.x, dot.y, context.lineWidth * 0.9, 0, 2 * Math.PI);
    context.fill();
  }
}

// A small line of the latest minute. samples: [{time, y}]; the right edge is `now`. `zero`: from 0 on.
// What moves by less than a fiftieth of its size looks level, as it is.
export function sparkline(canvas, samples, { now, width, height, zero }) {
  const context = blank(canvas, width, height);
  const known = samples.filter((sample) => Number.isFinite(sample.y));
  if (known.length === 0) return;
  let low = zero ? 0 : Infinity, high = zero ? 0 : -Infinity;
  for (const { y } of known) { low = Math.min(low, y); high = Math.max(high, y); }
  const apart = Math.max(0.02 * Math.max(Math.abs(low), Math.abs(high)), Number.MIN_VALUE) - (high - low);
  if (apart > 0 && !zero) { low -= apart / 2; high += apart / 2; }
  const points = samples.map(({ time, y }) => ({
    time,
    x: width - 2 - ((now - time) / 60) * (width - 4),
    y: height - 3 - ((y - low) / (high - low || 1)) * (height - 6),
  }));
  context.lineWidth = 1.25;
  context.lineJoin = 'round';
  context.strokeStyle = colour('line');
  strokeLine(context, points);
}
