/* Mouse, touch and keyboard in a picture. */

function listenTo(number, explorer) {
  const { picture } = explorer.sides[number], { canvas } = picture;
  const placed = (event) => {
    const box = canvas.getBoundingClientRect();
    return picture.place(event.clientX - box.left, event.clientY - box.top, explorer.zoom);
  };
  let begun = null;

  canvas.addEventListener("pointerdown", (event) => {
    begun = placed(event);
    explorer.activate(number);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!explorer.entry) return;
    const place = placed(event), bin = binAt(place, explorer.index);
    if (bin) explorer.read(bin, false);
    if (!begun) return;
    if (explorer.state.drag === "move") explorer.moveBy(begun.x - place.x, begun.y - place.y);
    else if (Math.hypot(place.x - begun.x, place.y - begun.y) > 1) select(explorer, begun, place);
  });
  canvas.addEventListener("pointerup", () => { begun = null; });
  canvas.addEventListener("pointercancel", () => { begun = null; });
  canvas.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls
    event.preventDefault();
    explorer.zoomBy(event.deltaY < 0 ? 0.8 : 1.25, placed(event));
  }, { passive: false });
  canvas.addEventListener("focus", () => explorer.activate(number));
  canvas.addEventListener("keydown", (event) => press(event, explorer));
}

function binAt({ x, y }, index) {
  const bin = { x: Math.floor(x), y: Math.floor(y) };
  const inside = bin.x >= 0 && bin.y >= 0 && bin.x < index.time.length && bin.y < index.frequency.length;
  return inside ? bin : null;
}

/* The whole bins between two places, both included. */
function select(explorer, a, b) {
  const { time, frequency } = explorer.index;
  const side = (p, q, most) => [
    Math.max(0, Math.floor(Math.min(p, q))), Math.min(most, Math.floor(Math.max(p, q)) + 1),
  ];
  const [x0, x1] = side(a.x, b.x, time.length), [y0, y1] = side(a.y, b.y, frequency.length);
  explorer.set({ region: explorer.toText({ x0, x1, y0, y1 }) });
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

function press(event, explorer) {
  if (!explorer.entry) return;
  const keys = {
    "+": "closer", "=": "closer", "-": "wider", 0: "whole", Escape: "clear",
    " ": explorer.player.at === null ? "play" : "stop", r: "region", R: "region",
  };
  if (event.key in ARROWS) step(event, explorer);
  else if (event.key in keys && !explorer.one(`[data-do=${keys[event.key]}]`).disabled) explorer.act(keys[event.key]);
  else return;
  event.preventDefault();
}

function step(event, explorer) {
  const { time, frequency } = explorer.index, far = event.ctrlKey ? 10 : 1;
  const [dx, dy] = ARROWS[event.key].map((way) => way * far);
  const from = explorer.cursor ?? { x: Math.floor(time.length / 2), y: Math.floor(frequency.length / 2) };
  const cursor = {
    x: Math.min(time.length - 1, Math.max(0, from.x + dx)),
    y: Math.min(frequency.length - 1, Math.max(0, from.y + dy)),
  };
  if (event.shiftKey) {
    explorer.corner ??= from;
    select(explorer, explorer.corner, cursor);
  } else explorer.corner = null;
  const { zoom } = explorer, outside = (at, low, high) => Math.min(0, at - low) + Math.max(0, at + 1 - high);
  const [right, up] = [outside(cursor.x, zoom.x0, zoom.x1), outside(cursor.y, zoom.y0, zoom.y1)];
  if (right || up) explorer.moveBy(right, up); // the view follows
  explorer.read(cursor, true);
}
