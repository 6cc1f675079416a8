/* Recordings as they come packed (see explorer.py): deflated, floats in four planes of bytes. */

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

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(plain).arrayBuffer());
}

function floats(bytes, from, count) {
  const whole = new Uint8Array(4 * count);
  for (let plane = 0; plane < 4; plane++) {
    const start = from + plane * count;
    for (let i = 0; i < count; i++) whole[4 * i + plane] = bytes[start + i];
  }
  return new Float32Array(whole.buffer);
}

/* A recording's features, maps and samples; maps are rows of time, the lowest frequency first. */
async function unpack(index, entry) {
  if (!packed.has(entry.id)) {
    const element = document.getElementById(entry.place);
    if (element) packed.set(entry.id, element.textContent);
    else await loadBeside(entry.id, entry.place);
  }
  const bytes = await inflate(packed.get(entry.id));
  const bins = index.frequency.length * index.time.length;
  const maps = entry.maps.map((_, i) => floats(bytes, 4 * bins * (i + 1), bins));
  const sound = bytes.slice(4 * bins * (entry.maps.length + 1));
  const samples = Float32Array.from(new Int16Array(sound.buffer), (v) => v / 32767);
  return { features: floats(bytes, 0, bins), maps, samples };
}
