/* What stands around the pictures: lists, bars, tables. */

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => new Option(words, value)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}

/* A class in words written to the right stays beside what is said of it: an isolate. */
const apart = (name) => name && `\u2068${name}\u2069`;

/* A recording in the list. */
function lineOf({ name, label, predicted, probabilities, condition }) {
  const sure = probabilities.length ? ` ${(100 * Math.max(...probabilities.map(([, value]) => value))).toFixed(0)} %` : "";
  const said = !label || label === predicted ? "" : ` → ${apart(predicted)}`;
  return [name, `${apart(label || predicted)}${said}${sure}`, condition].filter(Boolean).join(" · ");
}

function element(name, words = "", properties = {}) {
  return Object.assign(document.createElement(name), { textContent: words }, properties);
}

function row(cells, head) {
  const line = element("tr");
  cells.forEach((cell, i) => {
    const made = element(head || i === 0 ? "th" : "td", cell);
    if (head || i === 0) made.scope = head ? "col" : "row";
    line.append(made);
  });
  return line;
}

/* A box for each of some names; what is ticked comes as one text with commas. */
function showTicks(box, names, ticked) {
  const chosen = ticked ? ticked.split(",") : [];
  if (box.dataset.names !== names.join()) {
    box.dataset.names = names.join();
    const boxes = names.map((name) => {
      const label = element("label");
      label.append(element("input", "", { type: "checkbox", value: name }), ` ${name}`);
      return label;
    });
    box.replaceChildren(box.querySelector("legend"), ...boxes);
  }
  for (const input of box.querySelectorAll("input")) input.checked = chosen.includes(input.value);
  box.hidden = !names.length;
}

function ticksOf(box) {
  return [...box.querySelectorAll("input:checked")].map((input) => input.value).join();
}

/* The probabilities as bars. */
function showBars(box, entry) {
  const table = box.querySelector("table");
  const lines = entry.probabilities.map(([name, value]) => {
    const line = row([name === entry.label ? `${name} (true)` : name, `${(100 * value).toFixed(1)} %`]);
    const cell = element("td", "", { className: "bar" }), bar = element("div");
    bar.style.width = `${100 * Math.max(0, value)}%`;
    cell.setAttribute("aria-hidden", "true");
    cell.append(bar);
    line.append(cell);
    return line;
  });
  box.hidden = !lines.length;
  table.replaceChildren(table.caption, ...lines);
}

function showFacts(box, entry) {
  const pairs = Object.entries(entry.facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  box.querySelector("dl").replaceChildren(...pairs);
  box.hidden = !pairs.length;
}

/* What the network says when the first bins of the order are set to a baseline, at known steps. */
function showAnswers(box, index, entry, map, share) {
  const answers = entry.label ? (map?.answers ?? []) : [];
  box.hidden = !answers.length;
  if (!answers.length) return;
  const far = ([step]) => Math.abs(step / 100 - share);
  const near = answers.reduce((best, one) => (far(one) < far(best) ? one : best));
  const other = index.classes.length === 2 ? index.classes.find((name) => name !== entry.label) : `not ${entry.label}`;
  const words = ([step, right, probability]) =>
    [`${Number(step.toPrecision(2))} %`, right ? entry.label : other, `${(100 * probability).toFixed(1)} %`];
  const lines = answers.map((one) => {
    const line = row(words(one));
    if (one === near && share < 1) line.setAttribute("aria-current", "true");
    return line;
  });
  const head = row([`bins set to ${map.baseline}`, "the network says", `${entry.label} then`], true);
  box.querySelector("table").replaceChildren(head, ...lines);
  const [step, says, then] = words(near);
  box.querySelector("p").textContent = share < 1
    ? `${near[0] ? `Without the strongest ${step}` : "With all bins"}, the network says ${says}: ${entry.label} has ${then}.`
    : "Choose a share of the strongest bins above to see what the network says without them.";
}

/* The part of the relevance that every word and phoneme holds; a frame lies evenly over its time. */
function sharesOf(index, entry, values) {
  if (!entry.marks.some((spoken) => spoken.length)) return [];
  const { time } = index, columns = time.length, below = new Float64Array(columns + 1);
  for (let x = 0; x < columns; x++) {
    let sum = 0;
    for (let at = x; at < values.length; at += columns) sum += Math.abs(values[at]);
    below[x + 1] = below[x] + sum;
  }
  const until = (seconds) => {
    const place = Math.min(columns, Math.max(0, placeOf(time, seconds))), x = Math.min(columns - 1, Math.floor(place));
    return below[x] + (place - x) * (below[x + 1] - below[x]);
  };
  const first = entry.onset_s, last = first + entry.duration_s, whole = until(last) - until(first);
  return entry.marks.flatMap((spoken, tier) => spoken.map(([begin, end, words]) => {
    const [from, to] = [begin, end].map((seconds) => Math.min(last, Math.max(first, seconds)));
    const share = whole ? (until(to) - until(from)) / whole : 0, ofTime = (to - from) / (last - first);
    return { tier, words, begin, end, share, ofTime, ratio: ofTime ? share / ofTime : 0 };
  }));
}

function showSpoken(box, index, entry, shares) {
  box.hidden = !shares.length;
  if (!shares.length) return;
  const lines = shares.map((one) => row([
    one.words, index.tiers[one.tier], Math.max(0, one.begin - entry.onset_s).toFixed(2), `${(100 * one.share).toFixed(1)} %`,
    `${(100 * one.ofTime).toFixed(1)} %`, one.ratio.toFixed(2),
  ]));
  const head = row(["said", "tier", "from (s)", "relevance", "time", "ratio"], true);
  box.querySelector("table").replaceChildren(head, ...lines);
}

function number(value) {
  return String(Number(value.toPrecision(7))).replaceAll("-", "−");
}
