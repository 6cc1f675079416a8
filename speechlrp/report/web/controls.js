/* What stands around the pictures: lists, bars, tables. */

function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => new Option(words, value)));
  select.value = chosen;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
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

/* The probabilities as bars; of many classes the likeliest and the true one. */
function showBars(table, index, entry) {
  const order = index.classes.map((name, i) => [name, entry.probabilities[i]]);
  const told = order.length > 8 ? order.sort((a, b) => b[1] - a[1]).slice(0, 8) : order;
  if (entry.label && !told.some(([name]) => name === entry.label)) {
    told.push([entry.label, entry.probabilities[index.classes.indexOf(entry.label)]]);
  }
  const lines = told.map(([name, value]) => {
    const line = row([name === entry.label ? `${name} (true)` : name, `${(100 * value).toFixed(1)} %`]);
    const cell = element("td", "", { className: "bar" }), bar = element("div");
    bar.style.width = `${100 * value}%`;
    cell.setAttribute("aria-hidden", "true");
    cell.append(bar);
    line.append(cell);
    return line;
  });
  table.replaceChildren(table.caption, ...lines);
}

function showFacts(list, entry) {
  const pairs = Object.entries(entry.facts).flatMap(([name, value]) => [element("dt", name), element("dd", value)]);
  list.replaceChildren(...pairs);
}

/* What the network says when the first bins of the order are set to a baseline, at known steps. */
function showAnswers(box, index, entry, map, share) {
  const answers = entry.label ? (map?.answers ?? []) : [];
  box.hidden = !answers.length;
  if (!answers.length) return;
  const far = (one) => Math.abs(one.percent / 100 - share);
  const near = answers.reduce((best, one) => (far(one) < far(best) ? one : best));
  const other = index.classes.length === 2 ? index.classes.find((name) => name !== entry.label) : `not ${entry.label}`;
  const lines = answers.map((one) => {
    const says = one.correct ? entry.label : other;
    const line = row([`${Number(one.percent.toPrecision(2))} %`, says, `${(100 * one.probability).toFixed(1)} %`]);
    if (one === near && share < 1) line.setAttribute("aria-current", "true");
    return line;
  });
  const head = row([`bins set to ${map.baseline}`, "the network says", `${entry.label} then`], true);
  box.querySelector("table").replaceChildren(head, ...lines);
}

function number(value) {
  return String(Number(value.toPrecision(7))).replace("-", "−");
}
