/* The explorer: recordings, their explanations, their sound. */

const HELD = 8; // recordings whose numbers are kept

class Explorer {
  constructor(root) {
    this.root = root;
    this.index = JSON.parse(this.one("[data-index]").textContent);
    this.opening = { ...FIRST, ...this.index.opening };
    this.state = { ...this.opening, ...readLink(this.index.name) };
    this.filters = { label: "", outcome: "", speaker: "", condition: "", order: "" };
    this.held = new Map();
    this.sides = [];
    this.active = 0;
    this.cursor = null;
    this.player = new Player(() => this.draw());
    this.prepareFilters();
    this.listen();
    this.listRecordings();
    this.choose();
  }

  one(selector) { return this.root.querySelector(selector); }
  all(selector) { return [...this.root.querySelectorAll(selector)]; }
  control(name) { return this.one(`[data-set=${name}]`); }
  find(id) { return this.index.recordings.find((entry) => entry.id === id); }

  prepareFilters() {
    const { recordings } = this.index;
    for (const name of ["label", "speaker", "condition"]) {
      const values = [...new Set(recordings.map((entry) => told(entry, name)))].sort();
      const select = this.one(`[data-filter=${name}]`);
      fill(select, [["", "all"], ...values.map((value) => [`=${value}`, value || "none"])], "");
      select.parentElement.hidden = values.length < 2;
    }
    const judged = recordings.some((entry) => entry.label && entry.predicted);
    for (const name of ["outcome", "order"]) this.one(`[data-filter=${name}]`).parentElement.hidden = !judged;
    this.one("[data-chooser]").hidden = recordings.length < 2;
    this.one("[data-signs]").hidden = recordings.every((entry) => entry.maps.every((map) => !map.class));
    const others = recordings.map((entry) => [entry.id, entry.name]);
    fill(this.control("other"), [["", "none"], ...others], this.state.other);
    this.control("other").parentElement.hidden = recordings.length < 2;
    for (const name of ["f0", "f1"]) this.one(`[data-region=${name}]`).parentElement.hidden = this.index.frequency.length < 2;
  }

  listen() {
    this.root.addEventListener("input", ({ target }) => {
      if (target.dataset.filter) {
        this.filters[target.dataset.filter] = target.value;
        this.listRecordings();
      } else if (target.dataset.set) this.set({ [target.dataset.set]: target.value });
      else if (target.dataset.region) this.readRegion();
      else if (target.closest("[data-beside]")) this.set({ beside: ticksOf(this.one("[data-beside]")) });
    });
    this.root.addEventListener("click", ({ target }) => {
      const action = target.closest("[data-do]")?.dataset.do;
      if (action) this.act(action);
    });
    addEventListener("hashchange", () => {
      const told = readLink(this.index.name);
      if (told) this.set({ ...this.opening, ...told });
    });
    new ResizeObserver(() => this.draw()).observe(this.one("[data-pictures]"));
    darkness.addEventListener("change", () => this.show());
  }

  listRecordings() {
    const chosen = filtered(this.index, this.filters);
    fill(this.control("recording"), chosen.map((entry) => [entry.id, lineOf(entry)]), this.state.recording);
    this.count = chosen.length ? `${chosen.length} of ${this.index.recordings.length} ${this.index.one}s` : `No ${this.index.one} fits.`;
    this.say();
    const kept = chosen.some((entry) => entry.id === this.state.recording);
    if (chosen.length && !kept && this.entry) this.set({ recording: chosen[0].id });
  }

  say(words = "") { this.one("[data-status]").textContent = [this.count, words].filter(Boolean).join(" "); }

  set(change) {
    const other = ["recording", "other"].some((name) => name in change && change[name] !== this.state[name]);
    Object.assign(this.state, change);
    this.changed = true;
    if (other) this.choose();
    else this.show();
  }

  /* What the page holds first; then, where that is light, the numbers of the file beside it. */
  async load(entry) {
    const { held, index } = this;
    if (!held.has(entry.id)) {
      const data = await inside(index, entry) ?? await beside(index, entry);
      held.set(entry.id, { ...data, range: extremes(data.features) });
      if (held.size > HELD) held.delete(held.keys().next().value);
      if (!data.exact) {
        beside(index, entry).then((exact) => {
          held.set(entry.id, { ...exact, range: extremes(exact.features) });
          this.show();
        }).catch((error) => this.say(`Numbers are rounded: ${error.message}.`));
      }
    }
  }

  async choose() {
    const entry = this.find(this.state.recording) ?? this.index.recordings[0];
    const other = this.find(this.state.other) ?? null;
    Object.assign(this.state, { recording: entry.id, other: other?.id ?? "" });
    this.player.stop();
    try {
      await this.load(entry);
      if (other) await this.load(other);
      if (this.state.recording !== entry.id || this.state.other !== (other?.id ?? "")) return; // another was chosen meanwhile
      this.entry = entry;
      this.other = other;
      this.show();
    } catch (error) {
      this.say(error.message);
    }
  }

  /* The map of an explainer, of the class asked for where it explained several. */
  map(entry, explainer) {
    const maps = entry.maps.map((map, i) => ({ ...map, values: this.held.get(entry.id).maps[i] }));
    const own = maps.filter((map) => map.explainer === explainer);
    return own.find((map) => map.class === this.state.class) ?? own[0] ?? null;
  }

  get zoom() {
    const [columns, rows] = [this.index.time.length, this.index.frequency.length];
    return this.toPlaces(this.state.zoom) ?? { x0: 0, x1: columns, y0: 0, y1: rows };
  }

  get region() { return this.toPlaces(this.state.region); }
  get side() { return this.sides[Math.min(this.active, this.shown.length - 1)]; }

  /* What of a box lies in the picture; null: nothing. */
  toPlaces(text) {
    const { time, frequency } = this.index, box = boxOf(text, this.index);
    const side = (axis, value) => Math.min(axis.length, Math.max(0, placeOf(axis, value)));
    const [x0, x1, y0, y1] = (box ?? []).map((value, i) => side(i < 2 ? time : frequency, value));
    return x0 < x1 && y0 < y1 ? { x0, x1, y0, y1 } : null;
  }

  toText({ x0, x1, y0, y1 }) {
    const { time, frequency } = this.index;
    const values = [valueAt(time, x0), valueAt(time, x1), valueAt(frequency, y0), valueAt(frequency, y1)];
    return values.map((value) => Number(value.toPrecision(7))).join(",");
  }

  /* Everything that follows from the state. */
  show() {
    if (!this.entry) return;
    const { entry, state } = this, names = [...new Set(entry.maps.map((map) => map.explainer))];
    if (!names.includes(state.explainer)) state.explainer = names[0] ?? "";
    fill(this.control("explainer"), names.map((name) => [name, name]), state.explainer);
    showTicks(this.one("[data-beside]"), names.filter((name) => name !== state.explainer), state.beside);
    const classes = [...new Set(entry.maps.filter((m) => m.explainer === state.explainer).map((m) => m.class))];
    const first = this.map(entry, state.explainer);
    fill(this.control("class"), classes.map((name) => [name, name]), first?.class ?? "");
    this.control("class").parentElement.hidden = classes.length < 2;
    for (const name of ["share", "opacity", "recording", "other"]) this.control(name).value = state[name];
    for (const name of ["sign", "drag"]) this.one(`[data-set=${name}][value="${state[name]}"]`).checked = true;
    this.one("[data-of=share]").textContent = percent(shareOf(state.share));
    this.one("[data-of=opacity]").textContent = percent(Number(state.opacity));
    const beside = state.beside.split(",").filter((name) => names.includes(name) && name !== state.explainer);
    this.showPictures([entry, this.other].filter(Boolean).flatMap((one) => [state.explainer, ...beside].map((name) => [one, name])));
    this.showRegion();
    this.showSide();
    const there = link(state, this.opening, this.index.name);
    this.one("[data-link]").href = there;
    clearTimeout(this.timer);
    if (this.changed) this.timer = setTimeout(() => history.replaceState(null, "", there), 200); // browsers allow few a second
    this.draw();
  }

  showPictures(wanted) {
    const { state, index } = this, box = this.one("[data-pictures]");
    const look = { share: shareOf(state.share), sign: Number(state.sign), opacity: Number(state.opacity) };
    while (this.sides.length < wanted.length) {
      const figure = this.one("[data-side]").content.firstElementChild.cloneNode(true);
      box.append(figure);
      this.sides.push({ figure, picture: new Picture(figure.querySelector("canvas"), index) });
      listenTo(this.sides.length - 1, this);
    }
    this.shown = wanted.map(([entry, explainer], i) => {
      const data = this.held.get(entry.id), map = this.map(entry, explainer), { figure, picture } = this.sides[i];
      const said = map?.class ? `${map.explainer}, for ${map.class}` : map?.explainer ?? "no explanation";
      const words = this.other || index.recordings.length < 2 ? `${entry.name}: ${said}` : said;
      figure.querySelector("[data-caption]").textContent = words;
      picture.canvas.setAttribute("aria-label", `${entry.name}: spectrogram and relevance, ${said}`);
      picture.load(data.features, map?.values, data.range, look);
      return Object.assign(this.sides[i], { entry, data, map, shares: map ? sharesOf(index, entry, map.values) : [] });
    });
    this.sides.forEach(({ figure }, i) => { figure.hidden = i >= wanted.length; });
  }

  /* What is told and heard of the picture that was pointed at last. */
  activate(i) {
    if (i === this.active) return;
    this.active = i;
    this.showSide();
  }

  showSide() {
    const { index, side, shown } = this, { entry, data, map, shares } = side;
    shown.forEach(({ figure }) => figure.classList.toggle("active", shown.length > 1 && figure === side.figure));
    showBars(this.one("[data-bars-box]"), entry);
    showFacts(this.one("[data-facts-box]"), entry);
    showAnswers(this.one("[data-flips-box]"), index, entry, map, shareOf(this.state.share));
    showSpoken(this.one("[data-spoken-box]"), index, entry, shares);
    const silent = !data.samples.length;
    this.one("[data-sounds]").hidden = index.recordings.every((one) => !one.rate);
    for (const name of ["play", "for", "against", "stop"]) this.one(`[data-do=${name}]`).disabled = silent;
    this.one("[data-do=region]").disabled = silent || !this.region;
  }

  draw() {
    if (!this.shown) return;
    const at = this.player.at, { zoom, region, cursor } = this;
    for (const { picture, entry, shares } of this.shown) {
      const playhead = at === null || entry !== this.playing ? null : entry.onset_s + at;
      picture.draw({ zoom, region, cursor, playhead, entry, shares });
    }
    if (at !== null) requestAnimationFrame(() => this.draw());
  }

  /* What the files hold at the cursor. */
  read(cursor, aloud) {
    this.cursor = cursor;
    const { time, frequency, units } = this.index, at = cursor.y * time.length + cursor.x;
    const rounded = this.shown.some(({ data }) => !data.exact) ? "≈ " : "";
    const entries = [...new Set(this.shown.map(({ entry }) => entry))];
    const words = [`${number(time[cursor.x])} s`];
    if (frequency.length > 1) words.push(`${number(frequency[cursor.y])} Hz`);
    for (const entry of entries) {
      const own = this.shown.filter((side) => side.entry === entry), level = own[0].data.features[at];
      const parts = Number.isNaN(level) ? [] : [`${rounded}${number(level)} ${units}`];
      parts.push(...own.filter(({ map }) => map).map(({ map }) => `${map.explainer} ${rounded}${number(map.values[at])} ${map.units}`));
      if (entries.length > 1) parts[0] = `${entry.name}: ${parts[0] ?? "no explanation"}`;
      words.push(...parts);
    }
    const said = this.side.shares.filter(({ begin, end }) => begin <= time[cursor.x] && time[cursor.x] < end);
    words.push(...said.map((one) => `“${one.words}” ${(100 * one.share).toFixed(1)} % of the relevance`));
    this.one("[data-readout]").textContent = words.join(" · ");
    if (aloud) this.one("[data-live]").textContent = words.join(" · ");
    this.draw();
  }

  showRegion() {
    const numbers = this.state.region.split(",");
    this.all("[data-region]").forEach((input, i) => {
      if (input !== document.activeElement) input.value = numbers[i] ?? "";
    });
  }

  readRegion() {
    const inputs = this.all("[data-region]");
    if (inputs.every(({ value, parentElement }) => value || parentElement.hidden)) this.set({ region: inputs.map(({ value }) => value).join() });
  }

  act(action) {
    if (action === "stop") this.player.stop();
    else if (["play", "region", "for", "against"].includes(action)) {
      const { entry, data } = this.side;
      this.playing = entry;
      this.player.play(action === "play" ? data.samples : this.part(action), entry.rate);
    } else if (action === "clear") this.set({ region: "" });
    else if (action === "whole") this.set({ zoom: "" });
    else if (action === "closer" || action === "wider") this.zoomBy(action === "closer" ? 0.5 : 2);
    this.draw();
  }

  /* The sound of the region, or of the bins that speak for or against. */
  part(which) {
    const { entry, data, map } = this.side;
    const keep = which === "region" ? inRegion(boxOf(this.state.region, this.index))
      : shownBins(this.index, map.values, shareOf(this.state.share), which === "for" ? 1 : -1);
    return masked(data.samples, entry.rate, entry.onset_s, keep);
  }

  zoomBy(factor, centre) { this.lookAt(zoomed(this.index, this.zoom, factor, centre ?? this.cursor)); }

  lookAt(zoom) {
    const whole = zoom.x1 - zoom.x0 >= this.index.time.length && zoom.y1 - zoom.y0 >= this.index.frequency.length;
    this.set({ zoom: whole ? "" : this.toText(zoom) });
  }

  moveBy(dx, dy) {
    const { zoom } = this, [columns, rows] = [this.index.time.length, this.index.frequency.length];
    const x = Math.min(columns - zoom.x1, Math.max(-zoom.x0, dx));
    const y = Math.min(rows - zoom.y1, Math.max(-zoom.y0, dy));
    this.lookAt({ x0: zoom.x0 + x, x1: zoom.x1 + x, y0: zoom.y0 + y, y1: zoom.y1 + y });
  }
}

const explorers = [...document.querySelectorAll("[data-explorer]")].map((root) => new Explorer(root));
window.speechlrp = { explorers, masked, receive, sharesOf };
