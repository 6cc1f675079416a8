/* What is looked at, and its link: #recording=…&explainer=… */

const FIRST = {
  recording: "", explainer: "", second: "", class: "", sign: "0", share: "2", opacity: "1",
  drag: "select", zoom: "", region: "",
};

function readLink() {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return {}; // a link to a part of the page
  const given = new URLSearchParams(hash);
  return Object.fromEntries([...given].filter(([name]) => name in FIRST));
}

function link(state) {
  const told = Object.entries(state).filter(([name, value]) => value !== FIRST[name]);
  return "#" + new URLSearchParams(told).toString();
}

/* Four numbers (seconds from, to, hertz from, to) as text, and from it; null where it is none. */
function fourNumbers(text) {
  const numbers = text ? text.split(",").map(Number) : [];
  return numbers.length === 4 && numbers.every(Number.isFinite) ? numbers : null;
}

/* A slider's place as a share of all bins: a decade for every step of 1, all of them at 2. */
function shareOf(text) {
  return Math.min(1, 10 ** Number(text) / 100);
}

function percent(share) {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/* The recordings that fit the filters, in the order asked for. */
function filtered(index, filters) {
  const is = (entry, name) => !filters[name] || filters[name] === `=${entry[name]}`;
  const fits = (entry) =>
    ["label", "speaker", "condition"].every((name) => is(entry, name)) &&
    (!filters.outcome || (entry.label === entry.predicted) === (filters.outcome === "right"));
  const chosen = index.recordings.filter(fits);
  const way = { rising: 1, falling: -1 }[filters.order];
  const sure = (entry) => entry.probabilities[index.classes.indexOf(entry.label)] ?? 0;
  return way ? chosen.sort((a, b) => way * (sure(a) - sure(b))) : chosen;
}
