// Decisions made without a network wait here and are sent once, in their order, when there is one again: each with the
// key and the version that it was made with, so that what arrived already is not done twice and what moved is refused in
// words. They are the signed-in person's, stay on this phone, and are forgotten at sign-out.
const STORE = "m.later", WHO = "m.who";
const turn = work => navigator.locks ? navigator.locks.request("m-later", work) : work();
const changed = () => dispatchEvent(new Event("later"));

/** All of them, the first made first: {key, path, etag, body, label, link, at, refused}. */
export function all() {
    const kept = JSON.parse(localStorage.getItem(STORE) || "null");
    return kept && kept.who === localStorage.getItem(WHO) ? kept.items : [];
}

function write(items) {
    if (items.length) localStorage.setItem(STORE, JSON.stringify({who: localStorage.getItem(WHO), items}));
    else localStorage.removeItem(STORE);
    changed();
}

/** Those that are still to be sent; the others were refused and wait to be read. */
export const waiting = () => all().filter(one => !one.refused);

export const has = key => all().some(one => one.key === key);

export const put = one => turn(() => has(one.key) ? null : write([...all(), {...one, at: Date.now(), refused: ""}]));

export const drop = key => turn(() => write(all().filter(one => one.key !== key)));

export const forget = () => turn(() => write([]));

/** Send what waits, one after the other, by `send(one)`: "" where it was done, else why it was refused. It throws where
 * there is no network: then the rest waits on. {done, refused}. */
export const send = by => turn(async () => {
    const told = {done: 0, refused: 0};
    for (const one of waiting()) {
        let why;
        try {
            why = await by(one);
        } catch {
            break;
        }
        told[why ? "refused" : "done"] += 1;
        write(all().flatMap(each => each.key !== one.key ? [each] : why ? [{...each, refused: why}] : []));
    }
    return told;
});
