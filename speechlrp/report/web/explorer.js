/* The explorer: a recording, its explanations, its sound. */

class Explorer {
  constructor(root) {
    this.root = root;
    this.index = JSON.parse(this.one("[data-index]").textContent);
    this.state = { ...FIRST, ...readLink() };
    this.filters = { label: "", outcome: "", speaker: "", condition: "", order: "" };
    this.cursor = null;
    this.player = new Player(() => this.draw());
    this.pictures = this.all("[data-side]").map((figure) => ({
      figure, picture: new Picture(figure.querySelector("canvas"), this.index),
    }));
    this.prepareFilters();
    this.listen();
    this.pictures.forEach(({ figure }) => listenTo(figure.querySelector("canvas"), this));
    this.listRecordings();
    this.choose();
  }

  one(selector) { return this.root.querySelector(selector); }
  all(selector) { return [...this.root.querySelectorAll(selector)]; }
  control(name) { return this.one(`[data-set=${name}]`); }

  prepareFilters() {
    for (const name of ["label", "speaker", "condition"]) {
      const values = [...new Set(this.index.recordings.map((entry) => entry[name]))].sort();
      const select = this.one(`[data-filter=${name}]`);
      fill(select, [["", "all"], ...values.map((value) => [`=${value}`, value || "none"])], "");
      select.parentElement.hidden = values.length < 2;
    }
    this.one("[data-chooser]").hidden = this.index.recordings.length < 2;
  }

  listen() {
    this.root.addEventListener("input", ({ target }) => {
      if (target.dataset.filter) {
        this.filters[target.dataset.filter] = target.value;
        this.listRecordings();
      } else if (target.dataset.set) this.set({ [target.dataset.set]: target.value });
      else if (target.dataset.region) this.readRegion();
    });
    this.root.addEventListener("click", ({ target }) => {
      const action = target.closest("[data-do]")?.dataset.do;
      if (action) this.act(action);
    });
    addEventListener("hashchange", () => {
      const told = readLink();
      if (Object.keys(told).length) this.set({ ...FIRST, ...told });
    });
    new ResizeObserver(() => this.draw()).observe(this.one("[data-pictures]"));
    darkness.addEventListener("change", () => this.show());
  }

  listRecordings() {
    const chosen = filtered(this.index, this.filters);
    const words = (entry) => {
      const sure = entry.probabilities.length ? ` ${(100 * Math.max(...entry.probabilities)).toFixed(0)} %` : "";
      const said = !entry.label || entry.label === entry.predicted ? "" : ` → ${entry.predicted}`;
      return [entry.name, `${entry.label || entry.predicted}${said}${sure}`, entry.condition].filter(Boolean).join(" · ");
    };
    fill(this.control("recording"), chosen.map((entry) => [entry.id, words(entry)]), this.state.recording);
    const count = `${chosen.length} of ${this.index.recordings.length} recordings`;
    this.say(chosen.length ? count : "No recording fits.");
    const kept = chosen.some((entry) => entry.id === this.state.recording);
    if (chosen.length && !kept && this.entry) this.set({ recording: chosen[0].id });
  }

  say(words) { this.one("[data-status]").textContent = words; }

  set(change) {
    const other = "recording" in change && change.recording !== this.state.recording;
    Object.assign(this.state, change);
    if (other) this.choose();
    else this.show();
  }

  async choose() {
    const entry = this.index.recordings.find(({ id }) => id === this.state.recording) ?? this.index.recordings[0];
    this.state.recording = entry.id;
    this.player.stop();
    try {
      const data = await unpack(this.index, entry);
      if (this.state.recording !== entry.id) return; // another was chosen meanwhile
      this.entry = entry;
      this.data = { ...data, range: extremes(data.features) };
      this.show();
    } catch (error) {
      this.say(error.message);
    }
  }

  /* The map of an explainer, of the class asked for where it explained several. */
  map(explainer) {
    const maps = this.entry.maps.map((map, i) => ({ ...map, values: this.data.maps[i] }));
    const own = maps.filter((map) => map.explainer === explainer);
    return own.find((map) => map.class === this.state.class) ?? own[0] ?? null;
  }

  get zoom() {
    const [columns, rows] = [this.index.time.length, this.index.frequency.length];
    return this.toPlaces(fourNumbers(this.state.zoom)) ?? { x0: 0, x1: columns, y0: 0, y1: rows };
  }

  get region() { return this.toPlaces(fourNumbers(this.state.region)); }

  toPlaces(numbers) {
    if (!numbers) return null;
    const { time, frequency } = this.index;
    const [x0, x1] = [placeOf(time, numbers[0]), placeOf(time, numbers[1])];
    return { x0, x1, y0: placeOf(frequency, numbers[2]), y1: placeOf(frequency, numbers[3]) };
  }

  toText({ x0, x1, y0, y1 }) {
    const { time, frequency } = this.index;
    const values = [valueAt(time, x0), valueAt(time, x1), valueAt(frequency, y0), valueAt(frequency, y1)];
    return values.map((value) => Number(value.toPrecision(7))).join(",");
  }

  /* Everything that follows from the state. */
  show() {
    if (!this.entry) return;
    const { index, entry, state } = this, names = [...new Set(entry.maps.map((map) => map.explainer))];
    if (!names.includes(state.explainer)) state.explainer = names[0] ?? "";
    fill(this.control("explainer"), names.map((name) => [name, name]), state.explainer);
    fill(this.control("second"), [["", "nothing"], ...names.map((name) => [name, name])], state.second);
    const first = this.map(state.explainer);
    const classes = [...new Set(entry.maps.filter((m) => m.explainer === state.explainer).map((m) => m.class))];
    fill(this.control("class"), classes.map((name) => [name, name]), first?.class ?? "");
    for (const name of ["share", "opacity", "recording"]) this.control(name).value = state[name];
    for (const name of ["sign", "drag"]) this.one(`[data-set=${name}][value="${state[name]}"]`).checked = true;
    const share = shareOf(state.share);
    this.one("[data-of=share]").textContent = percent(share);
    this.one("[data-of=opacity]").textContent = percent(Number(state.opacity));
    this.shown = [first, state.second ? this.map(state.second) : null];
    const look = { share, sign: Number(state.sign), opacity: Number(state.opacity) };
    this.pictures.forEach(({ figure, picture }, i) => {
      const map = this.shown[i];
      figure.hidden = i > 0 && !map;
      const words = map ? `${map.explainer}, for ${map.class}` : "no explanation";
      figure.querySelector("[data-caption]").textContent = words;
      picture.canvas.setAttribute("aria-label", `${entry.name}: spectrogram and relevance, ${words}`);
      picture.load(this.data.features, map?.values, this.data.range, look);
    });
    this.showRegion();
    showBars(this.one("[data-bars]"), index, entry);
    showFacts(this.one("[data-facts]"), entry);
    this.one("[data-facts-box]").hidden = !Object.keys(entry.facts).length;
    showAnswers(this.one("[data-flips-box]"), index, entry, first, share);
    const silent = !this.data.samples.length;
    for (const name of ["play", "for", "against", "stop"]) this.one(`[data-do=${name}]`).disabled = silent;
    this.one("[data-do=region]").disabled = silent || !this.region;
    this.one("[data-link]").href = link(state);
    history.replaceState(null, "", link(state));
    this.draw();
  }

  draw() {
    if (!this.entry) return;
    const playhead = this.player.at === null ? null : this.entry.onset_s + this.player.at;
    const { zoom, region, cursor, entry } = this;
    for (const { figure, picture } of this.pictures) {
      if (!figure.hidden) picture.draw({ zoom, region, cursor, playhead, entry });
    }
    if (playhead !== null) requestAnimationFrame(() => this.draw());
  }

  /* What the files hold at the cursor. */
  read(cursor, aloud) {
    this.cursor = cursor;
    const { time, frequency, units } = this.index, at = cursor.y * time.length + cursor.x;
    const relevance = this.shown.filter(Boolean).map((map) =>
      `${map.explainer} ${number(map.values[at])} ${map.units}`);
    const words = [`${number(time[cursor.x])} s`, `${number(frequency[cursor.y])} Hz`,
      `${number(this.data.features[at])} ${units}`, ...relevance].join(" · ");
    this.one("[data-readout]").textContent = words;
    if (aloud) this.one("[data-live]").textContent = words;
    this.draw();
  }

  showRegion() {
    const numbers = fourNumbers(this.state.region) ?? ["", "", "", ""];
    ["t0", "t1", "f0", "f1"].forEach((name, i) => {
      const input = this.one(`[data-region=${name}]`);
      if (input !== document.activeElement) input.value = numbers[i];
    });
  }

  readRegion() {
    const values = ["t0", "t1", "f0", "f1"].map((name) => this.one(`[data-region=${name}]`).value);
    if (values.every((value) => value !== "")) this.set({ region: values.join(",") });
  }

  act(action) {
    const { samples } = this.data ?? {}, rate = this.entry?.rate;
    if (action === "stop") this.player.stop();
    else if (action === "play") this.player.play(samples, rate);
    else if (["region", "for", "against"].includes(action)) this.player.play(this.part(action), rate);
    else if (action === "clear") this.set({ region: "" });
    else if (action === "whole") this.set({ zoom: "" });
    else if (action === "closer" || action === "wider") this.zoomBy(action === "closer" ? 0.5 : 2);
    this.draw();
  }

  /* The sound of the region, or of the bins that speak for or against. */
  part(which) {
    const { index, entry, data } = this;
    let keep;
    if (which === "region") {
      const [t0, t1, f0, f1] = fourNumbers(this.state.region);
      keep = (seconds, hertz) => Number(seconds >= t0 && seconds <= t1 && hertz >= f0 && hertz <= f1);
    } else {
      const { values } = this.shown[0], sign = which === "for" ? 1 : -1;
      const limit = threshold(values, shareOf(this.state.share), sign);
      keep = (seconds, hertz) => {
        const x = Math.floor(placeOf(index.time, seconds)), y = Math.floor(placeOf(index.frequency, hertz));
        if (x < 0 || y < 0 || x >= index.time.length || y >= index.frequency.length) return 0;
        return Number(isShown(values[y * index.time.length + x], limit, sign));
      };
    }
    return masked(data.samples, entry.rate, entry.onset_s, keep);
  }

  zoomBy(factor, centre = null) {
    const { zoom } = this, [columns, rows] = [this.index.time.length, this.index.frequency.length];
    const at = centre ?? (this.cursor ? { x: this.cursor.x + 0.5, y: this.cursor.y + 0.5 }
      : { x: (zoom.x0 + zoom.x1) / 2, y: (zoom.y0 + zoom.y1) / 2 });
    const side = (low, high, point, all) => {
      const size = Math.min(all, Math.max(4, (high - low) * factor));
      const from = Math.min(all - size, Math.max(0, point - ((point - low) / (high - low)) * size));
      return [from, from + size];
    };
    const [x0, x1] = side(zoom.x0, zoom.x1, at.x, columns), [y0, y1] = side(zoom.y0, zoom.y1, at.y, rows);
    this.lookAt({ x0, x1, y0, y1 });
  }

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
window.speechlrp = { explorers, masked, receive };
