/* Parts of a sound alone: a mask on its short-time spectrum, turned back by overlap and add. */

const FRAME_S = 0.032;

/* In place; the length is a power of two. The inverse is not divided by the length. */
function fourier(re, im, inverse) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size *= 2) {
    const angle = ((inverse ? 2 : -2) * Math.PI) / size;
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos(angle * k), s = Math.sin(angle * k);
      for (let i = k; i < n; i += size) {
        const j = i + size / 2;
        const x = re[j] * c - im[j] * s, y = re[j] * s + im[j] * c;
        re[j] = re[i] - x; im[j] = im[i] - y;
        re[i] += x; im[i] += y;
      }
    }
  }
}

/* The sound of what `keep(seconds, hertz)` keeps (0 to 1); `onset` is the first sample's time.
   Hann windows before and after, a quarter apart, divided by the sum of their squares, so that
   a mask of ones gives the sound back. */
function masked(samples, rate, onset, keep) {
  const size = 2 ** Math.round(Math.log2(rate * FRAME_S)), hop = size / 4;
  const hann = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const sum = new Float64Array(samples.length), weight = new Float64Array(samples.length);
  const re = new Float64Array(size), im = new Float64Array(size);
  for (let start = hop - size; start < samples.length; start += hop) {
    for (let i = 0; i < size; i++) {
      re[i] = (samples[start + i] ?? 0) * hann[i];
      im[i] = 0;
    }
    fourier(re, im, false);
    const seconds = onset + (start + size / 2) / rate;
    for (let k = 0; k <= size / 2; k++) {
      const gain = keep(seconds, (k * rate) / size), mirror = (size - k) % size;
      re[k] *= gain; im[k] *= gain;
      if (mirror !== k) { re[mirror] *= gain; im[mirror] *= gain; }
    }
    fourier(re, im, true);
    for (let i = 0; i < size; i++) {
      const at = start + i;
      if (at < 0 || at >= samples.length) continue;
      sum[at] += (re[i] / size) * hann[i];
      weight[at] += hann[i] * hann[i];
    }
  }
  return Float32Array.from(sum, (value, i) => (weight[i] > 1e-8 ? value / weight[i] : 0));
}

/* Masks for it: a region (seconds from, to, hertz from, to), and the bins of a map that are shown. */
function inRegion([t0, t1, f0, f1]) {
  return (seconds, hertz) => Number(seconds >= t0 && seconds <= t1 && hertz >= f0 && hertz <= f1);
}

function shownBins({ time, frequency }, map, share, sign) {
  const limit = threshold(map, share, sign);
  return (seconds, hertz) => {
    const x = Math.floor(placeOf(time, seconds)), y = Math.floor(placeOf(frequency, hertz));
    if (x < 0 || y < 0 || x >= time.length || y >= frequency.length) return 0;
    return Number(isShown(map[y * time.length + x], limit, sign));
  };
}

/* One sound at a time, and where it is. */
class Player {
  constructor(onEnd) {
    this.onEnd = onEnd;
    this.source = null;
  }

  play(samples, rate, from = 0) {
    this.stop();
    this.context ??= new AudioContext();
    this.context.resume();
    const buffer = this.context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    this.source = this.context.createBufferSource();
    this.source.buffer = buffer;
    this.source.connect(this.context.destination);
    this.source.onended = () => this.stop();
    this.begun = this.context.currentTime - from;
    this.source.start(0, from);
  }

  stop() {
    if (!this.source) return;
    this.source.onended = null;
    this.source.stop();
    this.source = null;
    this.onEnd();
  }

  /* Seconds into the sound; null where nothing plays. */
  get at() {
    return this.source ? this.context.currentTime - this.begun : null;
  }
}
