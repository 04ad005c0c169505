// One SKU: what lies where, and what buyers are shown.
import {h, notice} from "../dom.js";
import {t} from "../words.js";
import * as api from "../api.js";

export async function render(root, sku) {
    const goods = await api.get(`stock/${encodeURIComponent(sku)}`);
    const sum = name => goods.bins.reduce((all, bin) => all + bin[name], 0);
    const figure = (label, n) => h("div", {class: "card figure"}, h("b", {class: "num"}, n), h("span", {class: "quiet"}, label));
    root.append(...[
        h("h1", {}, goods.name),
        h("p", {class: "quiet num"}, goods.sku),
        h("div", {class: "figures"}, figure(t("Free"), sum("free")), figure(t("Reserved"), sum("reserved")), figure(t("On the shelf"), sum("on_hand"))),
        !goods.available && notice("info", "", t("These are your warehouses only. The number that buyers are shown is sold from all warehouses together.")),
        goods.available && h("p", {}, t("Buyers are shown %(n)s (%(coming)s on the way, %(unpaid)s held unpaid).", {n: goods.available.shown, coming: goods.available.coming, unpaid: goods.available.unpaid})),
        goods.bins.length === 0 && notice("warn", "", t("It lies in none of your warehouses.")),
        h("ul", {class: "list"}, goods.bins.map(bin => h("li", {class: "card"},
            h("span", {class: "line"}, h("b", {class: "num"}, bin.bin), h("b", {class: "num"}, t("%(n)s free", {n: bin.free}))),
            h("span", {class: "line quiet"}, h("span", {}, bin.warehouse_name || bin.warehouse), h("span", {class: "num"}, t("%(n)s on the shelf, %(r)s reserved", {n: bin.on_hand, r: bin.reserved}))),
            !bin.sellable && h("span", {class: "pill warn"}, t("Not for sale"))))),
    ].filter(Boolean));
}
