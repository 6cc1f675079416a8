/* What is looked at, and its link: #recording=…&explainer=… */

const FIRST = {
  recording: "", other: "", explainer: "", beside: "", class: "", sign: "0", share: "2", opacity: "1",
  drag: "select", zoom: "", region: "",
};

const BOX = /^([-\de.]*,){3}[-\de.]*$/;

/* What may stand for those that are no name: of names, what is not there is not found. */
const FITS = { sign: /^(0|1|-1)$/, drag: /^(select|move)$/, share: /^-?[\d.]+$/, opacity: /^(1|0?\.\d+|0)$/, zoom: BOX, region: BOX };

/* The state that the page's link tells an explorer; null where it is for another, or for none. */
function readLink(name) {
  const hash = location.hash.slice(1);
  if (!hash.includes("=")) return null; // a link to a part of the page
  const given = new URLSearchParams(hash);
  if ((given.get("view") ?? "explorer") !== name) return null;
  return Object.fromEntries([...given].filter(([key, value]) => Object.hasOwn(FIRST, key) && (FITS[key] ?? /^/).test(value)));
}

function link(state, opening, name) {
  const told = Object.entries(state).filter(([key, value]) => value !== opening[key]);
  if (name !== "explorer") told.unshift(["view", name]);
  return "#" + new URLSearchParams(told).toString();
}

/* Four numbers as text (seconds, seconds, hertz, hertz), each pair sorted; null where it is none.
   Where there is one row, it holds all frequencies. */
function boxOf(text, { frequency }) {
  const numbers = text ? text.split(",").map(Number) : [];
  if (numbers.length !== 4 || !numbers.every(Number.isFinite)) return null;
  const [t0, t1, f0, f1] = [0, 2].flatMap((i) => numbers.slice(i, i + 2).sort((a, b) => a - b));
  return frequency.length > 1 ? [t0, t1, f0, f1] : [t0, t1, -Infinity, Infinity];
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
