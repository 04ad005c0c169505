/* Paints an item of the review screen. Text is always set as text; nothing of the buyer's becomes markup. */
(function () {
  "use strict";
  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }
  function icon(name) {
    var mark = make("span", "material-symbols-outlined", name);
    mark.setAttribute("aria-hidden", "true");
    return mark;
  }
  function fill(pattern, values) {
    return pattern.replace(/%\((\w+)\)s/g, function (_all, name) { return String(values[name]); }).replace(/%%/g, "%");
  }
  function hidden(text) { return make("span", "sr-only", text + " "); }

  /* Width in Chinese characters: a Latin letter is about half of one. */
  function wide(text) { return Array.from(text).reduce(function (sum, char) { return sum + (char.charCodeAt(0) > 0x2e7f ? 1 : 0.55); }, 0); }

  function meta(into, item, say, order) {
    into.replaceChildren();
    var link = make("a", "oh-link oh-number", item.number);
    link.href = order.replace("/0/", "/" + item.order + "/");
    link.target = "_blank";
    link.rel = "noopener";
    into.append(link, make("span", "", item.shop), make("span", "oh-pill oh-" + item.tone, item.due));
    if (item.skips) into.append(make("span", "oh-pill oh-neutral", "↻ " + item.skips));
    var tone = { confirm: "info", number: "warn", fix: "warn", failed: "bad", accept: "good" }[item.verdict] || "neutral";
    if (item.verdict_text) into.append(make("span", "oh-pill rv-verdict oh-" + tone, item.verdict_text));
  }

  function text(into, item) {
    into.replaceChildren();
    var length = 0;
    item.parts.forEach(function (part) {
      length += part[0].length;
      if (!part[1]) { into.append(part[0]); return; }
      var span = make("span", "rv-part rv-" + part[1], part[0]);
      span.dataset.name = part[2];
      span.title = part[2];
      // A name wider than its part would run into the next one's: the colour stays, the name is the tooltip's.
      if (wide(part[2]) * 11 > wide(part[0]) * 22) span.classList.add("rv-slim");
      into.append(span);
    });
    into.classList.toggle("rv-text-long", length > 46);
  }

  function why(into, item) {
    into.replaceChildren(icon(item.verdict === "failed" ? "cloud_off" : "help"));
    var lines = [item.reason].concat(item.unsure).filter(Boolean);
    if (item.trouble) lines.push(item.trouble);
    into.append(make("span", "", lines.join(" ")));
    into.hidden = !lines.length;
  }

  function line(card, say) {
    var into = make("span", "rv-line");
    card.pieces.forEach(function (piece) {
      var tag = { changed: "mark", added: "ins" }[piece[1]] || "span";
      var span = make(tag, "rv-piece-" + piece[1], piece[0]);
      if (piece[1] === "changed") span.prepend(hidden(say.changed));
      if (piece[1] === "added") span.prepend(hidden(say.added));
      into.append(span);
    });
    if (!card.pieces.length) into.append(card.name);
    return into;
  }

  function chips(card, say) {
    var into = make("span", "rv-chips"), same = [];
    card.differences.forEach(function (row) {
      var kind = row[0], name = row[1], wrote = row[2], offers = row[3];
      if (kind === "matched") { same.push(name); return; }
      var chip = make("span", "rv-chip rv-chip-" + kind);
      chip.append(name + " ");
      if (kind === "changed") chip.append(make("del", "", wrote), "→", make("b", "", offers));
      else if (kind === "missing") chip.append(make("b", "", wrote), " " + say.missing);
      else chip.append("+", make("b", "", offers));
      into.append(chip);
    });
    if (same.length) into.append(make("span", "rv-chip rv-chip-matched", "✓ " + same.join(" ")));
    return into;
  }

  function means(row, say) {
    var into = make("span", "rv-means");
    if (row.metres) into.append(make("span", "", fill(say.away, { away: row.metres >= 1000 ? fill(say.km, { n: (row.metres / 1000).toFixed(1) }) : fill(say.metres, { n: row.metres }) })));
    var outlet = make("span");
    outlet.append(make("b", "", row.outlet || say.no_outlet), row.rung ? " · " + row.rung : "");
    into.append(outlet, make("span", "", row.carrier));
    if (row.left !== null && row.left !== undefined && row.outlet) {
      into.append(row.left > 0 ? make("span", "", say.left + " " + row.left) : make("span", "rv-full", say.full));
    }
    if (row.lng === null) into.append(make("span", "rv-full", say.no_point));
    if (row.straddles && row.straddles.length) {
      var warn = make("span", "rv-straddle");
      warn.append(icon("alt_route"), fill(say.straddles, { names: row.straddles.join("、") }));
      into.append(warn);
    }
    return into;
  }

  function score(card, say) {
    var into = make("span", "rv-score");
    if (card.score === null || card.score === undefined) return into;
    into.append(hidden(say.score), make("b", "", String(card.score)), " %");
    return into;
  }

  function card(row, n, say) {
    var button = make("button", "rv-card " + (n ? "rv-" + n : "rv-more"));
    button.type = "button";
    if (n) {
      button.dataset.rank = n;
      button.setAttribute("aria-keyshortcuts", String(n));
      button.append(make("span", "rv-no-cap", String(n)));
    }
    button.append(line(row, say), score(row, say), chips(row, say), means(row, say));
    return button;
  }

  function cards(into, item, say) {
    into.replaceChildren();
    item.cards.forEach(function (row, i) {
      var li = make("li");
      li.append(card(row, i + 1, say));
      into.append(li);
    });
    if (!item.cards.length) into.append(make("li", "rv-nothing", say.nothing));
  }

  window.ReviewPaint = { make: make, icon: icon, fill: fill, meta: meta, text: text, why: why, cards: cards, card: card, means: means };
})();
