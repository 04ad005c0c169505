// The orders behind a number of the home screen, page by page.
import {h, notice} from "../dom.js";
import {t} from "../words.js";
import * as api from "../api.js";
import {row} from "./search.js";

export async function render(root, kind, code) {
    const asked = `orders?limit=30&${kind === "queue" ? "queue" : "colour"}=${encodeURIComponent(code || "")}`;
    const list = h("ul", {class: "list"}), more = h("button", {class: "button wide"}, t("More"));
    let next = null;
    const page = async () => {
        const found = await api.get(next ? `${asked}&cursor=${encodeURIComponent(next)}` : asked);
        list.append(...found.items.map(row));
        next = found.next;
        more.hidden = !next;
    };
    more.addEventListener("click", async () => {
        more.disabled = true;
        try {
            await page();
        } catch (error) {
            more.after(notice("bad", "", api.refusal(error).words));
        }
        more.disabled = false;
    });
    await page();
    const title = kind === "queue" ? (await api.get("counts")).queues.find(one => one.code === code)?.label : code === "red" ? t("Past the promise") : t("Due soon");
    root.append(h("h1", {}, title || t("Orders")), list.children.length ? list : notice("good", "", t("Nothing waits here.")), more);
}
