// Tickets: mine, nobody's, overdue; taking one, closing one with a note.
import {h, notice} from "../dom.js";
import {t, when} from "../words.js";
import * as api from "../api.js";
import * as later from "../later.js";

const QUEUES = () => ({mine: t("Mine"), nobody: t("Nobody's"), overdue: t("Overdue"), open: t("All open")});

export async function render(root, queue = "mine") {
    await list(root, queue in QUEUES() ? queue : "mine", null);
}

async function list(root, queue, said, opened = null) {
    const {items, next} = await api.get(`tickets?limit=50&queue=${queue}`);
    const again = (words, tone, stay = null) => list(root, queue, notice(tone, "", words), stay);
    root.replaceChildren(...[
        h("h1", {}, t("Tickets")),
        h("p", {class: "row"}, Object.entries(QUEUES()).map(([code, label]) => h("a", {class: "small", href: `#/tickets/${code}`, "aria-current": code === queue ? "true" : null}, label))),
        said,
        items.length ? h("ul", {class: "list"}, items.map(one => ticket(one, queue, again, one.id === opened))) : notice("good", "", t("Nothing waits here.")),
        next && h("p", {class: "quiet"}, t("These are the 50 oldest.")),
    ].filter(Boolean));
}

function ticket(one, queue, again, open) {
    const mine = one.owner === api.who(), late = one.due_at && new Date(one.due_at) < new Date();
    const place = h("div", {}), note = h("textarea", {id: `close-${one.id}`, rows: 2, maxlength: 2000, required: true});
    const send = async (path, body, done) => {
        try {
            await api.decide(`tickets/${one.id}/${path}`, one.etag, body, {label: `${path === "claim" ? t("Take it") : t("Close it")}: ${one.title}`, link: `#/tickets/${queue}`});
            await again(done, "good", path === "claim" ? one.id : null);
        } catch (error) {
            const why = api.refusal(error, {claim: t("take"), comment: t("comment"), close: t("close")});
            if (why.again) return again(why.words, "bad");
            place.replaceChildren(notice(why.later ? "warn" : "bad", "", why.words));
            if (why.later) work.remove();
        }
    };
    const waits = later.waiting().some(each => each.path.startsWith(`tickets/${one.id}/`));
    const work = waits ? notice("warn", "", t("Your decision is kept on this phone and sent as soon as there is a network.")) : mine
        ? h("details", {open}, h("summary", {}, t("Close it")), h("form", {onsubmit: event => {
            event.preventDefault();
            return send("close", {resolution: note.value.trim()}, t("The ticket is closed."));
        }}, h("label", {for: note.id}, t("What came of it")), note, h("button", {class: "button main wide"}, t("Close with this note"))))
        : h("button", {class: "button main wide take", onclick: () => send("claim", {}, t("The ticket is yours."))}, t("Take it"));
    return h("li", {class: "card ticket"},
        h("span", {class: "line"}, h("b", {}, one.title), one.due_at && h("span", {class: `pill ${late ? "bad" : "neutral"}`}, t("due %(when)s", {when: when(one.due_at)}))),
        one.body && h("p", {}, one.body),
        h("p", {class: "quiet small-text"}, one.owner ? t("With %(name)s", {name: one.owner}) : t("With nobody yet"), one.order && [" · ", h("a", {class: "num", href: `#/order/${encodeURIComponent(one.order)}`}, one.order)]),
        place,
        work);
}
