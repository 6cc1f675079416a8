/* A spectrogram with relevance over it, on a canvas. Places are in bins: x from the first frame's
   left edge, y from the lowest band's lower edge. */

const MARGIN = { left: 58, right: 10, top: 9, bottom: 38 };
const ROW_HEIGHT = 15; // of phonemes, and of words above them
const FULL = 0.995; // quantile of |relevance| at which colour is full
const COLOURS = {
  light: { quiet: [255, 255, 255], loud: [82, 82, 82], positive: [178, 24, 43], negative: [33, 102, 172] },
  dark: { quiet: [18, 22, 27], loud: [205, 212, 220], positive: [255, 92, 92], negative: [84, 160, 255] },
};
const darkness = matchMedia("(prefers-color-scheme: dark)");

/* What of a map is shown: its sign, and of that the strongest share of all bins. */
function threshold(map, share, sign) {
  const strengths = Float32Array.from(map, (v) => (sign * v < 0 ? 0 : Math.abs(v))).sort();
  const count = Math.round(share * map.length);
  return count >= map.length ? 0 : strengths[map.length - Math.max(1, count)];
}

function isShown(value, limit, sign) {
  return value !== 0 && sign * value >= 0 && Math.abs(value) >= limit;
}

function bound(map) {
  const sorted = Float32Array.from(map, Math.abs).sort();
  return sorted[Math.round(FULL * (sorted.length - 1))] || sorted[sorted.length - 1] || 1;
}

function extremes(values) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high > low ? high : low + 1];
}

/* The image, a pixel a bin, the highest frequency on top. */
function colour(features, map, range, look, rows, columns) {
  const { quiet, loud, positive, negative } = COLOURS[darkness.matches ? "dark" : "light"];
  const image = new ImageData(columns, rows);
  const full = map ? bound(map) : 1, limit = map ? threshold(map, look.share, look.sign) : 0;
  for (let i = 0; i < features.length; i++) {
    const level = Number.isNaN(features[i]) ? 0 : (features[i] - range[0]) / (range[1] - range[0]);
    const shown = map && isShown(map[i], limit, look.sign);
    const strength = shown ? look.opacity * Math.min(1, Math.abs(map[i]) / full) ** 0.7 : 0;
    const over = shown && map[i] > 0 ? positive : negative;
    const row = rows - 1 - Math.floor(i / columns), at = 4 * (row * columns + (i % columns));
    for (let c = 0; c < 3; c++) {
      const grey = quiet[c] + (loud[c] - quiet[c]) * level;
      image.data[at + c] = grey + (over[c] - grey) * strength;
    }
    image.data[at + 3] = 255;
  }
  return image;
}

/* Round numbers between two ends. */
function ticks(low, high, most) {
  const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
  const values = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step) values.push(v);
  return values.map((v) => (Math.abs(v) < step / 1e6 ? 0 : Number(v.toPrecision(6))));
}

class Picture {
  constructor(canvas, index) {
    this.canvas = canvas;
    this.index = index;
    this.sheet = document.createElement("canvas");
    this.sheet.width = index.time.length;
    this.sheet.height = index.frequency.length;
    this.tiers = 0;
  }

  /* Take other data or another look; colours follow light and dark. */
  load(features, map, range, look) {
    const image = colour(features, map, range, look, this.sheet.height, this.sheet.width);
    this.sheet.getContext("2d").putImageData(image, 0, 0);
  }

  get box() {
    const { clientWidth: width, clientHeight: height } = this.canvas, top = MARGIN.top + ROW_HEIGHT * this.tiers;
    return {
      x: MARGIN.left, y: top,
      width: Math.max(1, width - MARGIN.left - MARGIN.right),
      height: Math.max(1, height - top - MARGIN.bottom),
    };
  }

  /* From pixels of the canvas to places, and back. */
  place(x, y, zoom) {
    const box = this.box;
    return {
      x: zoom.x0 + ((x - box.x) / box.width) * (zoom.x1 - zoom.x0),
      y: zoom.y1 - ((y - box.y) / box.height) * (zoom.y1 - zoom.y0),
    };
  }

  pixel(x, y, zoom) {
    const box = this.box;
    return {
      x: box.x + ((x - zoom.x0) / (zoom.x1 - zoom.x0)) * box.width,
      y: box.y + ((zoom.y1 - y) / (zoom.y1 - zoom.y0)) * box.height,
    };
  }

  draw(scene) {
    this.tiers = scene.entry.marks.filter((spoken) => spoken.length).length;
    const scale = devicePixelRatio || 1, { clientWidth: width, clientHeight: height } = this.canvas;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    pen.font = "12px system-ui, sans-serif";
    const { x, y, width: w, height: h } = this.box, { zoom } = scene;
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.sheet, zoom.x0, this.sheet.height - zoom.y1, zoom.x1 - zoom.x0, zoom.y1 - zoom.y0, x, y, w, h);
    const style = getComputedStyle(this.canvas);
    this.ink = style.getPropertyValue("--ink");
    this.accent = style.getPropertyValue("--accent");
    pen.strokeStyle = this.ink;
    pen.strokeRect(x - 0.5, y - 0.5, w + 1, h + 1);
    this.drawAxes(pen, zoom);
    this.drawMarks(pen, scene);
    this.drawCursor(pen, scene);
  }

  drawAxes(pen, zoom) {
    const { x, y, width, height } = this.box, { time, frequency } = this.index;
    pen.fillStyle = this.ink;
    pen.textAlign = "center";
    pen.textBaseline = "top";
    const [begin, end] = [zoom.x0, zoom.x1].map((at) => valueAt(time, at));
    for (const value of ticks(begin, end, width / 70)) {
      const at = this.pixel(placeOf(time, value), 0, zoom).x;
      pen.fillRect(at, y + height, 1, 4);
      pen.fillText(String(value), at, y + height + 6);
    }
    pen.fillText("time (s)", x + width / 2, y + height + 21);
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    const [lowest, highest] = [zoom.y0, zoom.y1].map((at) => valueAt(frequency, at));
    let last = Infinity;
    for (const value of ticks(Math.max(0, lowest), highest, isEven(frequency) ? height / 40 : 60)) {
      const at = this.pixel(0, placeOf(frequency, value), zoom).y;
      if (last - at < 24 || at > y + height || at < y) continue; // mel bands lie unevenly
      last = at;
      pen.fillRect(x - 4, at, 4, 1);
      pen.fillText(String(value), x - 7, at);
    }
    pen.save();
    pen.translate(11, y + height / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillText(frequency.length > 1 ? "frequency (Hz)" : "all frequencies", 0, 0);
    pen.restore();
  }

  /* Phonemes and words above, tinted by the relevance that they hold for their time; a thick line
     where the recording is; bands at the right edge. */
  drawMarks(pen, { entry, zoom, shares }) {
    const { x, y, width } = this.box, { time } = this.index;
    const across = (seconds) => Math.min(x + width, Math.max(x, this.pixel(placeOf(time, seconds), 0, zoom).x));
    pen.save();
    pen.fillStyle = this.accent;
    if (entry.duration_s) {
      const from = across(entry.onset_s), to = across(entry.onset_s + entry.duration_s);
      pen.fillRect(from, y - 5, Math.max(0, to - from), 3);
    }
    pen.fillStyle = this.ink;
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    const rows = [...new Set(shares.map(({ tier }) => tier))];
    for (const { tier, words, begin, end, ratio } of shares) {
      const foot = y - 6 - rows.indexOf(tier) * ROW_HEIGHT, from = across(begin), to = across(end);
      if (to - from < 2) continue;
      pen.globalAlpha = 0.45 * Math.min(1, ratio / 3);
      pen.fillStyle = this.accent;
      pen.fillRect(from, foot - ROW_HEIGHT + 2, to - from - 1, ROW_HEIGHT - 1);
      pen.globalAlpha = 1;
      pen.fillStyle = this.ink;
      pen.fillRect(from, foot - 7, 1, 7);
      if (pen.measureText(words).width < to - from) pen.fillText(words, (from + to) / 2, foot);
    }
    for (const limit of this.index.bands) {
      const at = this.pixel(0, placeOf(this.index.frequency, limit), zoom).y;
      if (at >= y && at <= y + this.box.height) pen.fillRect(x + width - 8, at, 8, 1);
    }
    pen.restore();
  }

  drawCursor(pen, { zoom, region, cursor, playhead }) {
    const { x, y, width, height } = this.box;
    pen.save();
    pen.beginPath();
    pen.rect(x, y, width, height);
    pen.clip();
    pen.strokeStyle = pen.fillStyle = this.accent;
    if (region) {
      const a = this.pixel(region.x0, region.y1, zoom), b = this.pixel(region.x1, region.y0, zoom);
      pen.lineWidth = 2;
      pen.strokeRect(a.x, a.y, b.x - a.x, b.y - a.y);
      pen.globalAlpha = 0.12;
      pen.fillRect(a.x, a.y, b.x - a.x, b.y - a.y);
      pen.globalAlpha = 1;
    }
    if (cursor) {
      const at = this.pixel(cursor.x + 0.5, cursor.y + 0.5, zoom);
      pen.fillRect(at.x - 0.5, y, 1, height);
      pen.fillRect(x, at.y - 0.5, width, 1);
    }
    if (playhead !== null) {
      const at = this.pixel(placeOf(this.index.time, playhead), 0, zoom).x;
      pen.fillRect(at - 1, y, 2, height);
    }
    pen.restore();
  }
}

/* A part of the picture that is `factor` times as large, around a bin or the middle. */
function zoomed(index, { x0, x1, y0, y1 }, factor, bin) {
  const centre = bin ? { x: bin.x + 0.5, y: bin.y + 0.5 } : { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
  const side = (low, high, point, all) => {
    const size = Math.min(all, Math.max(4, (high - low) * factor));
    const from = Math.min(all - size, Math.max(0, point - ((point - low) / (high - low)) * size));
    return [from, from + size];
  };
  const across = side(x0, x1, centre.x, index.time.length), up = side(y0, y1, centre.y, index.frequency.length);
  return { x0: across[0], x1: across[1], y0: up[0], y1: up[1] };
}

function isEven(axis) {
  const n = axis.length;
  return n < 3 || Math.abs((axis[1] - axis[0]) * (n - 1) - (axis[n - 1] - axis[0])) < 1e-3 * (axis[n - 1] - axis[0]);
}

/* Between an axis' values and places in bins; a value lies in the middle of its bin. */
function valueAt(axis, place) {
  const i = Math.min(axis.length - 2, Math.max(0, Math.floor(place - 0.5)));
  if (axis.length < 2) return axis[0];
  return axis[i] + (axis[i + 1] - axis[i]) * (place - 0.5 - i);
}

function placeOf(axis, value) {
  let low = 0, high = axis.length - 1;
  if (high < 1) return Number.isFinite(value) ? 0.5 : Number(value > 0);
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (axis[middle] <= value) low = middle;
    else high = middle;
  }
  return low + 0.5 + (value - axis[low]) / (axis[high] - axis[low]);
}
