// One box for what people have in their hands. One hit, or the exact number, opens at once.
import {h, notice} from "../dom.js";
import {t, when} from "../words.js";
import * as api from "../api.js";

/** What the text points at: opens it, or gives the list to choose from (null where it was opened). */
export async function find(text) {
    const asked = text.trim();
    const {items} = await api.get(`orders?limit=50&q=${encodeURIComponent(asked)}`);
    const exact = items.filter(one => [one.number, one.channel_number].includes(asked) || one.number === asked.toUpperCase());
    const hit = items.length === 1 ? items[0] : exact.length === 1 ? exact[0] : null;
    if (!hit) return items;
    location.hash = `#/order/${encodeURIComponent(hit.number)}`;
    return null;
}

export const row = one => h("li", {}, h("a", {class: "card row-card", href: `#/order/${encodeURIComponent(one.number)}`},
    h("span", {class: "line"}, h("b", {class: "num"}, one.number), h("span", {class: `pill ${one.held ? "bad" : "neutral"}`}, one.held ? t("Held") : one.state_label)),
    h("span", {class: "line quiet"}, h("span", {}, [one.receiver?.name_mask, one.receiver?.city, one.receiver?.phone_mask].filter(Boolean).join(" · ") || one.shop_name || one.shop), h("span", {class: "num"}, `¥${one.payable}`)),
    h("span", {class: "line quiet small-text"}, h("span", {class: "num"}, one.channel_number), h("span", {class: "num"}, when(one.ordered_at)))));

let last = {text: "", items: null};  // of this sitting only: it is gone with the page

export async function render(root) {
    const place = h("div", {"aria-live": "polite"});
    const list = items => place.replaceChildren(items.length
        ? h("ul", {class: "list"}, items.map(row))
        : notice("info", t("Nothing found"), t("Give an order number, a waybill number, the last four digits of the phone, or a SKU's code.")));
    const box = h("input", {id: "q", type: "search", enterkeyhint: "search", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 80, value: last.text, "data-focus": true});
    const go = h("button", {class: "button main"}, t("Search"));
    const form = h("form", {role: "search", onsubmit: async event => {
        event.preventDefault();
        if (!box.value.trim()) return;
        go.disabled = true;
        try {
            const items = await find(box.value);
            if (items) list(items);
            last = {text: box.value, items: items || []};
        } catch (error) {
            place.replaceChildren(notice("bad", "", api.refusal(error).words));
        } finally {
            go.disabled = false;
        }
    }},
        h("label", {for: "q"}, t("Order number, waybill, phone tail or SKU")),
        h("div", {class: "together"}, box, go));
    root.append(h("h1", {}, t("Search")), form, place);
    if (last.items?.length) list(last.items);
}
