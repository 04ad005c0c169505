/* The review screen: one address, one key press, the next is there already. What is pressed is painted at once and told
   to the server behind it, in order; what the server refuses comes back with its reason. */
(function () {
  "use strict";
  var root = document.getElementById("rv");
  if (!root) return;
  var cfg = JSON.parse(root.dataset.config), say = cfg.say, P = window.ReviewPaint;
  function el(id) { return document.getElementById(id); }
  var csrf = root.querySelector("input[name=csrfmiddlewaretoken]").value;
  var token = sessionStorage.getItem("rv-token");
  if (!token) {
    token = Array.from(crypto.getRandomValues(new Uint8Array(12)), function (b) { return b.toString(16).padStart(2, "0"); }).join("");
    sessionStorage.setItem("rv-token", token);
  }
  var queue = [], tail = Promise.resolve(), busy = 0, shownAt = 0, pin = null, times = [], painted = [], keys = localStorage.getItem("rv-keys") !== "off";
  var count = Number(el("rv-count").textContent) || 0, map = ReviewMap.start(el("rv-map"), cfg, { pin: pinned, over: over, pick: focusCard });
  function current() { return queue[0] || null; }
  function ids() { return queue.map(function (item) { return item.id; }); }
  /* What is decided here but not yet there: the server must not hand it out again meanwhile. */
  var going = [];
  function stock(more) { return Object.assign({ have: ids().concat(going), want: Math.max(0, 4 - queue.length) }, more); }
  function went(id) { going = going.filter(function (other) { return other !== id; }); }

  /* --- talking to the server ---------------------------------------------------------------------------------- */
  function post(url, body) {
    body.token = token;
    return fetch(url, {
      method: "POST", credentials: "same-origin", keepalive: Boolean(body.last),
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf, Accept: "application/json" }, body: JSON.stringify(body),
    }).then(function (answer) {
      if (answer.redirected || (answer.status === 403 && !(answer.headers.get("content-type") || "").includes("json"))) throw { code: "signed_out", text: say.signed_out };
      return answer.json().catch(function () { return {}; }).then(function (data) {
        if (answer.ok) return data;
        throw answer.status === 409 || answer.status === 400 ? data : { code: "offline", text: say.offline };
      });
    }, function () { throw { code: "offline", text: say.offline }; });
  }
  function at(name, id) { return cfg.urls[name].replace("/0/", "/" + id + "/"); }
  /* One after the other: an undo never overtakes the decision that it undoes. A server that is away is asked again. */
  function inOrder(work) {
    busy += 1;
    tail = tail.then(work).catch(failed).then(function () { busy -= 1; if (!current()) paint(); });
    return tail;
  }
  function patiently(url, body, tries) {
    return post(url, body).catch(function (error) {
      if (error.code !== "offline" || tries <= 0) throw error;
      toast(say.offline, true);
      return new Promise(function (go) { setTimeout(go, 1500); }).then(function () { return patiently(url, body, tries - 1); });
    });
  }
  function failed(error) {
    toast((error && error.text) || say.offline, true);
    if (error && error.id !== undefined) drop([error.id]);
    if (error && ["lost", "gone"].includes(error.code)) return more();
  }
  function taken(data) {
    (data.items || []).forEach(function (item) { if (!ids().includes(item.id) && !going.includes(item.id)) queue.push(item); });
    if (data.left !== undefined) el("rv-left").textContent = data.left;
    if (!el("rv-desk").hidden || queue.length) if (!shown || shown !== current()) paint();
  }
  function drop(gone) {
    var here = current();
    queue = queue.filter(function (item) { return !gone.includes(item.id); });
    if (here !== current()) paint();
  }
  function more() { return post(cfg.urls.next, stock()).then(taken, function (error) { if (error.code !== "offline") toast(error.text, true); }); }

  /* --- painting ------------------------------------------------------------------------------------------------ */
  var shown = null;
  function paint() {
    var item = current();
    unpin();
    closeSearch();
    el("rv-wait").hidden = Boolean(item) || (!busy && ready);
    el("rv-empty").hidden = Boolean(item) || busy > 0 || !ready;
    el("rv-desk").hidden = !item;
    el("rv-thumb").hidden = !item;
    shown = item;
    if (!item) return;
    P.meta(el("rv-meta"), item, say, cfg.order);
    P.text(el("rv-text"), item);
    P.why(el("rv-why"), item);
    P.cards(el("rv-cards"), item, say);
    thumb(item);
    root.dataset.item = item.id;
    shownAt = performance.now();
    // The map is the dearest part: it follows one frame after the words.
    requestAnimationFrame(function () { requestAnimationFrame(function () { if (shown === item) map.paint(item); }); });
    var words = item.parts.map(function (part) { return part[0]; }).join("");
    el("rv-say").textContent = P.fill(say.item, { n: item.number.slice(-4), text: words }) + " " + (item.reason || "") + " " + P.fill(say.candidates, { n: item.cards.length });
  }
  function thumb(item) {
    var bar = el("rv-thumb");
    bar.replaceChildren();
    [1, 2, 3].forEach(function (n) {
      var button = P.make("button", "rv-take rv-dot-" + n, String(n));
      button.type = "button";
      button.dataset.rank = n;
      button.disabled = item.cards.length < n;
      bar.append(button);
    });
    [["rv-skip", skip], ["rv-undo", undo]].forEach(function (row) {
      var button = P.make("button", "", el(row[0]).lastChild.textContent);
      button.type = "button";
      button.addEventListener("click", row[1]);
      bar.append(button);
    });
  }
  function over(rank) {
    map.over(rank);
    root.querySelectorAll(".rv-card[data-rank]").forEach(function (card) { card.classList.toggle("rv-over", Number(card.dataset.rank) === rank); });
  }
  function focusCard(rank) {
    var card = root.querySelector('.rv-card[data-rank="' + rank + '"]');
    if (card) { card.focus(); card.scrollIntoView({ block: "nearest" }); }
  }
  var toastFor = 0;
  function toast(text, bad, undoable) {
    clearTimeout(toastFor);
    el("rv-toast").hidden = false;
    el("rv-toast").classList.toggle("rv-toast-bad", Boolean(bad));
    el("rv-toast-text").textContent = text;
    el("rv-toast-undo").hidden = !undoable;
    toastFor = setTimeout(function () { el("rv-toast").hidden = true; }, bad ? 7000 : 5000);
  }

  /* --- deciding ------------------------------------------------------------------------------------------------ */
  function decide(choice, way, words, pressed) {
    var item = current();
    if (!item) return;
    var seconds = Math.round((performance.now() - shownAt)) / 1000;
    queue.shift();
    going.push(item.id);
    paint();
    measure(pressed);
    count += 1;
    times.push(seconds);
    el("rv-count").textContent = count;
    var sorted = times.slice().sort(function (a, b) { return a - b; });
    el("rv-median").textContent = sorted[Math.floor(sorted.length / 2)].toFixed(1);
    toast(words, false, true);
    remember(item, words, seconds);
    inOrder(function () {
      var body = Object.assign(stock({ way: way, seconds: seconds }), choice);
      return patiently(at("decide", item.id), body, 40).then(function (data) {
        went(item.id);
        if (data.twins && data.twins.length) { drop(data.twins); toast(words + " · " + P.fill(say.twins, { n: data.twins.length }), false, true); }
        if (data.remark) toast(data.remark, data.outcome !== "done", data.outcome === "printed");
        taken(data);
      }, function (error) {
        went(item.id);
        count -= 1;
        el("rv-count").textContent = count;
        // A choice that was no choice: the item is still ours, it comes back.
        if (error.code === "choice" || error.code === "bad") { queue.unshift(item); paint(); }
        throw error;
      });
    });
  }
  /* The last few, newest first, so that a slip is seen while it can be undone. */
  var recent = [];
  function remember(item, words, seconds) {
    recent.unshift({ id: item.id, text: item.parts.map(function (part) { return part[0]; }).join(""), words: words, seconds: seconds });
    recent.length = Math.min(recent.length, 5);
    listed();
  }
  function listed() {
    el("rv-recent").hidden = !recent.length;
    el("rv-recent-rows").replaceChildren.apply(el("rv-recent-rows"), recent.map(function (row) {
      var li = P.make("li");
      li.append(P.make("span", "", row.text), P.make("b", "", row.words), P.make("span", "oh-number", P.fill(say.seconds, { n: row.seconds.toFixed(1) })));
      return li;
    }));
  }
  function measure(pressed) {
    if (!pressed) return;
    requestAnimationFrame(function () { setTimeout(function () { painted.push(performance.now() - pressed); }, 0); });
  }
  function rank(n, way, pressed) {
    var item = current(), card = item && item.cards[n - 1];
    if (card) decide({ rank: n }, way, P.fill(say.done, { text: card.name }), pressed);
  }
  function takePin(way, pressed) {
    if (!pin) return;
    decide(pin.rank ? { rank: pin.rank, lng: pin.lng, lat: pin.lat } : { lng: pin.lng, lat: pin.lat }, way, say.pinned, pressed);
  }
  function keep(way, pressed) { decide({ keep: true }, way, say.kept, pressed); }
  function skip() {
    var item = current();
    if (!item) return;
    queue.shift();
    going.push(item.id);
    paint();
    toast(say.skipped);
    inOrder(function () {
      return patiently(at("skip", item.id), stock(), 40).then(function (data) { went(item.id); taken(data); return queue.length ? null : more(); }, function (error) { went(item.id); throw error; });
    });
  }
  function undo() {
    inOrder(function () {
      return patiently(cfg.urls.undo, {}, 5).then(function (data) {
        var item = data.items[0];
        if (item) {
          queue = queue.filter(function (other) { return other.id !== item.id; });
          queue.unshift(item);
          recent = recent.filter(function (row) { return row.id !== item.id; });
          listed();
          count = Math.max(0, count - 1);
          el("rv-count").textContent = count;
        }
        if (data.left !== undefined) el("rv-left").textContent = data.left;
        paint();
        toast(data.remark || say.undone);
      });
    });
  }

  /* --- a pin of one's own -------------------------------------------------------------------------------------- */
  var asked = 0, asking = 0;
  function pinned(lng, lat, ofRank) {
    var item = current();
    if (!item) return;
    pin = { lng: lng, lat: lat, rank: ofRank };
    var box = el("rv-pinned"), words = P.make("div", "oh-grow"), mine = ++asked;
    words.append(P.make("b", "", ofRank ? P.fill(say.pin_moved, { n: ofRank }) : say.pin));
    var button = P.make("button", "oh-button oh-button-main", say.take_pin), close = P.make("button", "oh-button oh-button-quiet", say.drop_pin);
    button.type = close.type = "button";
    button.append(P.make("kbd", "rv-kbd", "Enter"));
    button.addEventListener("click", function (event) { takePin(wayOf(event), event.timeStamp); });
    close.addEventListener("click", function () { unpin(); map.clear(); });
    box.replaceChildren(words, button, close);
    box.hidden = false;
    clearTimeout(asking);
    asking = setTimeout(function () {
      post(at("mean", item.id), { lng: lng, lat: lat }).then(function (data) { if (mine === asked && pin) words.append(P.means(data, say)); }, function () { /* the pin can be taken without its meaning */ });
    }, 150);
  }
  function unpin() { pin = null; asked += 1; el("rv-pinned").hidden = true; }

  /* --- search -------------------------------------------------------------------------------------------------- */
  function openSearch() {
    el("rv-search").hidden = false;
    el("rv-search-open").setAttribute("aria-expanded", "true");
    el("rv-search-text").focus();
    el("rv-search-text").select();
  }
  function closeSearch() {
    var inside = el("rv-search").contains(document.activeElement);
    el("rv-search").hidden = true;
    el("rv-search-open").setAttribute("aria-expanded", "false");
    el("rv-search-text").value = "";
    el("rv-found").replaceChildren();
    el("rv-search-note").hidden = true;
    if (inside) document.activeElement.blur();
  }
  el("rv-search-form").addEventListener("submit", function (event) {
    event.preventDefault();
    var item = current(), words = el("rv-search-text").value.trim();
    if (!item || !words) return;
    note(say.searching);
    post(at("search", item.id), { text: words }).then(function (data) {
      if (item !== current()) return;
      el("rv-found").replaceChildren();
      note(data.trouble || (data.cards.length ? "" : say.nothing));
      data.cards.forEach(function (card) {
        var li = P.make("li"), button = P.card(card, 0, say);
        button.addEventListener("click", function (click) { decide({ found: card.give }, wayOf(click), P.fill(say.done, { text: card.name }), click.timeStamp); });
        li.append(button);
        el("rv-found").append(li);
      });
      var first = el("rv-found").querySelector("button");
      if (first) first.focus();
    }, function (error) { note(error.text); });
  });
  function note(text) { el("rv-search-note").textContent = text; el("rv-search-note").hidden = !text; }

  /* --- keys, mouse, finger ------------------------------------------------------------------------------------- */
  var finger = "";
  document.addEventListener("pointerdown", function (event) { finger = event.pointerType; }, true);
  function wayOf(event) {
    if (event.detail === 0 && event.pointerType !== "touch" && event.pointerType !== "mouse") return "key";
    return (event.pointerType || finger) === "touch" ? "touch" : "mouse";
  }
  function typing(target) { return target.closest && target.closest("input, textarea, select, [contenteditable=true], dialog[open]"); }
  document.addEventListener("keydown", function (event) {
    // A composition's keys belong to the input method, also where a browser only says 229.
    if (event.isComposing || event.keyCode === 229 || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.key === "Escape") {
      if (!el("rv-search").hidden) closeSearch();
      else if (pin) { unpin(); map.clear(); }
      return;
    }
    if (!keys || typing(event.target)) return;
    var done = true, key = event.key.toLowerCase();
    if (key === "1" || key === "2" || key === "3") rank(Number(key), "key", event.timeStamp);
    else if (key === "enter") {
      if (event.target.closest && event.target.closest("a, button, summary")) return;
      if (pin) takePin("key", event.timeStamp);
      else rank(1, "key", event.timeStamp);
    } else if (key === "0") keep("key", event.timeStamp);
    else if (key === "s") skip();
    else if (key === "z") undo();
    else if (key === "f") openSearch();
    else if (key === "p") map.centre();
    else if (key === "?") el("rv-help").showModal();
    else if (pin && key.startsWith("arrow")) map.nudge(...{ arrowup: [0, -16], arrowdown: [0, 16], arrowleft: [-16, 0], arrowright: [16, 0] }[key]);
    else done = false;
    if (done) event.preventDefault();
  });
  function chosen(event) {
    var card = event.target.closest("[data-rank]");
    if (card) rank(Number(card.dataset.rank), wayOf(event), event.timeStamp);
  }
  el("rv-cards").addEventListener("click", chosen);
  el("rv-thumb").addEventListener("click", chosen);
  el("rv-cards").addEventListener("pointerover", function (event) { var card = event.target.closest("[data-rank]"); over(card ? Number(card.dataset.rank) : 0); });
  el("rv-cards").addEventListener("pointerleave", function () { over(0); });
  el("rv-cards").addEventListener("focusin", function (event) { var card = event.target.closest("[data-rank]"); if (card) over(Number(card.dataset.rank)); });
  el("rv-keep").addEventListener("click", function (event) { keep(wayOf(event), event.timeStamp); });
  el("rv-skip").addEventListener("click", skip);
  ["rv-undo", "rv-undo-empty", "rv-toast-undo"].forEach(function (id) { el(id).addEventListener("click", undo); });
  el("rv-pin").addEventListener("click", function () { map.centre(); });
  el("rv-search-open").addEventListener("click", function () { if (el("rv-search").hidden) openSearch(); else closeSearch(); });
  el("rv-search-close").addEventListener("click", closeSearch);
  el("rv-help-open").addEventListener("click", function () { el("rv-help").showModal(); });
  function switchKeys(on) {
    keys = on;
    localStorage.setItem("rv-keys", on ? "on" : "off");
    root.classList.toggle("rv-keysoff", !on);
    el("rv-keys").setAttribute("aria-pressed", String(on));
    el("rv-keys").lastElementChild.textContent = on ? say.keys_on : say.keys_off;
  }
  el("rv-keys").addEventListener("click", function () { switchKeys(!keys); });
  switchKeys(keys);

  /* --- coming, staying, going ---------------------------------------------------------------------------------- */
  var ready = false, wished = Number(new URLSearchParams(location.search).get("open")) || 0;
  el("rv-wait").hidden = false;
  inOrder(function () { return patiently(cfg.urls.next, stock(wished ? { open: wished } : {}), 40).then(function (data) { ready = true; taken(data); }); });
  setInterval(function () {
    if (busy) return;
    if (!queue.length) { more(); return; }
    post(cfg.urls.renew, { have: ids() }).then(function (data) {
      el("rv-left").textContent = data.left;
      var lost = ids().filter(function (id) { return !data.mine.includes(id); });
      if (lost.length && !busy) { if (lost.includes(queue[0].id)) toast(say.lost, true); drop(lost); more(); }
    }, function () { /* the next beat asks again; the lease is longer than three of them */ });
  }, 20000);
  addEventListener("pagehide", function () { if (queue.length) post(cfg.urls.leave, { have: ids(), last: true }).catch(function () { /* the lease ends by itself */ }); });
  addEventListener("pageshow", function (event) { if (event.persisted) location.reload(); });
  window.ReviewDesk = { post: post, cfg: cfg, say: say, more: more, drop: drop, ids: ids, painted: painted, times: times, state: function () { return { item: current() && current().id, queue: ids(), busy: busy }; } };
  document.dispatchEvent(new Event("rv-ready"));
})();
