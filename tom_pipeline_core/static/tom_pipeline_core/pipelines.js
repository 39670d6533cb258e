"use strict";

/* On every page of ours, and on what they load: small things that work without, but less well. */
(function () {
  document.documentElement.classList.add("tpc-script");

  // A form that makes something is sent once, however often its button is pressed.
  document.addEventListener("submit", function (event) {
    const form = event.target;
    if (!form.matches("form[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-once]").forEach((form) => delete form.dataset.sent);
  });

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const source = document.querySelector(button.dataset.copy);
    navigator.clipboard.writeText(source.textContent).then(
      () => say(button, "Copied"),
      () => window.getSelection().selectAllChildren(source),
    );
  });

  // One checkbox that ticks all others of its table.
  document.addEventListener("change", function (event) {
    if (!event.target.matches("[data-check-all]")) return;
    event.target
      .closest("table")
      .querySelectorAll("input[type=checkbox]:not([data-check-all])")
      .forEach((box) => (box.checked = event.target.checked));
  });

  function say(button, text) {
    const before = button.textContent;
    button.textContent = text;
    window.setTimeout(() => (button.textContent = before), 2000);
  }
})();
