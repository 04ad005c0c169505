/* A cell of a rule table, read and written: ZEN text on the one side, a comparison with values on the other.
   What it can't read stays as it is written and is shown as a formula. */
(function () {
  "use strict";
  var NUMBER = /^-?\d+(?:\.\d+)?$/, TEXT = /^'([^']*)'$|^"([^"]*)"$/;
  var SIGNS = { ">": "over", ">=": "least", "<": "under", "<=": "most", "==": "is", "!=": "isnt" };

  function constant(text) {
    text = text.trim();
    if (NUMBER.test(text)) return { kind: "number", value: text };
    if (text === "true" || text === "false") return { kind: "bool", value: text };
    var found = TEXT.exec(text);
    return found ? { kind: "text", value: found[1] === undefined ? found[2] : found[1] } : null;
  }
  function listed(text) {
    var found = [], rest = text.trim();
    while (rest) {
      var item = /^('[^']*'|"[^"]*"|-?\d+(?:\.\d+)?)\s*(?:,\s*|$)/.exec(rest);
      if (!item) return null;
      found.push(constant(item[1]).value);
      rest = rest.slice(item[0].length);
    }
    return found.length ? found : null;
  }
  function quoted(text) { return text.indexOf("'") < 0 ? "'" + text + "'" : '"' + text.replace(/"/g, "") + '"'; }
  function spread(text) { return text.split(/[、，,;；\n]/).map(function (item) { return item.trim(); }).filter(Boolean); }

  /* {op, value, to}: op is any, over, least, under, most, is, isnt, between or formula. */
  function readCondition(text, kind) {
    text = (text || "").trim();
    if (!text || text === "-") return { op: "any", value: "", to: "" };
    if (kind === "number") {
      var range = /^\[\s*(-?[\d.]+)\s*\.\.\s*(-?[\d.]+)\s*\]$/.exec(text);
      if (range) return { op: "between", value: range[1], to: range[2] };
      var compared = /^(>=|<=|!=|==|>|<)\s*(-?\d+(?:\.\d+)?)$/.exec(text);
      if (compared) return { op: SIGNS[compared[1]], value: compared[2], to: "" };
      if (NUMBER.test(text)) return { op: "is", value: text, to: "" };
    } else if (kind === "bool") {
      if (text === "true" || text === "false") return { op: text === "true" ? "yes" : "no", value: "", to: "" };
    } else {
      var not = /^!=\s*('[^']*'|"[^"]*")$/.exec(text);
      if (not) return { op: "isnt", value: constant(not[1]).value, to: "" };
      var items = listed(text);
      if (items && !items.every(function (item) { return NUMBER.test(item) && text.indexOf("'") < 0; })) return { op: "is", value: items.join("、"), to: "" };
    }
    return { op: "formula", value: text, to: "" };
  }
  function writeCondition(cell, kind) {
    if (cell.op === "any") return "";
    if (cell.op === "formula") return cell.value;
    if (cell.op === "yes" || cell.op === "no") return cell.op === "yes" ? "true" : "false";
    if (kind === "number") {
      var value = cell.value.trim();
      if (value === "") return "";
      if (cell.op === "between") return "[" + value + ".." + (cell.to.trim() || value) + "]";
      if (cell.op === "is") return NUMBER.test(value) ? value : "== " + value;
      return { over: ">", least: ">=", under: "<", most: "<=", isnt: "!=" }[cell.op] + " " + value;
    }
    var items = spread(cell.value);
    if (!items.length) return "";
    return cell.op === "isnt" ? "!= " + quoted(items[0]) : items.map(quoted).join(", ");
  }

  /* {op, value}: op is none, value or formula. */
  function readAnswer(text, kind) {
    text = (text || "").trim();
    if (!text) return { op: "none", value: "" };
    if (kind === "list") {
      var inside = /^\[(.*)\]$/.exec(text), items = inside && (inside[1].trim() ? listed(inside[1]) : []);
      if (items) return { op: "value", value: items.join("、") };
    } else {
      var found = constant(text), want = kind === "choice" ? "text" : kind;
      if (found && found.kind === want) return { op: "value", value: found.value };
    }
    return { op: "formula", value: text };
  }
  function writeAnswer(cell, kind) {
    if (cell.op === "none") return "";
    if (cell.op === "formula" || kind === "number" || kind === "bool") return cell.value.trim();
    if (kind === "list") return "[" + spread(cell.value).map(quoted).join(", ") + "]";
    return quoted(cell.value);
  }
  window.RuleCells = { readCondition: readCondition, writeCondition: writeCondition, readAnswer: readAnswer, writeAnswer: writeAnswer };
})();
