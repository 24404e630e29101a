"use strict";

// Figures are drawn when they come into view, in the colors of the page, and again when those change.
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 40rem)");
const touch = window.matchMedia("(pointer: coarse)");
const drawn = new Set();
let onPaper = false;

// Paper is white, whatever the screen is, and has no room for what is wider than it.
const PAPER = { "--ink": "#000", "--grid": "#ddd", "--line": "#bbb", "--panel": "#f3f3f3" };
const PAPER_WIDTH = { "plots": 320, "plot-alone": 640 };

function color(name) {
  if (onPaper) return PAPER[name];
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function look(layout, place) {
  const lines = { gridcolor: color("--grid"), linecolor: color("--line"), tickcolor: color("--line") };
  return {
    ...layout,
    autosize: !onPaper,
    width: onPaper ? PAPER_WIDTH[place] : undefined,
    height: layout.height || 420,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: narrow.matches ? 11 : 13, color: color("--ink") },
    hoverlabel: { ...layout.hoverlabel, bgcolor: color("--panel"), bordercolor: color("--line"), font: { color: color("--ink") } },
    // A finger that moves over a figure scrolls the page.
    dragmode: touch.matches ? false : "zoom",
    xaxis: { ...layout.xaxis, ...lines },
    yaxis: { ...layout.yaxis, ...lines },
  };
}

// The darkest colors of the palette are too dark for a dark page.
function traces(data) {
  const text = JSON.stringify(data);
  const found = JSON.parse(dark.matches && !onPaper ? text.replaceAll("#0072B2", "#3D9FE0").replaceAll("#000000", "#E4E7EB") : text);
  // Plotly chooses a color that can be read on the cell as if that weren't pale.
  const pale = dark.matches && !onPaper ? 0.5 : 1;
  for (const trace of found) if (trace.type === "heatmap" && trace.opacity < pale) trace.textfont = { color: color("--ink") };
  // All cells have one scale; one bar of it is enough.
  found.filter((trace) => trace.type === "heatmap").slice(1).forEach((trace) => { trace.showscale = false; });
  return found;
}

// The page shares nothing by itself; and each button of a figure would be a stop on the way through the page by keyboard.
const config = {
  responsive: true,
  displaylogo: false,
  displayModeBar: narrow.matches ? false : "hover",
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
  toImageButtonOptions: { format: "svg" }, // vectors, for a paper: the size on paper is yet to be chosen
  showSendToCloud: false,
  plotlyServerURL: "",
  scrollZoom: false,
};

function skipButtons(element) {
  element.querySelectorAll("button, a, [tabindex]").forEach((each) => { each.tabIndex = -1; });
}

function draw(element) {
  const figure = figures[element.dataset.figure];
  const isNew = !drawn.has(element);
  drawn.add(element);
  const done = Plotly.react(element, traces(figure.data), look(figure.layout, element.closest(".plots, .plot-alone").classList[0]), config);
  skipButtons(element);
  if (isNew) element.on("plotly_afterplot", () => skipButtons(element));
  return done.then(() => { element.dataset.drawn = "yes"; });
}

const plots = [...document.querySelectorAll("[data-figure]")];
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) {
      watcher.unobserve(entry.target);
      draw(entry.target);
    }
  }
}, { rootMargin: "600px" });
plots.forEach((element) => watcher.observe(element));
dark.addEventListener("change", () => drawn.forEach(draw));
function turn(paper) {
  onPaper = paper;
  plots.forEach(draw);
}
window.addEventListener("beforeprint", () => turn(true));
window.addEventListener("afterprint", () => turn(false));

// The table of trials: a click on a heading sorts by it, again the other way round; every word of the filter must occur.
const table = document.getElementById("table");
if (table) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...body.rows].map((row) => ({ row, text: row.textContent.toLowerCase(), state: row.cells[1].textContent }));
  const keyOf = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const isNumber = (key) => key !== "" && !Number.isNaN(Number(key));

  function compare(first, second) {
    const numbers = isNumber(first) && isNumber(second);
    return numbers ? Number(first) - Number(second) : first.localeCompare(second);
  }

  function sort(column) {
    const descending = heads[column].ariaSort === "ascending";
    heads.forEach((head, index) => { head.ariaSort = index === column ? (descending ? "descending" : "ascending") : "none"; });
    const keyed = rows.map((entry) => ({ entry, key: keyOf(entry.row, column) }));
    // Empty cells come last in either direction.
    keyed.sort((one, other) => {
      if (one.key === "" || other.key === "") return (one.key === "") - (other.key === "");
      return descending ? compare(other.key, one.key) : compare(one.key, other.key);
    });
    body.append(...keyed.map(({ entry }) => entry.row));
  }

  function filter() {
    const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const state = document.getElementById("state").value;
    let shown = 0;
    for (const entry of rows) {
      const fits = (!state || entry.state === state) && words.every((word) => entry.text.includes(word));
      entry.row.hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").value = `${shown} of ${rows.length}`;
  }

  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => sort(column)));
  document.getElementById("filter").addEventListener("input", filter);
  document.getElementById("state").addEventListener("change", filter);
}
