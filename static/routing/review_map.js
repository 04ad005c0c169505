/* The review screen's map: numbered pins, fences, one pin of one's own. All that comes and goes is WGS-84; without tiles it draws on a plain ground. */
(function () {
  "use strict";
  function same(p) { return [p[0], p[1]]; }
  function color(name) { return getComputedStyle(document.getElementById("rv")).getPropertyValue(name).trim() || getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

  /* told: {pin(lng, lat, rank)} a pin of one's own was placed or dragged; {over(rank)} a pin is looked at; {pick(rank)} its card is to be focused. */
  function start(element, cfg, told) {
    var gcj = cfg.datum === "gcj02", show = gcj ? OrderHubMap.toGcj : same, take = gcj ? OrderHubMap.fromGcj : same;
    var map = L.map(element, { zoomControl: false, attributionControl: cfg.tiles.length > 0, keyboard: true, zoomAnimation: false, fadeAnimation: false, markerZoomAnimation: false });
    L.control.zoom({ zoomInTitle: cfg.words.zoom_in, zoomOutTitle: cfg.words.zoom_out, position: "topright" }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    cfg.tiles.forEach(function (tile) { L.tileLayer(tile.url, tile.options).addTo(map); });
    map.setView([cfg.center[0], cfg.center[1]], cfg.zoom);
    var layer = L.layerGroup().addTo(map), pins = {}, own = null, ownRank = 0;
    if (window.ResizeObserver) new ResizeObserver(function () { map.invalidateSize(); }).observe(element);

    function at(lng, lat) { var p = show([lng, lat]); return [p[1], p[0]]; }
    function back(latlng) { var p = take([latlng.lng, latlng.lat]); return [Math.round(p[0] * 1e6) / 1e6, Math.round(p[1] * 1e6) / 1e6]; }
    function dot(text, className) {
      return L.divIcon({ className: "", html: '<div class="rv-dot ' + className + '"><span>' + text + "</span></div>", iconSize: [34, 34], iconAnchor: [17, 40] });
    }
    function moved(coordinates) { return typeof coordinates[0] === "number" ? show(coordinates) : coordinates.map(moved); }

    function fences(rows) {
      var tones = [color("--rv-1"), color("--rv-2"), color("--rv-3"), color("--oh-warn"), color("--oh-good"), color("--oh-info")];
      rows.forEach(function (row, i) {
        var geometry = { type: row.geometry.type, coordinates: moved(row.geometry.coordinates) };
        var area = L.geoJSON(geometry, { interactive: false, style: { color: tones[i % tones.length], weight: 1.5, dashArray: i ? "5 4" : "", opacity: 0.75, fillOpacity: 0.07 } });
        // One fence around everything needs no name of its own: it would lie on the pins, and the cards say it.
        if (rows.length > 1) area.bindTooltip(row.name, { permanent: true, direction: "center", className: "rv-fence-name" });
        area.addTo(layer);
      });
    }

    /* An outlet: a square with its name and the places left; filled where one of the cards would go there. */
    function stations(rows) {
      rows.forEach(function (row) {
        var mark = L.divIcon({ className: "", html: '<div class="rv-outlet' + (row.serves.length ? " rv-outlet-on" : "") + '" aria-hidden="true"></div>', iconSize: [16, 16], iconAnchor: [8, 8] });
        var words = cfg.words.outlet.replace("%(name)s", row.name).replace("%(left)s", row.left);
        var text = row.serves.length ? words + " · " + cfg.words.serves.replace("%(cards)s", row.serves.join(" ")) : words;
        L.marker(at(row.lng, row.lat), { icon: mark, keyboard: false, interactive: true, alt: text, title: text, zIndexOffset: -100 })
          .bindTooltip(row.serves.length ? row.name + " · " + row.left : text, { permanent: row.serves.length > 0, direction: "top", offset: [0, -8], className: "rv-outlet-name" }).addTo(layer);
      });
    }

    /* Names stand right, left and below, so that neighbours do not cover each other. */
    var SIDES = [["right", [14, -22]], ["left", [-14, -22]], ["bottom", [0, 2]]];

    function paint(item) {
      layer.clearLayers();
      pins = {};
      own = null;
      ownRank = 0;
      var spots = [], close = item.cards.some(function (card) { return card.straddles.length; }) ? 15 : 17;
      fences(item.fences);
      stations(item.outlets || []);
      (item.others || []).forEach(function (other) {
        L.circleMarker(at(other.lng, other.lat), { radius: 4, weight: 1.5, color: color("--oh-line-strong"), fillColor: color("--oh-card"), fillOpacity: 1, interactive: true }).bindTooltip(other.name, { direction: "top" }).addTo(layer);
      });
      item.cards.forEach(function (card, i) {
        if (card.lng === null) return;
        var rank = i + 1, place = at(card.lng, card.lat);
        spots.push(place);
        var pin = L.marker(place, { icon: dot(rank, "rv-dot-" + rank), draggable: true, title: card.name, alt: rank + " " + card.name, zIndexOffset: 300 - rank * 10 }).addTo(layer);
        pin.on("mouseover", function () { told.over(rank); }).on("mouseout", function () { told.over(0); }).on("click", function () { told.pick(rank); });
        pin.on("dragend", function () { var p = back(pin.getLatLng()); pin.setLatLng(place); put(p[0], p[1], rank); });
        pin.bindTooltip(rank + " " + card.name, { permanent: true, direction: SIDES[i % 3][0], offset: SIDES[i % 3][1], className: "rv-pin-name rv-pin-" + rank });
        pins[rank] = pin;
      });
      if (spots.length > 1) {
        L.polyline(spots, { color: color("--oh-line-strong"), weight: 1, dashArray: "2 5", interactive: false }).addTo(layer);
        map.fitBounds(spots, { padding: [64, 64], maxZoom: close, animate: false });
      } else if (spots.length) map.setView(spots[0], Math.min(close, 16), { animate: false });
    }

    function put(lng, lat, rank) {
      ownRank = rank || 0;
      if (own) layer.removeLayer(own);
      own = L.marker(at(lng, lat), { icon: dot(ownRank || "•", "rv-dot-own"), draggable: true, zIndexOffset: 1000, keyboard: false }).addTo(layer);
      own.on("dragend", function () { var p = back(own.getLatLng()); told.pin(p[0], p[1], ownRank); });
      told.pin(lng, lat, ownRank);
    }
    map.on("click", function (event) { var p = back(event.latlng); put(p[0], p[1], 0); });

    return {
      map: map, paint: paint, put: put,
      centre: function () { var p = back(map.getCenter()); put(p[0], p[1], 0); },
      nudge: function (x, y) {
        if (!own) return false;
        var pixel = map.latLngToContainerPoint(own.getLatLng()).add([x, y]), p = back(map.containerPointToLatLng(pixel));
        put(p[0], p[1], ownRank);
        return true;
      },
      clear: function () { if (own) layer.removeLayer(own); own = null; ownRank = 0; },
      over: function (rank) {
        Object.keys(pins).forEach(function (key) {
          var mark = pins[key].getElement();
          if (mark) mark.querySelector(".rv-dot").classList.toggle("rv-over", Number(key) === rank);
          pins[key].setZIndexOffset(Number(key) === rank ? 900 : 300 - key * 10);
        });
      },
    };
  }
  window.ReviewMap = { start: start };
})();
