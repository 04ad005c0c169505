/* Maps of the admin: drawing a fence, placing an outlet, showing all fences. Leaflet and Leaflet.draw are local files.
   Everything that leaves this file is WGS-84; where the tiles are GCJ-02, what is shown is moved onto them. */
(function () {
  "use strict";
  var A = 6378245.0, EE = 0.00669342162296594323, PI = Math.PI;

  function offset(lng, lat) {
    var x = lng - 105, y = lat - 35, root = Math.sqrt(Math.abs(x));
    var waves = ((20 * Math.sin(6 * x * PI) + 20 * Math.sin(2 * x * PI)) * 2) / 3;
    var dLat = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves;
    dLat += ((20 * Math.sin(y * PI) + 40 * Math.sin((y / 3) * PI)) * 2) / 3;
    dLat += ((160 * Math.sin((y / 12) * PI) + 320 * Math.sin((y * PI) / 30)) * 2) / 3;
    var dLng = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves;
    dLng += ((20 * Math.sin(x * PI) + 40 * Math.sin((x / 3) * PI)) * 2) / 3;
    dLng += ((150 * Math.sin((x / 12) * PI) + 300 * Math.sin((x / 30) * PI)) * 2) / 3;
    var rad = (lat / 180) * PI, magic = 1 - EE * Math.pow(Math.sin(rad), 2);
    return [
      (dLng * 180) / ((A / Math.sqrt(magic)) * Math.cos(rad) * PI),
      (dLat * 180) / (((A * (1 - EE)) / (magic * Math.sqrt(magic))) * PI),
    ];
  }
  function china(lng, lat) { return lng >= 72.004 && lng <= 137.8347 && lat >= 0.8293 && lat <= 55.8271; }
  function toGcj(p) {
    if (!china(p[0], p[1])) return [p[0], p[1]];
    var d = offset(p[0], p[1]);
    return [p[0] + d[0], p[1] + d[1]];
  }
  function fromGcj(p) {
    var guess = [p[0], p[1]];
    for (var i = 0; i < 60; i++) {
      var made = toGcj(guess), dx = p[0] - made[0], dy = p[1] - made[1];
      guess = [guess[0] + dx, guess[1] + dy];
      if (Math.abs(dx) < 1e-10 && Math.abs(dy) < 1e-10) break;
    }
    return guess;
  }
  function same(p) { return [p[0], p[1]]; }
  function moved(coordinates, move) {
    return typeof coordinates[0] === "number" ? move(coordinates) : coordinates.map(function (c) { return moved(c, move); });
  }
  function rounded(p) { return [Math.round(p[0] * 1e6) / 1e6, Math.round(p[1] * 1e6) / 1e6]; }
  function escaped(text) {
    var span = document.createElement("span");
    span.textContent = text === null || text === undefined ? "" : String(text);
    return span.innerHTML;
  }
  function merge(into, from) {
    Object.keys(from).forEach(function (key) {
      if (from[key] && typeof from[key] === "object") { into[key] = into[key] || {}; merge(into[key], from[key]); } else into[key] = from[key];
    });
  }
  function color(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#0f766e"; }

  function start(element) {
    var cfg = JSON.parse(element.dataset.map);
    var gcj = cfg.datum === "gcj02";
    var show = gcj ? toGcj : same, take = gcj ? fromGcj : same;
    var map = L.map(element, { zoomControl: false, attributionControl: cfg.tiles.length > 0 });
    L.control.zoom({ zoomInTitle: cfg.words.zoom_in, zoomOutTitle: cfg.words.zoom_out }).addTo(map);
    L.control.scale({ imperial: false }).addTo(map);
    cfg.tiles.forEach(function (tile) { L.tileLayer(tile.url, tile.options).addTo(map); });
    var center = show([cfg.center[1], cfg.center[0]]);
    map.setView([center[1], center[0]], cfg.zoom);
    if (window.ResizeObserver) new ResizeObserver(function () { map.invalidateSize(); }).observe(element);
    element.ohMap = map;
    var shown = { cfg: cfg, map: map, show: show, take: take, element: element };
    ({ draw: draw, point: point, show: still, live: live })[cfg.kind](shown);
  }

  function layerOf(shown, geojson, options) {
    var copy = JSON.parse(JSON.stringify(geojson));
    (copy.features || [copy]).forEach(function (f) {
      var g = f.geometry || f;
      if (g && g.coordinates) g.coordinates = moved(g.coordinates, shown.show);
    });
    return L.geoJSON(copy, options);
  }

  /* --- a fence is drawn ------------------------------------------------------------------------------------- */
  function draw(shown) {
    var cfg = shown.cfg, map = shown.map, field = document.getElementById(cfg.field);
    var group = L.featureGroup().addTo(map), style = { color: color("--oh-main"), weight: 2, fillOpacity: 0.2 };
    if (cfg.others && cfg.others.features.length) {
      var around = layerOf(shown, cfg.others, {
        style: { color: color("--oh-line-strong"), weight: 1, dashArray: "4 4", fillOpacity: 0.05 },
        interactive: false,
      }).addTo(map);
      map.fitBounds(around.getBounds(), { maxZoom: 13 });
    }
    function load() {
      group.clearLayers();
      var value;
      try { value = JSON.parse(field.value || "null"); } catch (error) { return; }
      if (!value || !value.coordinates) return;
      var parts = value.type === "MultiPolygon" ? value.coordinates : [value.coordinates];
      parts.forEach(function (rings) {
        try {
          group.addLayer(L.polygon(rings.map(function (ring) {
            return ring.slice(0, -1).map(function (p) { var s = shown.show(p); return [s[1], s[0]]; });
          }), style));
        } catch (error) { /* what is not an area is refused by the server with its reason */ }
      });
      if (group.getLayers().length) map.fitBounds(group.getBounds(), { padding: [20, 20] });
    }
    function save() {
      var parts = [];
      group.eachLayer(function (layer) {
        var rings = layer.toGeoJSON(12).geometry.coordinates;
        parts.push(rings.map(function (ring) {
          var made = ring.map(function (p) { return rounded(shown.take(p)); });
          made[made.length - 1] = made[0];
          return made;
        }));
      });
      field.value = !parts.length ? "" : JSON.stringify(
        parts.length === 1 ? { type: "Polygon", coordinates: parts[0] } : { type: "MultiPolygon", coordinates: parts });
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    merge(L.drawLocal, cfg.draw);
    map.addControl(new L.Control.Draw({
      draw: {
        polygon: { allowIntersection: false, showArea: false, shapeOptions: style, drawError: { color: color("--oh-bad"), timeout: 1500 } },
        rectangle: { showArea: false, shapeOptions: style }, polyline: false, circle: false, circlemarker: false, marker: false,
      },
      edit: { featureGroup: group, poly: { allowIntersection: false } },
    }));
    var touched = false;
    map.on(L.Draw.Event.CREATED, function (event) { group.addLayer(event.layer); touched = true; save(); });
    map.on(L.Draw.Event.EDITED + " " + L.Draw.Event.DELETED, function () { touched = true; save(); });
    map.on(L.Draw.Event.EDITVERTEX, function () { touched = true; });
    field.addEventListener("input", load);
    // Corners that were moved but not yet kept by the toolbar are kept by saving the form.
    if (field.form) field.form.addEventListener("submit", function () { if (touched) save(); });
    load();
  }

  /* --- an outlet is placed ---------------------------------------------------------------------------------- */
  function point(shown) {
    var cfg = shown.cfg, map = shown.map;
    var lng = document.getElementById(cfg.lng), lat = document.getElementById(cfg.lat), pin = null;
    if (cfg.fences && cfg.fences.features.length) {
      var fences = layerOf(shown, cfg.fences, { style: { color: color("--oh-main"), weight: 2, fillOpacity: 0.12 }, interactive: false }).addTo(map);
      map.fitBounds(fences.getBounds(), { padding: [20, 20] });
    }
    function put(at) {
      if (pin) pin.setLatLng(at);
      else {
        pin = L.marker(at, { draggable: Boolean(lng && lat), icon: L.divIcon({ className: "", html: '<svg width="26" height="34" viewBox="0 0 26 34" aria-hidden="true"><path d="M13 0a13 13 0 0 1 13 13c0 9-13 21-13 21S0 22 0 13A13 13 0 0 1 13 0z" fill="' + color("--oh-main") + '"/><circle cx="13" cy="13" r="5" fill="#fff"/></svg>', iconSize: [26, 34], iconAnchor: [13, 34] }) }).addTo(map);
        pin.on("dragend", function () { write(pin.getLatLng()); });
      }
    }
    function write(at) {
      var p = rounded(shown.take([at.lng, at.lat]));
      lng.value = p[0];
      lat.value = p[1];
      lng.dispatchEvent(new Event("change", { bubbles: true }));
    }
    function read() {
      var x = lng ? parseFloat(lng.value) : cfg.point && cfg.point[0], y = lat ? parseFloat(lat.value) : cfg.point && cfg.point[1];
      if (!isFinite(x) || !isFinite(y) || x === null || y === null) return;
      var s = shown.show([x, y]);
      put([s[1], s[0]]);
      if (!cfg.fences || !cfg.fences.features.length) map.setView([s[1], s[0]], 13);
    }
    if (lng && lat) {
      map.on("click", function (event) { put(event.latlng); write(event.latlng); });
      [lng, lat].forEach(function (input) { input.addEventListener("change", read); });
    }
    read();
  }

  /* --- areas are shown -------------------------------------------------------------------------------------- */
  function still(shown) {
    var layer = layerOf(shown, shown.cfg.fences, {
      style: { color: color("--oh-main"), weight: 2, fillOpacity: 0.2 },
      onEachFeature: function (f, l) { l.bindTooltip(escaped(f.properties.name)); },
    }).addTo(shown.map);
    if (layer.getLayers().length) shown.map.fitBounds(layer.getBounds(), { padding: [20, 20] });
  }

  /* --- all fences, with what is left today ------------------------------------------------------------------- */
  function tone(o) {
    if (o.left <= 0) return { line: color("--oh-bad"), word: "bad" };
    if (o.left <= o.places * 0.2) return { line: color("--oh-warn"), word: "warn" };
    return { line: color("--oh-main"), word: "good" };
  }
  function live(shown) {
    var cfg = shown.cfg, map = shown.map, list = document.getElementById(cfg.list), search = document.getElementById(cfg.search);
    var layers = L.featureGroup().addTo(map), wait = null, asked = 0, rows = [], note = null, first = true;
    function say(text) {
      if (!note) { note = document.createElement("div"); note.className = "oh-map-note"; note.setAttribute("role", "status"); shown.element.appendChild(note); }
      note.textContent = text;
      note.hidden = !text;
    }
    function words(o) { return o.left <= 0 ? cfg.words.full : o.left + " / " + o.places + " " + cfg.words.left; }
    function named(o) {
      return cfg.change ? '<a class="oh-link" href="' + escaped(cfg.change.replace("/0/", "/" + o.id + "/")) + '">' + escaped(o.name) + "</a>" : escaped(o.name);
    }
    function popup(o) { return "<b>" + named(o) + "</b><br>" + escaped(o.code) + "<br>" + escaped(words(o)); }
    function table() {
      var wanted = (search && search.value || "").trim().toLowerCase();
      var some = rows.filter(function (o) { return !wanted || (o.name + " " + o.code).toLowerCase().indexOf(wanted) >= 0; });
      some.sort(function (a, b) { return a.left / (a.places || 1) - b.left / (b.places || 1) || a.code.localeCompare(b.code); });
      list.textContent = "";
      if (!some.length) { list.innerHTML = '<tr><td colspan="3" class="oh-empty">' + escaped(cfg.words.none) + "</td></tr>"; return; }
      some.slice(0, 100).forEach(function (o) {
        var row = document.createElement("tr"), t = tone(o);
        row.innerHTML = "<td>" + named(o) +
          '<span class="oh-under oh-number">' + escaped(o.code) + "</span></td><td>" + escaped(o.area) + (o.fenced ? "" : '<span class="oh-under">' + escaped(cfg.words.no_fence) + "</span>") +
          '</td><td class="oh-num"><span class="oh-pill oh-' + t.word + '">' + escaped(words(o)) + "</span></td>";
        list.appendChild(row);
      });
    }
    function paint(data) {
      layers.clearLayers();
      var by = {};
      rows = data.outlets;
      rows.forEach(function (o) { by[o.id] = o; });
      layerOf(shown, data.fences, {
        style: function (f) { var o = by[f.properties.outlet]; return { color: o ? tone(o).line : "#7f8c8d", weight: 1.5, fillOpacity: 0.18 }; },
        onEachFeature: function (f, layer) { var o = by[f.properties.outlet]; if (o) layer.bindPopup(popup(o)); },
      }).eachLayer(function (layer) { layers.addLayer(layer); });
      rows.forEach(function (o) {
        if (o.lng === null || o.lat === null) return;
        var s = shown.show([o.lng, o.lat]);
        L.circleMarker([s[1], s[0]], { radius: 5, weight: 2, color: color("--oh-card"), fillColor: tone(o).line, fillOpacity: 1 }).bindPopup(popup(o)).addTo(layers);
      });
      say(data.truncated ? cfg.words.more : "");
      table();
      if (first && cfg.fit) { first = false; map.fitBounds([[cfg.fit[1], cfg.fit[0]], [cfg.fit[3], cfg.fit[2]]]); }
    }
    function load() {
      var b = map.getBounds(), sw = shown.take([b.getWest(), b.getSouth()]), ne = shown.take([b.getEast(), b.getNorth()]), mine = ++asked;
      var query = "?w=" + sw[0] + "&s=" + sw[1] + "&e=" + ne[0] + "&n=" + ne[1] + "&zoom=" + map.getZoom();
      fetch(cfg.url + query, { credentials: "same-origin", headers: { Accept: "application/json" } })
        .then(function (answer) { if (!answer.ok) throw new Error(answer.status); return answer.json(); })
        .then(function (data) { if (mine === asked) paint(data); })
        .catch(function () { say(cfg.words.failed); });
    }
    map.on("moveend", function () { clearTimeout(wait); wait = setTimeout(load, 150); });
    if (search) search.addEventListener("input", table);
    load();
  }

  window.OrderHubMap = { toGcj: toGcj, fromGcj: fromGcj };
  function all() { document.querySelectorAll(".oh-map[data-map]").forEach(function (e) { if (!e.ohMap) start(e); }); }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all); else all();
})();
