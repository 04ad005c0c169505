/* The canvas page: what the canvas changes is saved as a draft. */
(function () {
  "use strict";
  var told = JSON.parse(document.getElementById("rules-canvas-config").textContent);
  /* The canvas calls each box a button though it holds fields, and leaves buttons of one sign unnamed. */
  function name() {
    document.querySelectorAll(".react-flow__node[role=button]").forEach(function (box) { box.setAttribute("role", "group"); });
    document.querySelectorAll("#rules-canvas button:not([aria-label]):not([title])").forEach(function (button) {
      var spoken = Array.prototype.filter.call(button.childNodes, function (child) { return !child.querySelector || !(child.querySelector("[aria-hidden=true]") || child.getAttribute("aria-hidden") === "true"); });
      if (!spoken.map(function (child) { return child.textContent; }).join("").trim()) button.setAttribute("aria-label", button.textContent.indexOf("▶") >= 0 ? told.words.run : document.getElementById("rules-canvas").dataset.more);
    });
  }
  new MutationObserver(name).observe(document.getElementById("rules-canvas"), { childList: true, subtree: true });
  name();
  if (told.readonly) return;
  var saving = RuleSaving(told, { theirs: function () { location.reload(); } });
  document.getElementById("rules-canvas").addEventListener("canvas:changed", function (event) {
    saving.changed(function () { return { document: event.detail }; });
  });
})();
