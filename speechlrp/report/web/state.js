/* What is looked at, and its link: #recording=…&explainer=… */

const FIRST = {
  recording: "", other: "", explainer: "", beside: "", class: "", sign: "0", share: "2", opacity: "1",
  drag: "select", zoom: "", region: "",
};

/* The state that the page's link tells an explorer; null where it is for another, or for none. */
function readLink(name) {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return null; // a link to a part of the page
  const given = new URLSearchParams(hash);
  if ((given.get("view") ?? "explorer") !== name) return null;
  return Object.fromEntries([...given].filter(([key]) => key in FIRST));
}

function link(state, opening, name) {
  const told = Object.entries(state).filter(([key, value]) => value !== opening[key]);
  if (name !== "explorer") told.unshift(["view", name]);
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

/* What a filter looks at; a class is the network's where the true one is not known. */
function told(entry, name) {
  return name === "label" ? entry.label || entry.predicted : entry[name];
}

/* The recordings that fit the filters, in the order asked for. */
function filtered(index, filters) {
  const is = (entry, name) => !filters[name] || filters[name] === `=${told(entry, name)}`;
  const fits = (entry) =>
    ["label", "speaker", "condition"].every((name) => is(entry, name)) &&
    (!filters.outcome || (entry.label === entry.predicted) === (filters.outcome === "right"));
  const chosen = index.recordings.filter(fits);
  const way = { rising: 1, falling: -1 }[filters.order];
  return way ? chosen.sort((a, b) => way * (a.sure - b.sure)) : chosen;
}
