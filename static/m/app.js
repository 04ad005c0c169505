// The page's start: words, who is signed in, and which screen the address's # names. Numbers may stand there; what was
// searched for (a phone's tail) never does.
import {byId, h, icon, notice, toast} from "./dom.js";
import {load, t} from "./words.js";
import * as api from "./api.js";
import * as later from "./later.js";
import * as signin from "./screens/signin.js";
import * as home from "./screens/home.js";
import * as search from "./screens/search.js";
import * as order from "./screens/order.js";
import * as orders from "./screens/orders.js";
import * as review from "./screens/review.js";
import * as tickets from "./screens/tickets.js";
import * as scan from "./screens/scan.js";
import * as stock from "./screens/stock.js";
import {wedge} from "./wedge.js";

const SCREENS = {"": home, search, order, orders, scan, stock, review, tickets};
const TABS = [
    ["", "Home", "M4 11 12 4l8 7v9h-5v-6H9v6H4z"],
    ["search", "Search", "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20"],
    ["scan", "Scan", "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3M8 9v6M12 9v6M16 9v6"],
    ["review", "Addresses", "M12 21s-6.5-6-6.5-11a6.5 6.5 0 0 1 13 0c0 5-6.5 11-6.5 11zM12 12.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z"],
    ["tickets", "Tickets", "M4 7h16v3.5a1.5 1.5 0 0 0 0 3V17H4v-3.5a1.5 1.5 0 0 0 0-3zM14 7v10"],
];

let turn = 0, shown = null;
/** Show the screen of the address. A screen that is overtaken by the next one paints nothing. */
async function show(focus = true) {
    const mine = ++turn, root = byId("screen");
    const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    const screen = SCREENS[name] || home;
    shown?.leave?.();
    shown = screen;
    byId("tabs").replaceChildren(...TABS.map(([code, label, path]) => h("a", {href: `#/${code}`, "aria-current": code === name ? "page" : null}, icon(path), h("span", {}, t(label)))));
    byId("tabs").hidden = false;
    const stage = h("div", {class: "stage", "data-screen": name});
    try {
        await screen.render(stage, ...rest);
    } catch (error) {
        if (error instanceof api.Offline) stage.replaceChildren(h("h1", {}, t("No network")), notice("warn", "", t("This needs the network. Orders opened last can be read on the home screen.")), h("button", {class: "button", onclick: () => show()}, t("Try again")));
        else if (error instanceof api.Problem) stage.replaceChildren(h("h1", {}, t("It did not work")), notice("bad", "", error.words), h("a", {class: "button", href: "#/"}, t("Home")));
        else throw error;
    }
    if (mine !== turn) return;
    root.replaceChildren(stage);
    document.title = `${stage.querySelector("h1")?.textContent || ""} · OrderHub`;
    if (focus) {
        scrollTo(0, 0);
        (stage.querySelector("[data-focus]") || root).focus({preventScroll: true});
    }
}

function heading() {
    byId("bar").replaceChildren(
        h("a", {class: "brand", href: "#/"}, h("img", {src: "/static/m/icon.svg", alt: "", width: 24, height: 24}), "OrderHub"),
        h("a", {id: "net", href: "#/", hidden: true}),
    );
    byId("tabs").setAttribute("aria-label", t("Screens"));
}

/** Whether there is a network, and how many decisions wait for it. */
function network() {
    const n = later.waiting().length, off = !navigator.onLine;
    byId("net").hidden = !off && !n;
    byId("net").textContent = [off && t("Offline"), n && t("%(n)s to send", {n})].filter(Boolean).join(" · ");
}

const EVERY = 15000, SOON = 1500;  // milliseconds between two tries of what waits, and to the first
/** Send what waits, tell what came of it, and show the screen anew where it changed something. */
async function sendWaiting() {
    if (!navigator.onLine || !api.known() || !later.waiting().length) return;
    const {done, refused} = await api.sendLater();
    if (refused) toast(t("%(n)s of your decisions were refused: see Home.", {n: refused}), "bad");
    else if (done) toast(t("There is a network again: %(n)s decisions were sent.", {n: done}), "good");
    const typing = ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName);
    if ((done || refused) && !typing) await show(false);
}

async function start() {
    await load();
    heading();
    network();
    for (const kind of ["online", "offline", "later"]) addEventListener(kind, network);
    let inside = false;
    try {
        inside = api.known() ? await api.goOn() : false;
    } catch (error) {
        inside = error instanceof api.Offline && api.known();
        if (!(error instanceof api.Offline)) toast(error.words || String(error), "bad");
    }
    if (!inside) return signin.render(byId("screen"), begin);
    return begin();
}

function begin() {
    addEventListener("hashchange", () => show());
    wedge(scan.opened);
    addEventListener("online", sendWaiting);
    addEventListener("later", () => setTimeout(sendWaiting, SOON));
    setInterval(sendWaiting, EVERY);
    return show().then(sendWaiting);
}

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/m/sw.js", {scope: "/m/"});
start();
