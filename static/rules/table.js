/* Rule tables as plain forms: a condition is a comparison and its value, an answer is its value; everything by keyboard. */
(function () {
  "use strict";
  var told = JSON.parse(document.getElementById("rules-told").textContent), say = told.words, may = told.may;
  var root = document.getElementById("rules-tables"), state = told.tables, past = [], fields = {};
  told.inputs.forEach(function (field) { fields["in:" + field.code] = field; });
  told.outputs.forEach(function (field) { fields["out:" + field.code] = field; });
  var saving = may ? RuleSaving(told, { theirs: function (answer) { state = answer.theirs.tables; paint(); } }) : null;

  function make(tag, options, children) {
    var element = document.createElement(tag);
    Object.keys(options || {}).forEach(function (key) {
      if (key === "text") element.textContent = options[key];
      else if (key === "on") Object.keys(options.on).forEach(function (name) { element.addEventListener(name, options.on[name]); });
      else if (options[key] !== undefined && options[key] !== null && options[key] !== false) element.setAttribute(key, options[key] === true ? "" : options[key]);
    });
    (children || []).forEach(function (child) { if (child) element.append(child); });
    return element;
  }
  function icon(name) { return make("span", { "class": "material-symbols-outlined", "aria-hidden": "true", text: name }); }
  function button(name, label, act, extra) { return make("button", { type: "button", "class": "oh-button oh-button-quiet oh-button-small " + (extra || ""), "aria-label": label, title: label, on: { click: act } }, [icon(name)]); }
  function field(column, part) { return fields[part + ":" + column.field] || { code: column.field, label: column.title || column.field, kind: "formula", about: "", unit: "", choices: [] }; }
  function id() { return "r" + Math.random().toString(36).slice(2, 12); }
  function copy(value) { return JSON.parse(JSON.stringify(value)); }

  function keep() { past.push(copy(state)); if (past.length > 60) past.shift(); }
  function changed() { saving.changed(function () { return { tables: state }; }); }
  function act(change, focus) { keep(); change(); paint(); changed(); if (focus) { var there = root.querySelector(focus); if (there) there.focus(); } }
  function undo() { if (!past.length) return; state = past.pop(); paint(); changed(); }

  function options(select, pairs, chosen) { pairs.forEach(function (pair) { select.append(make("option", { value: pair[0], selected: pair[0] === chosen, text: pair[1] })); }); return select; }

  function condition(row, column, what, where) {
    var kind = what.kind, cell = RuleCells.readCondition(row.cells[column.id], kind), name = where + ", " + what.label;
    var ops = kind === "number" ? ["any", "over", "least", "under", "most", "is", "isnt", "between"] : kind === "bool" ? ["any", "yes", "no"] : kind === "formula" ? ["any"] : ["any", "is", "isnt"];
    var pairs = ops.concat(["formula"]).map(function (op) { return [op, op === "between" ? say.between : say[op]]; });
    var box = make("div", { "class": "rt-cell" });
    var select = options(make("select", { "class": "oh-input rt-op", "aria-label": name + ", " + say.condition, disabled: !may }), pairs, cell.op);
    function write() { row.cells[column.id] = RuleCells.writeCondition(cell, kind); changed(); }
    function input(part, label) {
      var list = what.choices.length && cell.op !== "formula" ? "rt-" + what.code : null, pick = null;
      if (list && what.kind === "choice" && cell.op === "isnt") {
        pick = options(make("select", { "class": "oh-input rt-value", "aria-label": label, disabled: !may }), what.choices, cell.value);
        pick.addEventListener("change", function () { keep(); cell.value = pick.value; write(); });
        if (!cell.value) cell.value = what.choices[0][0];
        return pick;
      }
      var element = make("input", { "class": "oh-input rt-value" + (cell.op === "formula" ? " oh-code" : ""), "aria-label": label, value: cell[part], list: list, disabled: !may, inputmode: kind === "number" && cell.op !== "formula" ? "decimal" : null, placeholder: cell.op === "is" && kind !== "number" ? say.several : null });
      element.addEventListener("focus", function () { element.dataset.was = element.value; element.select(); });
      element.addEventListener("input", function () { cell[part] = element.value; write(); });
      element.addEventListener("change", function () { if (element.dataset.was !== element.value) { past.push(null); past.pop(); } });
      return element;
    }
    function values() {
      box.querySelectorAll(".rt-value, .rt-to, .oh-under").forEach(function (old) { old.remove(); });
      if (["any", "yes", "no"].indexOf(cell.op) >= 0) return;
      box.append(input("value", name + ", " + say.value));
      if (cell.op === "between") box.append(input("to", name + ", " + say.to));
      if (what.kind === "choice" && cell.op === "is") box.append(make("span", { "class": "oh-under", text: words(cell.value, what) }));
    }
    select.addEventListener("change", function () { keep(); cell.op = select.value; values(); write(); var next = box.querySelector(".rt-value"); if (next) next.focus(); });
    box.append(select);
    values();
    return box;
  }
  function words(value, what) {
    return value.split("、").map(function (code) { var found = what.choices.filter(function (pair) { return pair[0] === code; })[0]; return found ? found[1] : code; }).join("、");
  }

  function answer(row, column, what, where) {
    var kind = what.kind, cell = RuleCells.readAnswer(row.cells[column.id], kind), name = where + ", " + what.label;
    var box = make("div", { "class": "rt-cell" });
    function write() { row.cells[column.id] = RuleCells.writeAnswer(cell, kind); changed(); }
    if ((kind === "bool" || (kind === "choice" && what.choices.length)) && cell.op !== "formula") {
      var pairs = [["", say.none]].concat(kind === "bool" ? [["true", say.yes], ["false", say.no]] : what.choices);
      var select = options(make("select", { "class": "oh-input rt-op", "aria-label": name, disabled: !may }), pairs, cell.op === "none" ? "" : cell.value);
      select.addEventListener("change", function () { keep(); cell.op = select.value === "" ? "none" : "value"; cell.value = select.value; write(); });
      box.append(select);
      return box;
    }
    var element = make("input", { "class": "oh-input rt-value" + (cell.op === "formula" ? " oh-code" : ""), "aria-label": name, value: cell.value, disabled: !may, placeholder: say.none, inputmode: kind === "number" && cell.op !== "formula" ? "decimal" : null });
    element.addEventListener("focus", function () { keep(); element.select(); });
    element.addEventListener("input", function () {
      var text = element.value.trim();
      if (kind === "formula" || (cell.op === "formula" && text)) cell = { op: "formula", value: text };
      else if (!text) cell = { op: "none", value: "" };
      else if (kind === "number" && !/^-?\d+(\.\d+)?$/.test(text)) cell = { op: "formula", value: text };
      else cell = { op: "value", value: text };
      write();
    });
    box.append(element);
    if (what.unit) box.append(make("span", { "class": "oh-under", text: what.unit }));
    return box;
  }

  function head(column, part, table) {
    var what = field(column, part), empty = table.rows.every(function (row) { return !row.cells[column.id]; });
    var cell = make("th", { scope: "col", "class": part === "in" ? "rt-in" : "rt-out", title: what.about || null }, [make("span", { text: what.label })]);
    if (what.unit) cell.append(make("span", { "class": "oh-under", text: what.unit }));
    if (may && empty && table.kind === "table") cell.append(button("close", say.drop + " " + what.label, function () { act(function () { var list = part === "in" ? table.inputs : table.outputs; list.splice(list.indexOf(column), 1); }); }, "rt-drop"));
    return cell;
  }

  function row(table, line, n) {
    var where = say.row + " " + (n + 1), tr = make("tr", { id: "row-" + table.node + "-" + line.id });
    tr.append(make("th", { scope: "row", "class": "rt-no", text: String(n + 1) }));
    table.inputs.forEach(function (column) { var what = field(column, "in"); tr.append(make("td", { "class": "rt-in", "data-label": what.label }, [condition(line, column, what, where)])); });
    table.outputs.forEach(function (column) { var what = field(column, "out"); tr.append(make("td", { "class": "rt-out", "data-label": what.label }, [answer(line, column, what, where)])); });
    if (may) tr.append(make("td", { "class": "rt-acts", "data-label": say.actions }, [make("div", { "class": "oh-row" }, [
      n > 0 && button("arrow_upward", say.up + " " + where, function () { act(function () { table.rows.splice(n - 1, 0, table.rows.splice(n, 1)[0]); }); }),
      n < table.rows.length - 1 && button("arrow_downward", say.down + " " + where, function () { act(function () { table.rows.splice(n + 1, 0, table.rows.splice(n, 1)[0]); }); }),
      button("content_copy", say.copy + " " + where, function () { act(function () { table.rows.splice(n, 0, { id: id(), cells: copy(line.cells) }); }); }),
      button("delete", say.remove + " " + where, function () { act(function () { table.rows.splice(n, 1); }); }),
    ])]));
    return tr;
  }

  function adder(table, part, label) {
    var list = part === "in" ? told.inputs : told.outputs, here = (part === "in" ? table.inputs : table.outputs).map(function (column) { return column.field; });
    var left = list.filter(function (one) { return here.indexOf(one.code) < 0; });
    if (!left.length) return null;
    var select = options(make("select", { "class": "oh-input", "aria-label": label }), [["", label]].concat(left.map(function (one) { return [one.code, one.label]; })), "");
    select.addEventListener("change", function () {
      if (!select.value) return;
      act(function () { (part === "in" ? table.inputs : table.outputs).push({ id: part + "_" + select.value + "_" + id().slice(0, 5), field: select.value, title: "" }); });
    });
    return select;
  }

  function figures(table) {
    var box = make("div", { "class": "rt-figures" }), line = table.rows[0];
    table.outputs.forEach(function (column) {
      var what = field(column, "out"), cell = answer(line, column, what, table.name), input = cell.querySelector("input, select");
      input.id = "fig-" + column.id;
      box.append(make("div", { "class": "oh-field" }, [make("label", { "for": input.id, text: what.label }), cell, what.about ? make("span", { "class": "oh-under", text: what.about }) : null]));
    });
    return box;
  }

  function paintTable(table) {
    var section = make("section", { "class": "oh-card rt-card", "aria-label": table.name }, [make("h2", { "class": "oh-h2", text: table.name })]);
    if (table.kind === "figures") { section.append(figures(table)); return section; }
    var grid = make("table", { "class": "oh-table rt" }), top = make("tr", {}, [make("th", { scope: "col", text: say.row })]);
    table.inputs.forEach(function (column) { top.append(head(column, "in", table)); });
    table.outputs.forEach(function (column) { top.append(head(column, "out", table)); });
    if (may) top.append(make("th", { scope: "col", text: say.actions }));
    var body = make("tbody");
    table.rows.forEach(function (line, n) { body.append(row(table, line, n)); });
    grid.append(make("thead", {}, [top]), body);
    section.append(make("div", { "class": "oh-scroll rt-scroll", tabindex: "0", role: "region", "aria-label": table.name }, [grid]));
    if (may) {
      /* A new row comes before the one that stands for every other case, so that it is asked at all. */
      var add = make("button", { type: "button", "class": "oh-button oh-button-quiet rt-add", text: say.add_row, on: { click: function () {
        var last = table.rows[table.rows.length - 1], open = last && table.inputs.every(function (column) { return !last.cells[column.id]; });
        var at = open ? table.rows.length - 1 : table.rows.length, fresh = { id: id(), cells: {} };
        act(function () { table.rows.splice(at, 0, fresh); }, "#row-" + CSS.escape(table.node) + "-" + fresh.id + " select");
      } } });
      section.append(make("div", { "class": "oh-row" }, [add, adder(table, "in", say.add_if), adder(table, "out", say.add_then), button("undo", say.undo, undo)]));
    }
    return section;
  }

  function paint() {
    root.replaceChildren();
    told.inputs.forEach(function (one) {
      if (one.choices.length) root.append(options(make("datalist", { id: "rt-" + one.code }), one.choices.map(function (pair) { return [pair[0], pair[1]]; })));
    });
    state.forEach(function (table) { root.append(paintTable(table)); });
  }
  document.addEventListener("keydown", function (event) {
    if (!may || event.isComposing || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || event.shiftKey) return;
    if (/^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.value !== event.target.defaultValue) return;
    event.preventDefault();
    undo();
  });
  /* Up and down go to the same column of the row above or below. */
  root.addEventListener("keydown", function (event) {
    if (event.key !== "ArrowUp" && event.key !== "ArrowDown" && event.key !== "Enter" || event.target.tagName !== "INPUT") return;
    var cell = event.target.closest("td"), line = cell && cell.parentElement, next = line && (event.key === "ArrowUp" ? line.previousElementSibling : line.nextElementSibling);
    if (!next) return;
    var there = next.children[Array.prototype.indexOf.call(line.children, cell)], input = there && there.querySelector("input, select");
    if (input) { event.preventDefault(); input.focus(); }
  });
  paint();
})();
