// The first screen: what was opened last, and who is signed in.
import {h, toast} from "../dom.js";
import {t} from "../words.js";
import * as api from "../api.js";
import * as kept from "../kept.js";
import {row} from "./search.js";
import {languages} from "./signin.js";

export async function render(root) {
    const orders = await kept.all();
    root.append(...[
        h("h1", {}, t("Home")),
        h("a", {class: "button main wide", href: "#/search"}, t("Search an order")),
        orders.length > 0 && h("section", {}, h("h2", {}, t("Opened last")), h("ul", {class: "list"}, orders.map(one => row(one.order)))),
        h("section", {class: "foot"},
            h("p", {class: "quiet"}, t("Signed in as %(name)s", {name: api.who()})),
            h("button", {class: "button", id: "out", onclick: leave}, t("Sign out")),
            languages()),
    ].filter(Boolean));
}

async function leave(event) {
    event.target.disabled = true;
    if (!await api.signOut()) toast(t("You are signed out on this phone. The server is told as soon as there is a network."), "warn");
    setTimeout(() => { location.hash = "#/"; location.reload(); }, navigator.onLine ? 0 : 2500);
}
