/* Recordings as they come packed (see packing.py): lightly for a first look, or to the last bit. */

const packed = new Map();
const waiting = new Map();

/* What a file beside the page calls with its recording. */
function receive(id, text) {
  packed.set(id, text);
  waiting.get(id)?.();
}

/* A script element, since a page opened from disk may not fetch what lies beside it. */
function loadBeside(id, path) {
  return new Promise((resolve, reject) => {
    waiting.set(id, resolve);
    const script = document.createElement("script");
    script.src = path;
    script.onerror = () => reject(new Error(`${path} is not beside this page`));
    document.head.append(script);
  });
}

function bytesOf(text) {
  return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}

async function inflate(text) {
  const plain = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

/* Floats of `size` bytes, which stand in as many planes. */
function floats(bytes, from, count, size) {
  const whole = new Uint8Array(size * count);
  for (let plane = 0; plane < size; plane++) {
    const start = from + plane * count;
    for (let i = 0; i < count; i++) whole[size * i + plane] = bytes[start + i];
  }
  return size === 4 ? new Float32Array(whole.buffer) : Float32Array.from(new Uint16Array(whole.buffer), half);
}

/* A float of 16 bits. */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + rest / 1024) : 2 ** -24 * rest);
}

/* FLAC at the sound's own rate; silence where a browser has no decoder for it. */
async function soundOf(text, rate) {
  if (!text) return new Float32Array();
  try {
    const decoded = await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytesOf(text).buffer);
    return decoded.getChannelData(0);
  } catch {
    return new Float32Array();
  }
}

/* Features, maps (rows of time, the lowest frequency first) and samples, exactly. */
async function unpackExactly(index, entry) {
  const text = packed.get(entry.id), [sound, numbers] = text.split("\n");
  const bytes = await inflate(numbers), bins = index.frequency.length * index.time.length;
  let from = 0;
  const arrays = entry.sizes.map((size) => {
    const values = floats(bytes, from, bins, size);
    from += size * bins;
    return values;
  });
  return { features: arrays[0], maps: arrays.slice(1), samples: await soundOf(sound, entry.rate), exact: true };
}

async function pixelsOf(text) {
  const blob = new Blob([bytesOf(text)], { type: "image/webp" });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none" });
  const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  return pen.getImageData(0, 0, bitmap.width, bitmap.height).data;
}

/* The same in few steps: features even, relevance by the cube of its step; see packing.py. */
async function unpackLightly(entry, text) {
  const { low, step, levels, scales } = entry.light, [sound, ...images] = text.split("\n");
  const pixels = await Promise.all(images.map(pixelsOf));
  const channel = (image, c, turn) => Float32Array.from({ length: image.length / 4 }, (_, i) => turn(image[4 * i + c]));
  const features = channel(pixels[0], 0, (value) => (low === null ? NaN : low + step * value));
  const maps = scales.map((scale, i) =>
    channel(pixels[1 + Math.floor(i / 3)], i % 3, (value) => scale * ((value - levels) / levels) ** 3));
  return { features, maps, samples: await soundOf(sound, entry.rate), exact: false };
}

/* What the page itself holds of a recording; null: nothing. */
async function inside(index, entry) {
  const element = document.getElementById(entry.inside);
  if (!element) return null;
  if (entry.light) return unpackLightly(entry, element.textContent);
  packed.set(entry.id, element.textContent);
  return unpackExactly(index, entry);
}

/* The file's own numbers, from beside the page. */
async function beside(index, entry) {
  if (!packed.has(entry.id)) await loadBeside(entry.id, entry.beside);
  return unpackExactly(index, entry);
}
