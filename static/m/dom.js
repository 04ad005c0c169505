// Elements made of data: text is only ever text, so nothing that comes from outside can become markup.

/** An element; `on…` attributes are listeners, false and null ones are left out, children may be nested lists. */
export function h(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        if (value === false || value === null || value === undefined) continue;
        if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
        else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(Infinity).filter(one => one !== null && one !== undefined && one !== false));
    return made;
}

/** A drawing of 24 × 24 from a path; it says nothing to a reader. */
export function icon(path) {
    const space = "http://www.w3.org/2000/svg", drawn = document.createElementNS(space, "svg");
    for (const [name, value] of [["viewBox", "0 0 24 24"], ["aria-hidden", "true"], ["class", "icon"]]) drawn.setAttribute(name, value);
    const line = document.createElementNS(space, "path");
    line.setAttribute("d", path);
    drawn.append(line);
    return drawn;
}

export const byId = id => document.getElementById(id);

let hide = 0;
/** A short word at the foot of the page, read out too. */
export function toast(text, tone = "info") {
    const place = byId("toast");
    place.className = `shown ${tone}`;
    place.textContent = text;
    clearTimeout(hide);
    hide = setTimeout(() => { place.className = ""; place.textContent = ""; }, 6000);
}

/** A notice inside a screen. */
export const notice = (tone, title, text, ...more) => h("div", {class: `notice ${tone}`, role: tone === "bad" ? "alert" : null}, title && h("strong", {}, title), text && h("p", {}, text), ...more);
