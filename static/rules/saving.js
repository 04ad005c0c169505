/* Saving a draft for the table and the canvas: one save at a time, the newest wins; a draft that somebody else saved
   meanwhile is shown, and the person decides. */
(function () {
  "use strict";
  /* told: {save, token, words}; take(answer) after a save, theirs(answer) when the other's draft is taken. */
  window.RuleSaving = function (told, hooks) {
    var revision = told.revision, busy = false, waiting = null, timer = 0;
    var state = document.getElementById("rules-saved"), stale = document.getElementById("rules-stale");

    function say(text, bad) { state.textContent = text; state.classList.toggle("oh-text-bad", !!bad); }
    function list(element, rows, text) {
      if (!element) return;
      element.replaceChildren();
      rows.forEach(function (row) { var item = document.createElement("li"); item.textContent = text(row); element.append(item); });
    }
    function shown(answer) {
      list(document.getElementById("rules-faults"), answer.faults || [], function (fault) { return fault.text; });
      var changes = answer.changes && answer.changes.length ? answer.changes : [told.words.nothing_changed];
      list(document.getElementById("rules-changes"), changes, function (change) { return change; });
      var box = document.getElementById("rules-state");
      box.classList.toggle("oh-step-bad", !!(answer.faults || []).length);
      box.classList.toggle("oh-step-good", !(answer.faults || []).length);
    }
    function conflict(answer, body) {
      say(told.words.unsaved, true);
      stale.hidden = false;
      stale.querySelector("[data-text]").textContent = told.words.stale.replace("%(who)s", answer.who);
      list(stale.querySelector("[data-changes]"), answer.changes || [], function (change) { return change; });
      var mine = stale.querySelector("[data-mine]"), theirs = stale.querySelector("[data-theirs]");
      mine.textContent = told.words.mine;
      theirs.textContent = told.words.theirs;
      mine.onclick = function () { stale.hidden = true; revision = answer.revision; send(body); };
      theirs.onclick = function () { stale.hidden = true; revision = answer.revision; waiting = null; hooks.theirs(answer); say(told.words.saved); };
      stale.scrollIntoView({ block: "nearest" });
    }
    function send(body) {
      busy = true;
      say(told.words.saving);
      fetch(told.save, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": told.token }, body: JSON.stringify(Object.assign({ revision: revision }, body)) })
        .then(function (answer) { return answer.json().then(function (said) { return [answer.status, said]; }); })
        .then(function (got) {
          busy = false;
          if (got[0] === 409) { waiting = null; conflict(got[1], body); return; }
          if (got[0] !== 200) { say(told.words.failed + " · " + got[1].error, true); return; }
          revision = got[1].revision;
          say(told.words.saved);
          shown(got[1]);
          if (hooks.take) hooks.take(got[1]);
          if (waiting) { var next = waiting; waiting = null; send(next()); }
        })
        .catch(function () { busy = false; say(told.words.failed, true); timer = setTimeout(function () { if (waiting) { var next = waiting; waiting = null; send(next()); } else send(body); }, 3000); });
    }
    function changed(make) {
      waiting = make;
      say(told.words.unsaved);
      clearTimeout(timer);
      timer = setTimeout(flush, 450);
    }
    function flush() {
      if (busy || !waiting) return;
      var next = waiting;
      waiting = null;
      send(next());
    }
    addEventListener("beforeunload", function (event) { if (waiting || busy) { flush(); event.preventDefault(); } });
    document.addEventListener("submit", function (event) {
      if (!(waiting || busy)) return;  // publish what stands here, not what stood before the last key
      event.preventDefault();
      flush();
      var form = event.target, wait = setInterval(function () { if (!busy && !waiting) { clearInterval(wait); form.requestSubmit(); } }, 60);
    });
    return { changed: changed, idle: function () { return !busy && !waiting; } };
  };
})();
