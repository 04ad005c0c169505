// The first screen: what waits for me, what was opened last, and who is signed in.
import {h, notice, toast} from "../dom.js";
import {t, when} from "../words.js";
import * as api from "../api.js";
import * as kept from "../kept.js";
import * as later from "../later.js";
import {row} from "./search.js";
import {languages} from "./signin.js";

/** An answer, or null where this person may not ask. */
const mine = path => api.get(path).catch(error => {
    if (error instanceof api.Problem && error.status === 403) return null;
    throw error;
});

export async function render(root) {
    const orders = await kept.all();
    let work;
    try {
        work = queues(...await Promise.all([mine("counts"), mine("address-review/count")]));
    } catch (error) {
        if (!(error instanceof api.Offline)) throw error;
        work = notice("warn", t("No network"), t("The orders below were kept when they were opened."));
    }
    root.append(...[
        h("h1", {}, t("Home")),
        unsent(),
        work,
        orders.length > 0 && h("section", {}, h("h2", {}, t("Opened last")), h("ul", {class: "list"}, orders.map(one => row(one.order)))),
        h("section", {class: "foot"},
            h("p", {class: "quiet"}, t("Signed in as %(name)s", {name: api.who()})),
            h("div", {id: "leaving"}, h("button", {class: "button", id: "out", onclick: leave}, t("Sign out"))),
            languages()),
    ].filter(Boolean));
}

function queues(counts, review) {
    const tile = (address, label, n, tone) => h("a", {class: `card tile ${n && tone || ""}`, href: `#/${address}`}, h("b", {class: "num"}, n), h("span", {}, label));
    const board = counts && [
        h("h2", {}, t("Orders")),
        h("div", {class: "tiles"},
            tile("orders/colour/red", t("Past the promise"), counts.colours.red, "bad"),
            tile("orders/colour/amber", t("Due soon"), counts.colours.amber, "warn")),
        counts.queues.length > 0 && h("ul", {class: "list"}, counts.queues.map(one => h("li", {}, h("a", {class: "card row-card line", href: `#/orders/queue/${one.code}`}, h("span", {}, one.label), h("b", {class: "num"}, one.n))))),
        counts.queues.length === 0 && h("p", {class: "quiet"}, t("No order is held.")),
    ];
    return h("section", {}, [
        (review || counts?.tickets) && h("h2", {}, t("Mine to do")),
        h("div", {class: "tiles"},
            review && tile("review", t("Addresses to review"), review.waiting, "info"),
            counts?.tickets && [
                tile("tickets/mine", t("My tickets"), counts.tickets.mine, "info"),
                tile("tickets/nobody", t("Nobody's tickets"), counts.tickets.nobody, ""),
                tile("tickets/overdue", t("Overdue tickets"), counts.tickets.overdue, "bad")]),
        board,
    ]);
}

/** What was decided without a network: still to be sent, or refused since. */
function unsent() {
    const place = h("div", {}), items = later.all();
    const drop = one => h("button", {class: "button", onclick: async () => { await later.drop(one.key); place.replaceWith(unsent()); }}, one.refused ? t("Read it") : t("Take it back"));
    if (items.length) place.append(h("section", {id: "unsent"}, h("h2", {}, t("Decided without a network")), h("ul", {class: "list"}, items.map(one => h("li", {class: "card"},
        h("span", {class: "line"}, h("b", {}, one.label), h("span", {class: `pill ${one.refused ? "bad" : "warn"}`}, one.refused ? t("refused") : t("to send"))),
        h("span", {class: "quiet small-text"}, [when(one.at), one.body.note || one.body.resolution].filter(Boolean).join(" · ")),
        one.refused && notice("bad", "", one.refused),
        h("p", {class: "row"}, one.link && h("a", {class: "button", href: one.link}, t("Open it")), drop(one)))))));
    return place;
}

async function leave(event) {
    const n = later.waiting().length, place = event.target.parentElement;
    if (n && event.target.id === "out") {
        place.replaceChildren(
            notice("warn", t("%(n)s decisions have not been sent yet", {n}), t("Signing out throws them away.")),
            h("p", {class: "row"}, h("button", {class: "button main", onclick: () => place.replaceChildren(event.target)}, t("Stay")), h("button", {class: "button", id: "out-now", onclick: leave}, t("Sign out all the same"))));
        return place.querySelector(".main").focus();
    }
    event.target.disabled = true;
    if (!await api.signOut()) toast(t("You are signed out on this phone. The server is told as soon as there is a network."), "warn");
    setTimeout(() => { history.replaceState(null, "", "/m/"); location.reload(); }, navigator.onLine ? 0 : 2500);
}
