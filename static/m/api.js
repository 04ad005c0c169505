// Calls of /api/v1/. The access token lives in this module and nowhere else; the refresh token is in a cookie that no
// script can read. A refresh token is good once, so only one tab at a time may spend it (a lock of the browser's).
import {t, language} from "./words.js";
import * as kept from "./kept.js";
import * as later from "./later.js";

let access = "", username = "";
const LEFT = "m.left", WHO = "m.who";
const told = "BroadcastChannel" in self ? new BroadcastChannel("m") : null;
if (told) told.onmessage = event => { if (event.data === "left") location.reload(); };

/** An answer that is no success; `words` is what to tell a person. */
export class Problem extends Error {
    constructor(status, data) {
        super(data?.detail || String(status));
        this.status = status;
        this.data = data || {};
    }
    get words() {
        const why = (this.data.errors || []).map(one => one.detail).join(" ");
        return `${this.data.detail || t("The server answered %(n)s.", {n: this.status})} ${why}`.trim();
    }
}
/** No answer: `sent` says whether the call may have arrived. */
export class Offline extends Error {
    constructor(sent) {
        super("offline");
        this.sent = sent;
    }
}

/** There is no network now: the decision waits on this phone and is sent by itself. */
export class Later extends Error {}

export const signedIn = () => Boolean(access);
export const who = () => username || localStorage.getItem(WHO) || "";
/** Somebody was signed in here and has not signed out: what was kept may be read without a network. */
export const known = () => Boolean(localStorage.getItem(WHO));

const alone = (name, work) => navigator.locks ? navigator.locks.request(name, work) : work();

async function send(method, path, {body, headers = {}} = {}) {
    if (!navigator.onLine) throw new Offline(false);
    const asked = {method, headers: {Accept: "application/json", "Accept-Language": language(), ...headers}, cache: "no-store", credentials: "same-origin"};
    if (body !== undefined) {
        asked.body = JSON.stringify(body);
        asked.headers["Content-Type"] = "application/json";
    }
    let answer, data = null;
    try {
        answer = await fetch(path, asked);
        data = answer.status === 204 ? null : await answer.json();
    } catch {
        if (!answer || answer.ok) throw new Offline(true);
    }
    return {status: answer.status, ok: answer.ok, data, etag: answer.headers.get("ETag")};
}

async function taken(answer) {
    if (username && username !== answer.data.username) return leave();  // another tab signed somebody else in
    const before = localStorage.getItem(WHO);
    if (before && before !== answer.data.username) await Promise.all([kept.forget(), later.forget()]);
    access = answer.data.access;
    username = answer.data.username;
    localStorage.setItem(WHO, username);
}

export async function signIn(name, password) {
    await finishLeaving();
    const answer = await alone("m-session", () => send("POST", "/api/v1/session", {body: {username: name, password, device: device()}}));
    if (!answer.ok) throw new Problem(answer.status, answer.data);
    await taken(answer);
}

/** A new access token for the cookie. False where nobody is signed in any more; then nothing is kept either. */
export async function goOn() {
    if (localStorage.getItem(LEFT)) {
        await finishLeaving();
        return false;
    }
    return alone("m-session", async () => {
        const answer = await send("PUT", "/api/v1/session");
        if (answer.ok) {
            await taken(answer);
            return true;
        }
        if (answer.status !== 401) throw new Problem(answer.status, answer.data);
        await wipe();
        return false;
    });
}

/** Sign out: forget everything here first, then tell the server; without a network it is told at the next start. */
export async function signOut() {
    localStorage.setItem(LEFT, "1");
    await wipe();
    let said = true;
    try {
        await finishLeaving();
    } catch {
        said = false;
    }
    if (told) told.postMessage("left");
    return said;
}

async function finishLeaving() {
    if (!localStorage.getItem(LEFT)) return;
    const answer = await alone("m-session", () => send("DELETE", "/api/v1/session"));
    if (!answer.ok) throw new Problem(answer.status, answer.data);
    localStorage.removeItem(LEFT);
}

async function wipe() {
    access = username = "";
    await later.forget();
    localStorage.removeItem(WHO);
    await kept.forget();
}

function leave() {
    access = "";
    location.reload();
    return new Promise(() => {});
}

/** One call by the person who is signed in; {status, data, etag}. Throws Problem or Offline. */
export async function call(method, path, options = {}) {
    for (let tries = 0; ; tries += 1) {
        if (!access && !await goOn()) return leave();
        const answer = await send(method, `/api/v1/${path}`, {...options, headers: {...options.headers, Authorization: `Bearer ${access}`}});
        if (answer.ok) return answer;
        if (answer.status !== 401 || tries) throw new Problem(answer.status, answer.data);
        access = "";
    }
}

export const get = async path => (await call("GET", path)).data;

const open = new Map();
const once = (path, etag, body, key) => call("POST", path, {body, headers: {"Idempotency-Key": key, ...(etag ? {"If-Match": etag} : {})}});

/** A decision on the version that was read: made once, however often it is sent until an answer comes. With `wait`
 * ({label, link}: what it is and where) it waits on this phone where there is no network, and Later is thrown. */
export async function decide(path, etag, body = {}, wait = null) {
    const said = JSON.stringify([path, etag, body]);
    const key = open.get(said) || name();
    open.set(said, key);
    try {
        const answer = await once(path, etag, body, key);
        open.delete(said);
        return answer;
    } catch (error) {
        if (error instanceof Problem) open.delete(said);
        if (!(error instanceof Offline) || !wait) throw error;
        open.delete(said);
        await later.put({key, path, etag, body, ...wait});
        throw new Later();
    }
}

/** Send what waits on this phone: {done, refused}. What can't be sent yet waits on. */
export const sendLater = () => later.send(async one => {
    try {
        await once(one.path, one.etag, one.body, one.key);
        return "";
    } catch (error) {
        if (!(error instanceof Problem) || error.status >= 500 || error.status === 429) throw error;
        return error.words;
    }
});

const name = () => [...crypto.getRandomValues(new Uint8Array(16))].map(one => one.toString(16).padStart(2, "0")).join("");
const device = () => `${t("Phone page")} · ${navigator.userAgentData?.platform || navigator.platform || "?"}`.slice(0, 80);

/** What went wrong with a decision, in words, and whether to read again what was decided on. */
export function refusal(error, labels = {}) {
    if (error instanceof Later) return {words: t("No network now. Your decision is kept on this phone and sent once, by itself, as soon as there is one."), again: false, later: true};
    if (error instanceof Offline) {
        return error.sent
            ? {words: t("No answer came. It may have been done: press again when you are online, it is not done twice."), again: false}
            : {words: t("No network: nothing was decided. Orders kept here can be read; decide again when you are online."), again: false};
    }
    if (!(error instanceof Problem)) throw error;
    const allowed = (error.data.allowed || []).map(code => labels[code] || code);
    const now = error.status !== 409 && error.status !== 412 ? "" : allowed.length ? t("Allowed now: %(what)s.", {what: allowed.join(language() === "en" ? ", " : "、")}) : t("Nothing is left to decide here.");
    return {words: `${error.words} ${now}`.trim(), again: [404, 409, 412, 428].includes(error.status)};
}
