// Scanning: by the camera where the browser reads codes, by a scanner that types (on every screen), or by hand.
import {byId, h, notice, toast} from "../dom.js";
import {t} from "../words.js";
import * as api from "../api.js";
import {beep} from "../wedge.js";

const EVERY = 150;  // milliseconds between two looks of the camera
let camera = null;

/** What a code is: {address} to open, {items} to choose from, or nothing. Goods first: a SKU's code leads to its stock. */
async function meaning(code) {
    const stock = api.get(`stock/${encodeURIComponent(code)}`).catch(error => {
        if (error instanceof api.Problem && [403, 404].includes(error.status)) return null;
        throw error;
    });
    const [goods, {items}] = await Promise.all([stock, api.get(`orders?limit=50&q=${encodeURIComponent(code)}`)]);
    if (goods) return {address: `#/stock/${encodeURIComponent(goods.sku)}`};
    const exact = items.filter(one => [one.number, one.channel_number].includes(code));
    const hit = items.length === 1 ? items[0] : exact.length === 1 ? exact[0] : null;
    return hit ? {address: `#/order/${encodeURIComponent(hit.number)}`} : {items};
}

/** A scanned code: opens what it is; false where it is nothing here. */
export async function opened(text) {
    const code = text.trim();
    if (!code) return false;
    try {
        const {address, items} = await meaning(code);
        if (address) {
            beep(true);
            if (location.hash === address) dispatchEvent(new HashChangeEvent("hashchange"));
            else location.hash = address;
            return true;
        }
        beep(false);
        toast(items.length ? t("%(code)s is in %(n)s orders: search for it.", {code, n: items.length}) : t("%(code)s is no order, waybill or SKU that you see.", {code}), "bad");
    } catch (error) {
        beep(false);
        toast(error instanceof api.Offline ? t("No network: %(code)s can't be looked up.", {code}) : api.refusal(error).words, "bad");
    }
    return false;
}

export async function render(root) {
    const box = h("input", {id: "code", autocomplete: "off", autocapitalize: "none", spellcheck: "false", maxlength: 80, "data-focus": matchMedia("(pointer: fine)").matches});
    const place = h("div", {id: "camera"});
    const able = "BarcodeDetector" in self && navigator.mediaDevices;
    root.append(
        h("h1", {}, t("Scan")),
        able ? place : notice("info", t("This browser reads no codes by camera"), t("A scanner that types works on every screen, and a code can be typed below.")),
        h("form", {onsubmit: async event => {
            event.preventDefault();
            if (!await opened(box.value)) box.select();
        }}, h("label", {for: "code"}, t("Or type the code")), h("div", {class: "together"}, box, h("button", {class: "button"}, t("Open it")))),
        h("p", {class: "quiet"}, t("A waybill or order number opens the order, a SKU's code its stock. A scanner that types works on any screen.")),
    );
    if (able) waiting(place);
}

function waiting(place) {
    place.replaceChildren(h("button", {class: "button main wide", onclick: () => look(place)}, t("Open the camera")));
}

async function look(place) {
    const video = h("video", {playsinline: true, muted: true, "aria-label": t("What the camera sees")});
    place.replaceChildren(video, h("button", {class: "button wide", onclick: () => { leave(); waiting(place); }}, t("Close the camera")));
    const mine = camera = {stream: null};
    try {
        const stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: "environment"}});
        if (camera !== mine) return stream.getTracks().forEach(track => track.stop());
        mine.stream = stream;
        video.srcObject = stream;
        await video.play();
    } catch (error) {
        leave();
        waiting(place);
        place.prepend(notice("warn", t("The camera did not open"), error.name === "NotAllowedError" ? t("Allow the camera for this page in the browser's settings.") : t("Another program may have it, or there is none.")));
        return;
    }
    const reader = new BarcodeDetector();
    while (camera === mine) {
        const [seen] = await reader.detect(video).catch(() => []);
        if (seen && camera === mine) {
            leave();
            if (!await opened(seen.rawValue) && byId("camera") === place) waiting(place);
            return;
        }
        await new Promise(done => setTimeout(done, EVERY));
    }
}

/** The camera is closed with its screen. */
export function leave() {
    camera?.stream?.getTracks().forEach(track => track.stop());
    camera = null;
}
document.addEventListener("visibilitychange", () => {
    if (!document.hidden || !camera) return;
    leave();
    if (byId("camera")) waiting(byId("camera"));
});
