/* Bulk accept: a sample first, then all at once, then ten minutes to undo. */
(function () {
  "use strict";
  document.addEventListener("rv-ready", function () {
    var desk = window.ReviewDesk, P = window.ReviewPaint, say = desk.say, dialog = document.getElementById("rv-bulk"), open = document.getElementById("rv-bulk-open");
    if (!dialog || !open) return;
    function el(id) { return document.getElementById(id); }
    var from = el("rv-bulk-from"), wait = 0, asked = 0;
    function look() {
      var mine = ++asked;
      el("rv-bulk-value").textContent = from.value + " %";
      el("rv-bulk-go").disabled = true;
      desk.post(desk.cfg.urls.bulk, { from: Number(from.value) / 100 }).then(function (data) {
        if (mine !== asked) return;
        el("rv-bulk-rows").replaceChildren();
        data.sample.forEach(function (row) {
          var tr = P.make("tr");
          tr.append(P.make("td", "", row.wrote), P.make("td", "", row.takes), P.make("td", "oh-num", row.score + " %"));
          el("rv-bulk-rows").append(tr);
        });
        el("rv-bulk-note").textContent = data.count ? "" : say.bulk_none;
        el("rv-bulk-go").textContent = P.fill(say.bulk_take, { n: data.count });
        el("rv-bulk-go").disabled = !data.count;
      }, function (error) { el("rv-bulk-note").textContent = error.text; });
    }
    open.addEventListener("click", function () { dialog.showModal(); look(); });
    from.addEventListener("input", function () { clearTimeout(wait); el("rv-bulk-value").textContent = from.value + " %"; wait = setTimeout(look, 150); });
    el("rv-bulk-close").addEventListener("click", function () { dialog.close(); });
    el("rv-bulk-go").addEventListener("click", function () {
      el("rv-bulk-go").disabled = true;
      desk.post(desk.cfg.urls.bulk_accept, { from: Number(from.value) / 100, have: desk.ids() }).then(function (data) {
        dialog.close();
        desk.drop(data.taken);
        desk.more();
        banner(data);
      }, function (error) { el("rv-bulk-note").textContent = error.text; });
    });
    function banner(data) {
      var box = el("rv-banner"), text = P.make("span", "", P.fill(say.bulk_done, { n: data.taken.length })), clock = P.make("b", "oh-number", ""), button = P.make("button", "oh-button oh-button-quiet oh-button-small", say.undo);
      button.type = "button";
      box.replaceChildren(text, clock, button);
      box.hidden = false;
      var end = Date.now() + data.seconds * 1000, beat = setInterval(function () {
        var left = Math.max(0, Math.round((end - Date.now()) / 1000));
        clock.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
        if (!left) { clearInterval(beat); box.hidden = true; }
      }, 500);
      button.addEventListener("click", function () {
        button.disabled = true;
        desk.post(desk.cfg.urls.bulk_undo, { batch: data.batch }).then(function (back) {
          clearInterval(beat);
          box.replaceChildren(P.make("span", "", P.fill(say.bulk_undone, { n: back.back }) + (back.left ? " " + P.fill(say.bulk_left, { n: back.left }) : "")));
          setTimeout(function () { box.hidden = true; }, 6000);
          desk.more();
        }, function (error) { button.disabled = false; text.textContent = error.text; });
      });
    }
  });
})();
