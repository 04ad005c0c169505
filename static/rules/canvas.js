/* The canvas page: what the canvas changes is saved as a draft. */
(function () {
  "use strict";
  var told = JSON.parse(document.getElementById("rules-canvas-config").textContent);
  if (told.readonly) return;
  var saving = RuleSaving(told, { theirs: function () { location.reload(); } });
  document.getElementById("rules-canvas").addEventListener("canvas:changed", function (event) {
    saving.changed(function () { return { document: event.detail }; });
  });
})();
