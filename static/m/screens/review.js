// Addresses decided by thumb: three candidates, keep as written, skip, undo. Each answer brings the next one.
import {h, notice} from "../dom.js";
import {t} from "../words.js";
import * as api from "../api.js";

export async function render(root) {
    await bring(root, null);
}

async function bring(root, said) {
    const {data} = await api.call("POST", "address-review/next", {body: {want: 1}});
    paint(root, data.items[0], data.left, said);
}

function paint(root, item, left, said) {
    let busy = false;
    /** Do one thing, once; a refusal that says it moved brings the next address with the words. */
    const act = async work => {
        if (busy) return;
        busy = true;
        root.classList.add("busy");
        try {
            await work();
        } catch (error) {
            const why = api.refusal(error);
            const words = notice("bad", "", why.words);
            if (why.again) await bring(root, words).catch(() => place.replaceChildren(words));
            else place.replaceChildren(words);
        } finally {
            busy = false;
            root.classList.remove("busy");
        }
    };
    const decide = body => () => act(async () => {
        const {data} = await api.decide(`address-review/${item.id}/decide`, item.etag, body);
        const words = [data.remark, data.with_it ? t("%(n)s more with the same address are settled.", {n: data.with_it}) : ""].filter(Boolean).join(" ");
        await bring(root, notice("good", "", words || t("Settled.")));
    });
    const place = h("div", {"aria-live": "polite"}, said);
    const undo = h("button", {class: "button", onclick: () => act(async () => {
        const {data} = await api.call("POST", "address-review/undo", {body: {}});
        paint(root, data.items[0], left, notice("info", "", data.remark || t("Taken back: decide it anew.")));
    })}, t("Undo the last"));
    if (!item) {
        root.replaceChildren(h("h1", {}, t("Address review")), place, notice("good", t("Nothing waits"), t("Every address that you see is settled.")), h("div", {class: "thumb"}, undo));
        return;
    }
    root.replaceChildren(
        h("h1", {}, t("Address review")),
        place,
        h("p", {class: "line"}, h("span", {class: `pill ${item.tone}`}, item.due), h("a", {class: "num", href: `#/order/${encodeURIComponent(item.number)}`}, item.number), left ? h("span", {class: "quiet"}, t("%(n)s waiting", {n: left})) : null),
        h("section", {class: "card"},
            h("h2", {}, t("What the buyer wrote")),
            h("p", {class: "wrote"}, item.parts.map(([text, part, name]) => part ? h("span", {class: "part", title: name}, text) : text)),
            h("p", {class: "quiet small-text"}, [item.verdict_text, item.reason, ...item.unsure].filter(Boolean).join(" · "))),
        item.trouble ? notice("warn", "", item.trouble) : "",
        h("ol", {class: "list"}, item.cards.map((card, rank) => h("li", {}, h("button", {class: "card pick", type: "button", onclick: decide({rank: rank + 1})},
            h("span", {class: "line"}, h("b", {}, `${rank + 1}. ${card.name}`), card.score === null ? null : h("span", {class: "num quiet"}, card.score)),
            card.differences.filter(([kind]) => kind !== "matched").slice(0, 3).map(([kind, part, wrote, offers]) => h("span", {class: `difference ${kind}`}, `${part}: ${[wrote, offers].filter(Boolean).join(" → ")}`)),
            h("span", {class: "quiet small-text"}, [card.outlet, card.carrier, card.rung].filter(Boolean).join(" · ")))))),
        h("div", {class: "thumb"},
            h("button", {class: "button", onclick: decide({keep: true})}, t("Keep as written")),
            h("button", {class: "button", onclick: () => act(async () => {
                await api.call("POST", `address-review/${item.id}/skip`, {body: {}});
                await bring(root, null);
            })}, t("Skip")),
            undo));
}
