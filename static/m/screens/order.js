// One order: where it stands, the one next thing, its goods and parcels, what happened. Kept for reading offline.
import {h, notice} from "../dom.js";
import {t, when} from "../words.js";
import * as api from "../api.js";
import * as kept from "../kept.js";
import * as later from "../later.js";

async function read(number) {
    const at = `orders/${encodeURIComponent(number)}`;
    const part = async path => {
        try {
            return (await api.get(`${at}/${path}`)).items;
        } catch (error) {
            if (error instanceof api.Problem && error.status === 403) return null;
            throw error;
        }
    };
    try {
        const [answer, touches, parcels] = await Promise.all([api.call("GET", at), part("touches?limit=100"), part("parcels")]);
        const shown = {order: answer.data, etag: answer.etag, touches, parcels};
        await kept.keep(number, shown);
        return shown;
    } catch (error) {
        const shown = error instanceof api.Offline ? await kept.read(number) : null;
        if (!shown) throw error;
        return shown;
    }
}

export async function render(root, number) {
    paint(root, await read(number), null);
}

function paint(root, shown, said) {
    const {order, touches, parcels} = shown;
    const again = async (words, tone) => paint(root, await read(order.number), notice(tone, "", words));
    root.replaceChildren(...[
        h("h1", {class: "num"}, order.number),
        h("p", {class: "line"}, h("span", {class: `pill ${order.held ? "bad" : "info"}`}, order.state_label), h("span", {class: "quiet"}, `${order.shop_name || order.shop} · `, h("span", {class: "num"}, order.channel_number))),
        shown.kept && notice("warn", t("Read without a network"), t("As it was on %(when)s.", {when: when(shown.kept)})),
        said,
        next(order, shown.etag, again),
        life(order),
        h("section", {}, h("h2", {}, t("Goods")), h("ul", {class: "list"}, order.lines.map(line => h("li", {class: "card"},
            h("span", {class: "line"}, h("b", {}, line.title || line.sku), h("b", {class: "num"}, `× ${line.quantity}`)),
            h("span", {class: "line quiet"}, line.sku ? h("a", {class: "num", href: `#/stock/${encodeURIComponent(line.sku)}`}, line.sku) : h("span", {class: "num"}, line.seller_code), h("span", {class: "num"}, `¥${line.payable}`)))))),
        parcels && parcels.length > 0 && h("section", {}, h("h2", {}, t("Parcels")), h("ul", {class: "list"}, parcels.map(parcel))),
        facts(order),
        touches && touches.length > 0 && h("details", {class: "card"}, h("summary", {}, t("What happened (%(n)s)", {n: touches.length})),
            h("ol", {class: "times"}, touches.map(one => h("li", {}, h("span", {class: "num quiet"}, when(one.happened_at)), h("span", {}, one.label, one.by ? h("span", {class: "quiet"}, ` · ${one.by}`) : null))))),
    ].filter(Boolean));
}

/** The holds with their release, or else what goes on by itself. */
function next(order, etag, again) {
    if (!order.holds.length) return notice(order.step.tone, order.step.title, order.step.text);
    const mine = order.may.includes("release");
    return h("section", {id: "holds"}, order.holds.map((hold, place) => h("div", {class: "card hold"},
        h("h2", {}, t("Held: %(type)s", {type: hold.label})),
        hold.reason && h("p", {}, hold.reason),
        hold.what_now && h("p", {}, hold.what_now),
        h("p", {class: "quiet small-text"}, when(hold.since)),
        mine ? release(order, hold, etag, again, place === 0) : notice("info", "", t("Your role may not release holds.")))));
}

function release(order, hold, etag, again, first) {
    const path = `orders/${encodeURIComponent(order.number)}/holds/${hold.id}/release`;
    if (later.waiting().some(one => one.path === path)) return notice("warn", "", t("Your release is kept on this phone and sent as soon as there is a network."));
    const place = h("div", {});
    const note = h("input", {id: `note-${hold.id}`, maxlength: 300, required: true, autocomplete: "off"});
    const go = h("button", {class: `button wide ${first ? "main" : ""}`}, t("Release this hold"));
    const quick = [t("Confirmed with the buyer"), t("Checked, may go")].map(text => h("button", {class: "small", type: "button", onclick: () => { note.value = text; }}, text));
    const form = h("form", {onsubmit: async event => {
        event.preventDefault();
        go.disabled = true;
        place.replaceChildren();
        try {
            await api.decide(path, etag, {note: note.value.trim()}, {label: t("Release: %(type)s, %(number)s", {type: hold.label, number: order.number}), link: `#/order/${encodeURIComponent(order.number)}`});
            await again(t("The hold is released; the order goes on by itself."), "good");
        } catch (error) {
            const why = api.refusal(error, TOUCHES());
            if (why.again) return again(why.words, "bad");
            if (why.later) return form.replaceWith(notice("warn", "", why.words));
            place.replaceChildren(notice("bad", "", why.words));
        }
        go.disabled = false;
    }}, h("label", {for: note.id}, t("Why it may go on")), note, h("p", {class: "row"}, quick), place, go);
    return form;
}

/** The touches that a person may make, as a refusal names them. */
const TOUCHES = () => ({cancel: t("cancel the order"), reroute: t("route again"), verify: t("confirm the payment"), receive_return: t("take in a return"), open_aftersale: t("open an after-sale case")});

function life(order) {
    const done = order.life.filter(one => one.look === "done").length, now = order.life.find(one => one.look === "now");
    const looks = {done: t("done"), now: t("next"), ahead: t("to come"), off: t("switched off"), none: t("not needed")};
    return h("details", {class: "card life"},
        h("summary", {},
            h("span", {class: "ticks", "aria-hidden": "true"}, order.life.map(one => h("i", {class: one.late ? "late" : one.look}))),
            h("span", {}, t("%(n)s of 11 points", {n: done}), now ? ` · ${t("next: %(what)s", {what: now.label})}` : "")),
        h("ol", {class: "times"}, order.life.map(one => h("li", {class: one.look}, h("span", {class: "num quiet"}, one.at ? when(one.at) : looks[one.look]), h("span", {}, `C${one.point} ${one.label}`)))));
}

const parcel = one => h("li", {class: "card"},
    h("span", {class: "line"}, h("b", {class: "num"}, one.waybill_no || one.number), h("span", {class: "pill neutral"}, one.state_label)),
    h("span", {class: "line quiet"}, h("span", {}, `${one.carrier_label} · ${one.warehouse}`), one.weight_g ? h("span", {class: "num"}, `${one.weight_g} g`) : null),
    one.inside && h("span", {class: "quiet"}, t("Packed in %(parcel)s", {parcel: one.inside})),
    one.trouble && notice("warn", "", one.trouble));

function facts(order) {
    const who = order.receiver, rows = [
        [t("Receiver"), [who.name_mask, who.phone_mask].filter(Boolean).join(" ")],
        [t("Address"), [who.province, who.city, who.district, who.town, who.address_mask].filter(Boolean).join(" ")],
        [t("Paid"), `¥${order.payable}${order.paid_at ? ` · ${when(order.paid_at)}` : ""}`],
        [t("Promised to ship"), when(order.promised_ship_at)],
        [t("Warehouse"), order.warehouse_name || order.warehouse],
    ].filter(([, text]) => text);
    return h("section", {}, h("h2", {}, t("Details")), h("dl", {class: "card facts"}, rows.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])));
}
