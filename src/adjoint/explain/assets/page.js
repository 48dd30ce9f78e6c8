"use strict";
// The trace, the state (how many steps were taken, which row is chosen, what is unfolded), and the view, which shows them.
const model = JSON.parse(document.getElementById("trace").textContent);
const nodes = new Map(model.nodes.map((node) => [node.index, node]));
const element = (id) => document.getElementById(id);

// What the formulas of the rule book call. `scale`: a zero wins over an infinite or undefined factor.
const power = (x, n) => (x === 1 || n === 0 ? 1 : Math.pow(x, n));
const scale = (p, t) => { const g = p * t; return Number.isNaN(g) && (p === 0 || t === 0) ? 0 : g; };
const slope = (x, n) => (n === 0 ? 0 : n * power(x, n - 1));
const ratio = (a, b) => a / (b === 0 ? 1 : b);
const secant = (x) => Math.hypot(1, x);
const choose = (condition, a, b) => Number(condition ? a : b);
const copysign = (a, b) => (b < 0 || Object.is(b, -0) ? -Math.abs(a) : Math.abs(a));
const modulo = (a, b) => { const r = a % b; return r !== 0 && r < 0 !== b < 0 ? r + b : r; };
const rint = (x) => { const r = Math.round(x); return r - x === 0.5 && r % 2 !== 0 ? r - 1 : r; };
const FUNCTIONS = {
/*FUNCTIONS*/
};

// ------------------------------------------------------------------------------------------------------- the two passes

const number = (x) => (Array.isArray(x) ? x.map(number) : Number(x));
const zero = (x) => (Array.isArray(x) ? x.map(() => 0) : 0);
const finite = (x) => (Array.isArray(x) ? x.every(Number.isFinite) : Number.isFinite(x));

// Return what stops the recorded way at these inputs, or the trace there: values, tangents, adjoints, contributions, partials.
function evaluated(inputs) {
  const values = new Map(), tangents = new Map(), partials = new Map();
  const argument = (a) => ("node" in a ? values.get(a.node) : a.constant);
  let asked = 0;
  const answered = (index) => {
    for (; asked < model.decisions.length && model.decisions[asked].before <= index; asked += 1) {
      const decision = model.decisions[asked];
      if (FUNCTIONS[decision.function].value(...decision.args.map(argument)) !== decision.result) return decision;
    }
    return null;
  };
  for (const node of model.nodes) {
    const broken = answered(node.index);
    if (broken) return { stop: `${broken.text} would no longer be ${broken.result ? "true" : "false"}`, decision: broken };
    let value, tangent = 0;
    if (node.kind === "input") {
      value = inputs.get(node.index);
      tangent = number(node.raw[1]);
    } else if (node.kind === "read") {
      value = values.get(node.read[0])[node.read[1]];
      tangent = tangents.get(node.read[0])[node.read[1]];
    } else {
      const form = FUNCTIONS[node.function], args = node.args.map(argument);
      value = form.value(...args);
      const local = node.active.map((k) => [k, form.partials[k](value, ...args)]);
      partials.set(node.index, new Map(local));
      for (const [k, p] of local) tangent += scale(p, tangents.get(node.args[k].node));
    }
    if (!finite(value) && finite(number(node.raw[0]))) return { stop: `${plain(node.index)} would not be finite`, decision: null };
    values.set(node.index, value);
    tangents.set(node.index, tangent);
  }
  const broken = answered(Infinity);
  if (broken) return { stop: `${broken.text} would no longer be ${broken.result ? "true" : "false"}`, decision: broken };
  return { values, tangents, partials, ...swept(values, partials) };
}

// Return adjoints and contributions, from the last intermediate to the first.
function swept(values, partials) {
  const adjoints = new Map(), from = new Map();
  for (const node of model.nodes) {
    const seed = node.seed === null ? zero(values.get(node.index)) : number(node.raw[2]);
    adjoints.set(node.index, seed);
    from.set(node.index, []);
  }
  for (const node of [...model.nodes].reverse()) {
    const ct = adjoints.get(node.index);
    const pass = (parent, position, g) => {
      const before = adjoints.get(parent);
      adjoints.set(parent, Array.isArray(g) ? before.map((x, k) => x + g[k]) : before + g);
      from.get(parent).push([node.index, position, g]);
    };
    if (node.kind === "read") pass(node.read[0], 0, values.get(node.read[0]).map((_, k) => (k === node.read[1] ? ct : 0)));
    for (const [k, p] of partials.get(node.index) || []) pass(node.args[k].node, k, scale(p, ct));
  }
  return { adjoints, from };
}

// ------------------------------------------------------------------------------------------------------------ as text

const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
const minus = (text) => text.replace(/(^|[\s([,=])-(?=[\d.]|inf)/g, "$1−");
const plain = (index) => `v${index}`.replace("-", "−");
const named = (index, accent = "") => `<i>v${accent}</i><sub>${String(index).replace("-", "−")}</sub>`;
const marked = (text) => minus(escaped(text)).replace(/\bv(-?\d+)\b/g, (_, index) => named(index)).replace(/ \* /g, " · ").replace(/ - /g, " − ").replace(/ \*\* (\S+)/g, "<sup>$1</sup>").replace(/`([^`]*)`/g, "<code>$1</code>").replace(/(^|\s)-(?=<)/g, "$1−");

function shown(x, digits = 6) {
  if (typeof x === "string") return minus(x);
  if (Array.isArray(x)) return `[${x.map((part) => shown(part, 4)).join(", ")}]`;
  if (!Number.isFinite(x)) return String(x).replace("Infinity", "∞").replace("-", "−");
  return String(Number(x.toPrecision(digits))).replace(/-/g, "−").replace("e+", "e");
}

// ------------------------------------------------------------------------------------------------------------ the state

let live = null; // the trace at the sliders' values; null: as it was recorded
let units = model.units.slice();
let position = null; // steps taken; null: all, nothing marked
let chosen = null;

const valueOf = (node) => (live ? shown(live.values.get(node.index)) : minus(node.text[0]));
const tangentOf = (node) => (live ? shown(live.tangents.get(node.index)) : minus(node.text[1]));
const adjointOf = (node) => (live ? shown(live.adjoints.get(node.index)) : minus(node.text[2]));
const fromOf = (node) => (live ? live.from.get(node.index) : node.from).map(([child, k, g]) => [child, k, shown(g)]);
const partialOf = (node, k, text) => (live ? shown(live.partials.get(node.index).get(k)) : minus(text));
const firstOf = (unit) => ("node" in unit ? unit.node : unit.fold[0]);
const lastOf = (unit) => ("node" in unit ? unit.node : unit.fold[1]);
const isInput = (unit) => "node" in unit && nodes.get(unit.node).kind === "input";
const computed = () => units.filter((unit) => !isInput(unit));
const total = () => computed().length + units.length;

// Return the pass and the unit of the step that was taken last.
function current() {
  if (position === null || position === 0) return { pass: position === null ? "end" : "start", unit: null };
  const ahead = computed();
  if (position <= ahead.length) return { pass: "forward", unit: ahead[position - 1] };
  return { pass: "reverse", unit: units[units.length - (position - ahead.length)] };
}

function step(by) {
  if (position === null) position = by > 0 ? 0 : total() - 1;
  else position = Math.min(Math.max(position + by, 0), total());
  const { unit } = current();
  chosen = unit && "node" in unit ? unit.node : unit ? null : chosen;
  render(true);
}

function jump(to) {
  position = to;
  const { unit } = current();
  if (unit && "node" in unit) chosen = unit.node;
  render(true);
}

function unfold(unit) {
  const inside = model.nodes.filter((node) => node.index >= unit.fold[0] && node.index <= unit.fold[1]);
  units = units.flatMap((other) => (other === unit ? inside.map((node) => ({ node: node.index })) : [other]));
  if (position !== null) position = null;
  build();
  render(false);
}

// ------------------------------------------------------------------------------------------------------------- the view

const rows = new Map();

function build() {
  const body = element("rows");
  body.replaceChildren();
  rows.clear();
  for (const unit of units) {
    const row = document.createElement("tr");
    if ("node" in unit) {
      const node = nodes.get(unit.node);
      const line = node.source ? node.source[1] : "";
      row.innerHTML = `<td class="label">${named(node.index)}<span class="relation"></span></td>
        <td class="formula">${marked(node.formula)}</td><td class="number value"></td><td class="number tangent"></td>
        <td class="number adjoint"></td><td class="number line">${line}</td>`;
      row.querySelector(".formula").title = node.formula;
      row.tabIndex = -1;
      row.dataset.node = node.index;
      row.addEventListener("mouseenter", () => choose_(node.index, false));
      row.addEventListener("focus", () => choose_(node.index, false));
      row.addEventListener("click", () => row.focus());
    } else {
      row.className = "fold";
      row.innerHTML = `<td>⋮</td><td colspan="5">${marked(unit.text)}</td>`;
      if (unit.opens) {
        const button = document.createElement("button");
        button.textContent = "Unfold";
        button.setAttribute("aria-label", `Unfold ${unit.text}`);
        button.addEventListener("click", () => unfold(unit));
        row.lastElementChild.append(button);
      }
    }
    rows.set(unit, row);
    body.append(row);
  }
}

function choose_(index, focus) {
  chosen = index;
  if (focus) rows.get(units.find((unit) => unit.node === index)).focus({ preventScroll: false });
  else render(false);
}

function render(follow) {
  const { pass, unit: now } = current();
  const boundary = now ? firstOf(now) : null;
  const relatives = chosen === null ? { parents: [], children: [] } : relativesOf(chosen);
  for (const unit of units) {
    const row = rows.get(unit);
    const later = pass === "start" ? !isInput(unit) : pass === "forward" && !isInput(unit) && firstOf(unit) > lastOf(now);
    row.classList.toggle("now-forward", unit === now && pass === "forward");
    row.classList.toggle("now-reverse", unit === now && pass === "reverse");
    if (unit === now) row.setAttribute("aria-current", "step"); else row.removeAttribute("aria-current");
    if (!("node" in unit)) continue;
    const node = nodes.get(unit.node);
    row.classList.toggle("chosen", unit.node === chosen && unit !== now);
    row.classList.toggle("parent", relatives.parents.includes(unit.node));
    row.classList.toggle("child", relatives.children.includes(unit.node));
    const [value, tangent, adjoint] = ["value", "tangent", "adjoint"].map((name) => row.querySelector(`.${name}`));
    value.textContent = value.title = valueOf(node);
    tangent.textContent = tangent.title = tangentOf(node);
    value.classList.toggle("later", later);
    tangent.classList.toggle("later", later);
    showAdjoint(adjoint, node, pass, boundary);
    row.tabIndex = unit.node === (chosen ?? firstNode()) ? 0 : -1;
  }
  showProgress(pass, now);
  showDetail();
  if (follow && now) rows.get(now).scrollIntoView({ block: "nearest" });
}

const firstNode = () => units.find((unit) => "node" in unit).node;

// Before its own step an adjoint is the sum of what has arrived so far.
function showAdjoint(cell, node, pass, boundary) {
  const done = pass === "end" || (pass === "reverse" && node.index >= boundary);
  const arrived = pass === "reverse" ? fromOf(node).filter(([child]) => child >= boundary) : [];
  const partly = !done && pass === "reverse" && (arrived.length > 0 || node.seed !== null);
  cell.classList.toggle("later", !done && !partly);
  cell.classList.toggle("partly", partly);
  if (partly && live) {
    const sums = live.from.get(node.index).filter(([child]) => child >= boundary).map(([, , g]) => g);
    const seed = node.seed === null ? zero(live.values.get(node.index)) : number(node.raw[2]);
    cell.textContent = shown(sums.reduce((a, g) => (Array.isArray(g) ? a.map((x, k) => x + g[k]) : a + g), seed));
  } else cell.textContent = partly && arrived.length === 1 && node.seed === null ? arrived[0][2] : partly ? `${arrived.length} arrived` : adjointOf(node);
}

function relativesOf(index) {
  const node = nodes.get(index);
  return { parents: node.parents, children: node.from.map(([child]) => child) };
}

function showProgress(pass, now) {
  const ahead = computed().length, all = total(), taken = position === null ? all : position;
  document.querySelector(".track .forward i").style.width = `${(100 * Math.min(taken, ahead)) / Math.max(ahead, 1)}%`;
  document.querySelector(".track .reverse i").style.width = `${(100 * Math.max(taken - ahead, 0)) / units.length}%`;
  element("first").disabled = element("back").disabled = taken === 0;
  element("last").disabled = position === all || position === null;
  element("next").disabled = position === all;
  element("status").innerHTML = statusOf(pass, now, taken, ahead, all);
}

function statusOf(pass, now, taken, ahead, all) {
  if (pass === "end") return "Both passes are done. <b>→</b> starts again from the inputs.";
  if (pass === "start") return "The inputs have their values, and the tangents of the chosen direction.";
  const forward = pass === "forward";
  const head = forward ? `<b class="forward-ink">Forward, ${taken} of ${ahead}:</b> ` : `<b class="reverse-ink">Reverse, ${taken - ahead} of ${all - ahead}:</b> `;
  if (!("node" in now)) return head + marked(now.text);
  const node = nodes.get(now.node), value = (x) => `<span class="figure">${escaped(x)}</span>`;
  if (forward) return `${head}${named(node.index)} = ${marked(node.formula)} = ${value(valueOf(node))}, tangent ${value(tangentOf(node))}`;
  return `${head}the adjoint of ${named(node.index)} is complete, ${value(adjointOf(node))}${passedOn(node)}`;
}

function passedOn(node) {
  const parents = [...new Set(node.parents)].filter((k) => nodes.has(k));
  return parents.length ? `; it passes on to ${parents.map((k) => named(k)).join(" and ")}` : "";
}

function showDetail() {
  const panel = element("detail");
  if (chosen === null) {
    const { unit } = current();
    panel.innerHTML = unit
      ? `<h2>Folded</h2><p>${marked(unit.text)}</p>${unit.opens ? "<p>Unfold them to step through each.</p>" : ""}`
      : "<h2>Choose a row</h2><p>Point at one, or press ↓, to see its line in the program, its rule, and its local derivatives.</p>";
    return;
  }
  const node = nodes.get(chosen);
  const heading = node.kind === "input" ? `${named(node.index)} = ${marked(node.name)}` : `${named(node.index)} = ${marked(node.formula)}`;
  panel.innerHTML = `<h2>${heading}</h2>${wholeOf(node)}${sourceOf(node)}${ruleOf(node)}${tangentSum(node)}${adjointSum(node)}${contributions(node)}`;
}

// Arrays may be cut in the table; here they are whole, as far as the page has them.
const wholeOf = (node) => (/^[[(]/.test(valueOf(node)) ? `<p class="figure">= ${escaped(valueOf(node))}</p>` : "");

function sourceOf(node) {
  if (!node.source) return "";
  const [number_, line] = node.source, source = model.sources[number_];
  const from = Math.max(0, line - source.first - 6), lines = source.lines.slice(from, line - source.first + 6);
  const indent = Math.min(...lines.filter((text) => text.trim()).map((text) => text.search(/\S/)));
  const text = lines.map((content, k) => {
    const at = source.first + from + k;
    return `<span data-line="${at}"${at === line ? ' class="here" aria-current="true"' : ""}>${escaped(content.slice(indent)) || " "}</span>`;
  });
  const way = node.stack.length > 1 ? ` · called by ${node.stack.slice(0, -1).map(([name, at]) => `${escaped(name)}, line ${at}`).join(" › ")}` : "";
  const groups = node.groups.length ? ` · ${node.groups.map(escaped).join(" › ")}` : "";
  return `<h3>Line ${line} of <span class="as-is">${escaped(source.file)}</span></h3><pre tabindex="0" aria-label="Source">${text.join("")}</pre>
    <p class="where">${escaped(source.function)}${way}${groups}</p>`;
}

function ruleOf(node) {
  const partials = node.partials.map(([k, formula, value, name]) => `<dt>∂${named(node.index)}/∂${marked(name)}</dt>
    <dd>= ${formula && formula !== value ? `${marked(formula)} = ` : ""}<span class="figure">${partialOf(node, k, value)}</span></dd>`);
  const title = node.kind === "operation" ? `Rule of <span class="as-is">${escaped(node.function)}</span>` : "Rule";
  const local = partials.length ? `<h3>Local derivatives</h3><dl>${partials.join("")}</dl>` : "";
  return `<h3>${title}</h3><p>${node.rule}</p>${local}`;
}

function tangentSum(node) {
  if (node.kind === "input") return `<h3 class="forward-ink">Tangent</h3><p class="figure">${escaped(tangentOf(node))}, as chosen</p>`;
  const terms = node.partials.filter(([, , , name]) => /^v-?\d+$/.test(name)).map(([k, , value, name]) => {
    const parent = nodes.get(Number(name.slice(1)));
    return parent ? `${bracketed(partialOf(node, k, value))} · ${bracketed(tangentOf(parent))}` : "";
  });
  const sum = terms.length && terms.every(Boolean) && terms.join("").length < 90 ? `${terms.join(" + ")} = ` : "";
  return `<h3 class="forward-ink">Tangent, forward</h3><p class="figure">${escaped(sum + tangentOf(node))}</p>`;
}

const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);

function adjointSum(node) {
  const parts = fromOf(node).map(([child, , g]) => `<dt>from ${named(child)}</dt><dd class="figure">${escaped(g)}</dd>`);
  if (node.seed !== null) parts.unshift(`<dt>seed</dt><dd class="figure">${escaped(minus(node.seed))}</dd>`);
  const total_ = parts.length > 1 ? `<dt>sum</dt><dd class="figure"><b>${escaped(adjointOf(node))}</b></dd>` : "";
  const none = "<p>No path leads from here to the result: the adjoint is 0.</p>";
  return `<h3 class="reverse-ink">Adjoint, reverse</h3>${parts.length ? `<dl>${parts.join("")}${total_}</dl>` : none}`;
}

function contributions(node) {
  const parts = [];
  for (const parent of node.parents) {
    if (!nodes.has(parent)) continue;
    for (const [child, k, g] of fromOf(nodes.get(parent))) {
      if (child !== node.index) continue;
      const local = node.partials.find(([at]) => at === k);
      const product = local && adjointOf(node).length < 16 ? `${bracketed(partialOf(node, k, local[2]))} · ${bracketed(adjointOf(node))} = ` : "";
      parts.push(`<dt>to ${named(parent)}</dt><dd class="figure">${escaped(product.length < 60 ? product : "")}${escaped(g)}</dd>`);
    }
  }
  return parts.length ? `<h3 class="reverse-ink">Passed on</h3><dl>${parts.join("")}</dl>` : "";
}

// ---------------------------------------------------------------------------------------------------------- the sliders

const inputs = new Map(model.nodes.filter((node) => node.kind === "input" && node.raw).map((node) => [node.index, number(node.raw[0])]));

function withInput(slider, x) {
  const moved = new Map(inputs);
  if (slider.element === null) moved.set(slider.node, x);
  else moved.set(slider.node, inputs.get(slider.node).map((old, k) => (k === slider.element ? x : old)));
  return moved;
}

const valueAt = (slider) => (slider.element === null ? inputs.get(slider.node) : inputs.get(slider.node)[slider.element]);

// A single point where a value is not finite stops nothing: both sides of it go the recorded way.
function isPole(slider, x, trace) {
  const near = 1e-7 * (slider.high - slider.low);
  return trace.decision === null && [x - near, x + near].every((side) => !evaluated(withInput(slider, side)).stop);
}

// Return the last value on the way from `here` to `there` at which the program goes the recorded way, and what stops it there.
function reach(slider, here, there) {
  let good = here, bad = null, stop = "";
  for (let k = 1; k <= 48; k += 1) {
    const x = here + ((there - here) * k) / 48, trace = evaluated(withInput(slider, x));
    if (trace.stop && isPole(slider, x, trace)) continue;
    if (trace.stop) { bad = x; stop = trace.stop; break; }
    good = x;
  }
  for (let k = 0; bad !== null && k < 50; k += 1) {
    const middle = (good + bad) / 2, trace = evaluated(withInput(slider, middle));
    if (trace.stop) { bad = middle; stop = trace.stop; } else good = middle;
  }
  return { end: good, stop };
}

function showRange(slider) {
  const here = valueAt(slider), down = reach(slider, here, slider.low), up = reach(slider, here, slider.high);
  slider.from = down.stop ? down.end : slider.low;
  slider.to = up.stop ? up.end : slider.high;
  const share = (x) => `${(100 * (x - slider.low)) / (slider.high - slider.low)}%`;
  const barred = "repeating-linear-gradient(135deg, var(--warn) 0 2px, var(--warn-wash) 2px 6px)";
  slider.field.style.setProperty("--range", `linear-gradient(90deg, transparent ${share(slider.from)}, var(--forward) ${share(slider.from)}, var(--forward) ${share(here)}, var(--rule) ${share(here)}, var(--rule) ${share(slider.to)}, transparent ${share(slider.to)}), ${barred}`);
  const words = [];
  const bound = (x) => shown(Math.abs(x) < 1e-12 * (slider.high - slider.low) ? 0 : x);
  if (down.stop) words.push(`stops at ${bound(slider.from)}: below, ${down.stop}`);
  if (up.stop) words.push(`stops at ${bound(slider.to)}: above, ${up.stop}`);
  slider.note.innerHTML = marked(words.join("; "));
  slider.field.setAttribute("aria-valuetext", shown(here) + (words.length ? `, ${words.join("; ")}` : ""));
  slider.output.textContent = shown(here);
}

function moveTo(slider, wanted) {
  const here = valueAt(slider);
  let target = Math.min(Math.max(wanted, slider.from), slider.to);
  let trace = evaluated(withInput(slider, target));
  if (trace.stop && isPole(slider, target, trace)) {
    target += 1e-7 * (slider.high - slider.low);
    trace = evaluated(withInput(slider, target));
  }
  if (trace.stop) { target = reach(slider, here, target).end; trace = evaluated(withInput(slider, target)); }
  const moved = withInput(slider, target);
  inputs.set(slider.node, moved.get(slider.node));
  live = trace;
  slider.field.value = target;
  model.sliders.forEach(showRange);
  showCaption();
  render(false);
}

function buildSliders() {
  const box = element("inputs");
  if (model.obstacle) {
    box.innerHTML = `<p class="why">No sliders for the inputs: ${marked(model.obstacle)}.</p>`;
    return;
  }
  model.sliders.forEach((slider, k) => {
    const row = document.createElement("div");
    row.className = "slider";
    row.innerHTML = `<label for="slider${k}">${escaped(slider.name)}</label>
      <input type="range" id="slider${k}" min="${slider.low}" max="${slider.high}" step="any" value="${slider.value}" aria-describedby="note${k}">
      <output for="slider${k}"></output><p class="note" id="note${k}"></p>`;
    [slider.field, slider.output, slider.note] = ["input", "output", ".note"].map((name) => row.querySelector(name));
    slider.field.addEventListener("input", () => moveTo(slider, Number(slider.field.value)));
    slider.field.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      moveTo(slider, valueAt(slider) + (by * (slider.high - slider.low)) / 200);
    });
    box.append(row);
  });
  live = evaluated(inputs);
  if (live.stop) throw new Error(`the recorded point itself stops: ${live.stop}`);
  model.sliders.forEach(showRange);
}

function showCaption() {
  if (!live) {
    element("caption").textContent = minus(model.caption);
    return;
  }
  const point = model.nodes.filter((node) => node.kind === "input").map((node) => `${node.name} = ${valueOf(node)}`);
  const results = model.outputs.map((k, at) => (k === null ? "…" : valueOf(nodes.get(k))));
  element("caption").textContent = `${model.function}(${point.join(", ")}) = ${results.join(", ")}`;
}

// -------------------------------------------------------------------------------------------------------------- keyboard

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey || event.target.tagName === "INPUT") return;
  const shownRows = units.filter((unit) => "node" in unit);
  const at = shownRows.findIndex((unit) => unit.node === chosen);
  const actions = {
    ArrowRight: () => { if (position !== total()) step(1); },
    ArrowLeft: () => { if (position !== 0) step(-1); },
    Home: () => jump(0),
    End: () => jump(total()),
    ArrowDown: () => choose_(shownRows[Math.min(at + 1, shownRows.length - 1)].node, true),
    ArrowUp: () => choose_(shownRows[Math.max(at - 1, 0)].node, true),
  };
  if (event.key in actions) {
    event.preventDefault();
    actions[event.key]();
  }
}

element("first").addEventListener("click", () => jump(0));
element("back").addEventListener("click", () => step(-1));
element("next").addEventListener("click", () => step(1));
element("last").addEventListener("click", () => jump(total()));
element("unfold").addEventListener("click", () => { for (const unit of units.filter((other) => other.opens)) unfold(unit); element("unfold").hidden = true; });
document.addEventListener("keydown", onKey);
element("unfold").hidden = !units.some((unit) => unit.opens);
element("unfold").textContent = "Unfold all";
element("lead").innerHTML = `Each row is an intermediate. <span class="forward-ink">Values and tangents</span> are computed downwards, the tangents
  along ${marked(model.direction)}; <span class="reverse-ink">adjoints</span>, the derivatives of the result by each row, upwards.`;
buildSliders();
build();
showCaption();
chosen = nodes.has(model.outputs[0]) ? model.outputs[0] : null;
render(false);
