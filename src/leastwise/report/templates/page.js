"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)");
  const config = {
    responsive: true,
    displayModeBar: false,
    displaylogo: false,
    showSendToCloud: false,
  };
  const printed = 640;

  const coloured = (value, style) => {
    if (typeof value === "string" && value[0] === "@") {
      return style.getPropertyValue(`--${value.slice(1)}`).trim();
    }
    if (Array.isArray(value)) {
      return typeof value[0] === "object" && value[0] !== null
        ? value.map((item) => coloured(item, style)) : value.slice();
    }
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, style)]));
    }
    return value;
  };

  const draw = (figure, width) => {
    const place = document.getElementById(figure.id);
    if (!width && place.clientWidth === 0) return;
    const style = getComputedStyle(root);
    const small = (width || place.clientWidth) < 480;
    const axis = {
      gridcolor: "@grid", linecolor: "@muted", zerolinecolor: "@muted", zerolinewidth: 1,
      zeroline: false, showline: true, ticks: "outside", ticklen: 4, tickcolor: "@muted",
      automargin: true, minexponent: 3, hoverformat: ".5~g",
    };
    const titled = (own) => ({ ...axis, ...own, title: { ...own.title, standoff: 10 } });
    const names = figure.layout.names ?? [];
    const letter = small || width ? 6.2 : 7.5;
    const label = ({ text, short }) => (small ? short : text);
    const longest = Math.max(0, ...names.map((name) => label(name).length));
    const { names: _, ...given } = figure.layout;
    const layout = coloured({
      ...given,
      annotations: names.map((name) => ({
        text: label(name), x: 1, xref: "paper", xanchor: "left", xshift: 4, y: name.y, yanchor: "middle",
        showarrow: false, font: { color: name.color, size: small || width ? 10 : 12 },
      })),
      xaxis: { nticks: small ? 5 : 8, tickangle: 0, ...titled(figure.layout.xaxis) },
      yaxis: titled(figure.layout.yaxis),
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: style.getPropertyValue("--sans"), size: width ? 10 : 12, color: "@ink" },
      margin: { l: small ? 44 : 60, r: 12 + letter * longest, t: figure.layout.showlegend ? 34 : 12, b: 48 },
      height: width ? Math.min(figure.layout.height, 520) : figure.layout.height,
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", bgcolor: "rgba(0,0,0,0)", itemclick: false, itemdoubleclick: false },
      hoverlabel: { bgcolor: "@paper", bordercolor: "@muted", font: { color: "@ink" } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: "@muted", activecolor: "@accent" },
      dragmode: coarse.matches ? false : "zoom",
      width: width || undefined,
      autosize: !width,
    }, style);
    try {
      for (const note of place.querySelectorAll(".undrawn")) note.remove();
      Plotly.react(place, coloured(figure.data, style), layout, config);
      place.dataset.drawn = "yes";
    } catch (error) {
      const note = document.createElement("p");
      note.className = "undrawn failed";
      note.textContent = `This plot could not be drawn (${error.message}); its summary is below.`;
      place.replaceChildren(note);
      console.error(error);
    }
  };
  const all = (width) => figures.forEach((figure) => draw(figure, width));
  const pending = (inside) => figures.forEach((figure) => {
    const place = document.getElementById(figure.id);
    if (inside.contains(place)) draw(figure);
  });

  let opened = [];
  const before = () => {
    root.dataset.print = "";
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
    all(printed);
  };
  const after = () => {
    delete root.dataset.print;
    for (const details of opened) details.open = false;
    opened = [];
    all();
  };
  addEventListener("beforeprint", before);
  addEventListener("afterprint", after);
  dark.addEventListener("change", () => all());
  for (const details of document.querySelectorAll("details.target")) {
    details.addEventListener("toggle", () => { if (details.open && !("print" in root.dataset)) pending(details); });
  }

  const number = (row, column) => parseFloat(row.cells[column].title);
  const compare = (column, sign) => (a, b) => {
    if (column === 0) return sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent, undefined, { numeric: true });
    const x = number(a, column), y = number(b, column);
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return sign * (x - y);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const bodies = [...table.tBodies].map((body) => [body, [...body.rows]]);
    const rows = bodies.flatMap(([, own]) => own.filter((row) => !row.classList.contains("group")));
    const heads = [...table.tHead.rows[0].cells];
    const sort = (column) => {
      const was = heads[column].getAttribute("aria-sort");
      const next = { descending: "ascending", ascending: null }[was] ?? (was === "ascending" ? null : "descending");
      for (const head of heads) head.removeAttribute("aria-sort");
      for (const [body] of bodies) body.replaceChildren();
      if (next === null) {
        for (const [body, own] of bodies) body.append(...own);
        return;
      }
      heads[column].setAttribute("aria-sort", next);
      bodies[0][0].append(...rows.slice().sort(compare(column, next === "ascending" ? 1 : -1)));
    };
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.title = "Sort; a third press restores the order";
      button.addEventListener("click", () => sort(column));
      head.replaceChildren(button);
    });
  }

  const queue = figures.slice();
  const step = () => {
    const figure = queue.shift();
    if (!figure) { root.dataset.plots = "drawn"; return; }
    draw(figure);
    setTimeout(step);
  };
  step();
})();
