"use strict";
// The page works without this file: it only saves round trips and keystrokes.
(function () {
  document.documentElement.classList.add("tpc-script");
})();
