"use strict";
// The page works without this file: it only saves round trips and keystrokes.
(function () {
  function boxes() {
    return Array.from(document.querySelectorAll('#tpc-file-table input[name="product"]'));
  }

  function showCount() {
    const count = document.getElementById("tpc-count");
    const all = document.getElementById("tpc-select-page");
    const ticked = boxes().filter((box) => box.checked).length;
    if (count) count.textContent = Number(count.dataset.elsewhere || 0) + ticked;
    if (all) {
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && ticked < boxes().length;
    }
  }

  function markChanged(field) {
    const wrapper = field.closest(".tpc-parameter");
    if (!wrapper || field.type === "radio") return;
    const value = field.type === "checkbox" ? String(field.checked) : field.value.trim();
    const usual = wrapper.dataset.default;
    const same = value === usual || (value !== "" && usual !== "" && Number(value) === Number(usual));
    wrapper.classList.toggle("tpc-changed", !same);
  }

  document.addEventListener("change", function (event) {
    const target = event.target;
    if (target.id === "tpc-select-page") {
      boxes().forEach((box) => { box.checked = target.checked; });
    }
    if (target.closest("#tpc-file-table")) showCount();
  });
  document.addEventListener("input", (event) => markChanged(event.target));

  // Shift and click ticks a range, as in mail programs.
  let last = null;
  document.addEventListener("click", function (event) {
    const box = event.target;
    if (box.name !== "product") return;
    const all = boxes();
    if (event.shiftKey && last && all.includes(last)) {
      const ends = [all.indexOf(last), all.indexOf(box)].sort((a, b) => a - b);
      all.slice(ends[0], ends[1] + 1).forEach((between) => { between.checked = box.checked; });
      showCount();
    }
    last = box;
  });

  // An answer shows what was chosen when it was asked for; what was chosen meanwhile stays.
  let ticked = null;
  let pipeline = null;
  document.addEventListener("htmx:beforeSwap", function (event) {
    const config = event.detail.requestConfig;
    const looking = config && config.elt && config.elt.id === "tpc-looking";
    ticked = looking ? new Map(boxes().map((box) => [box.id, box.checked])) : null;
    const radio = document.querySelector('#tpc-pipelines input[name="pipeline"]:checked');
    pipeline = radio ? radio.id : null;
  });
  // At once, not when all has settled: the next request in the queue is sent before that.
  document.addEventListener("htmx:oobAfterSwap", function (event) {
    const id = event.detail.target ? event.detail.target.id : "";
    if (id === "tpc-pipelines" && pipeline) {
      const radio = document.getElementById(pipeline);
      if (radio) radio.checked = true;
    }
    if (id === "tpc-file-table" && ticked) {
      boxes().forEach((box) => { if (ticked.has(box.id)) box.checked = ticked.get(box.id); });
    }
    if (id === "tpc-errors") {
      const alert = document.querySelector("#tpc-errors .alert");
      if (alert) alert.focus();
    }
  });
  document.addEventListener("htmx:afterSettle", showCount);

  showCount();
})();
