"use strict";

/* The page of one process: follows the log, shows the state in the title, draws the light curve. */
(function () {
  const KEPT_LINES = 10000;
  const MARKS = { queued: "◷", running: "▶", cancelling: "◼", succeeded: "✓", failed: "✗", cancelled: "⊘" };
  const baseTitle = document.title.replace(/\|\s*\S+ · /, "| ");
  const icons = iconFolder();
  let shownState = null;

  function iconFolder() {
    const script = document.querySelector('script[src*="tom_pipeline_core/process.js"]');
    return script ? new URL("icons/", script.src) : null;
  }

  // -- the state, in the title, the icon, and for screen readers ---------------------------------

  function showState() {
    const line = document.getElementById("tpc-state");
    if (!line || line.dataset.state === shownState) return;
    const first = shownState === null;
    shownState = line.dataset.state;
    document.title = (MARKS[shownState] || "") + " " + shownState + " · " + baseTitle;
    let icon = document.querySelector("link[rel=icon]");
    if (icons && icon) {
      const fresh = icon.cloneNode();
      fresh.removeAttribute("sizes");
      fresh.type = "image/svg+xml";
      fresh.href = new URL(shownState + ".svg", icons);
      icon.replaceWith(fresh);
    }
    const announce = document.getElementById("tpc-announce");
    if (announce && !first) announce.textContent = "The process is now " + shownState + ".";
  }

  // -- asking for news only while somebody looks -------------------------------------------------

  document.addEventListener("htmx:beforeRequest", function (event) {
    const asker = event.detail.elt;
    if (asker.id === "tpc-poller" && document.hidden) event.preventDefault();
    // The page does not change under somebody's hands: who works inside the tab keeps it.
    const atEnd = event.detail.requestConfig.triggeringEvent;
    if (asker.id === "tpc-tab" && atEnd && atEnd.type === "tpc-ended" && isWorkedIn(asker)) {
      event.preventDefault();
    }
  });
  document.addEventListener("visibilitychange", function () {
    const poller = document.getElementById("tpc-poller");
    if (!document.hidden && poller && window.htmx) window.htmx.trigger(poller, "tpc-resume");
  });
  function isWorkedIn(tab) {
    const focus = document.activeElement;
    const chosen = window.getSelection();
    return (
      (tab.contains(focus) && focus.matches("input, select, textarea")) ||
      (chosen && !chosen.isCollapsed && tab.contains(chosen.anchorNode))
    );
  }

  // -- the log ----------------------------------------------------------------------------------

  const lines = () => document.getElementById("tpc-log-lines");
  const follows = () => Boolean(document.getElementById("tpc-follow")?.checked);

  function toEnd() {
    const log = lines();
    if (log) log.scrollTop = log.scrollHeight;
  }
  function trim() {
    // A page left open all night does not fill the browser's memory.
    const log = lines();
    let count = log.querySelectorAll(".tpc-line").length;
    while (count > KEPT_LINES && log.firstElementChild !== log.lastElementChild) {
      const oldest = log.firstElementChild;
      count -= oldest.querySelectorAll(".tpc-line").length;
      oldest.remove();
    }
  }
  document.addEventListener("htmx:oobAfterSwap", function (event) {
    if (event.detail.target && event.detail.target.id === "tpc-log-lines" && follows()) {
      trim();
      toEnd();
    }
  });
  document.addEventListener(
    "wheel",
    function (event) {
      const box = document.getElementById("tpc-follow");
      if (box && event.deltaY < 0 && event.target.closest("#tpc-log-lines")) box.checked = false;
    },
    { passive: true },
  );
  document.addEventListener("change", function (event) {
    if (event.target.id === "tpc-follow" && event.target.checked) toEnd();
    if (event.target.id === "tpc-wrap") lines().classList.toggle("tpc-wrap", event.target.checked);
    if (event.target.id === "tpc-log-level") event.target.form.requestSubmit();
  });
  document.addEventListener("click", function (event) {
    if (event.target.id === "tpc-log-top") {
      const box = document.getElementById("tpc-follow");
      box.checked = false;
      lines().scrollTop = 0;
    }
    if (event.target.id === "tpc-log-bottom") toEnd();
  });

  // -- time that passes ---------------------------------------------------------------------------

  function inWords(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    if (s < 60) return s + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + (s % 60) + " s";
    return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  }
  window.setInterval(function () {
    document.querySelectorAll(".tpc-elapsed[data-since]").forEach(function (element) {
      const since = Number(element.dataset.since);
      if (since) element.textContent = inWords(Date.now() / 1000 - since);
    });
  }, 1000);

  // -- the light curve ----------------------------------------------------------------------------

  function drawPlots() {
    document.querySelectorAll(".tpc-plot:not([data-drawn])").forEach(function (element) {
      element.dataset.drawn = "yes";
      loadPlotly(element.dataset.plotly).then(
        () => draw(element),
        () => (element.textContent = "The plot could not be loaded; the table below has the points."),
      );
    });
  }
  function loadPlotly(address) {
    if (window.Plotly) return Promise.resolve();
    return new Promise(function (resolve, reject) {
      const script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = reject;
      document.head.append(script);
    });
  }
  function draw(element) {
    const style = window.getComputedStyle(element);
    const series = JSON.parse(element.dataset.series);
    const unit = series.length ? series[0].unit : "";
    const isMagnitude = unit.toLowerCase().includes("mag");
    const traces = series.map(function (one) {
      const trace = { x: one.time, y: one.value, name: one.band, mode: "markers", type: "scatter" };
      if (one.limit) {
        trace.name += " limit";
        trace.marker = { symbol: "triangle-down" };
        trace.opacity = 0.5;
      } else {
        trace.error_y = { type: "data", array: one.error, visible: true };
      }
      return trace;
    });
    const axis = { color: style.color, gridcolor: "rgba(128, 128, 128, .3)", mirror: true, showline: true, zeroline: false };
    const layout = {
      xaxis: { ...axis, title: { text: "Time (UTC)" } },
      yaxis: { ...axis, title: { text: unit ? "Brightness [" + unit + "]" : "Brightness" }, autorange: isMagnitude ? "reversed" : true },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: style.color },
      margin: { t: 20, r: 20 },
      showlegend: true,
      height: 380,
    };
    window.Plotly.newPlot(element, traces, layout, { responsive: true, displaylogo: false });
  }

  function refresh() {
    showState();
    drawPlots();
  }
  document.addEventListener("htmx:afterSettle", function (event) {
    refresh();
    if (event.detail.target && event.detail.target.id === "tpc-tab" && follows()) toEnd();
  });
  refresh();
  toEnd();
})();
