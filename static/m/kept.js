// The orders opened last, for reading without a network: as the API showed them (masked), for a day, twenty at most,
// until sign-out. Writing and forgetting take turns, so that nothing is written behind a sign-out's back.
const CACHE = "m-kept", MOST = 20, FOR = 24 * 3600 * 1000, WHO = "m.who";
const at = number => `/m/kept/${encodeURIComponent(number)}`;
const turn = work => navigator.locks ? navigator.locks.request("m-kept", work) : work();

export const keep = (number, shown) => !("caches" in self) ? null : turn(async () => {
    if (!localStorage.getItem(WHO)) return;
    const store = await caches.open(CACHE);
    await store.delete(at(number));  // so that it stands last, and the first is the oldest
    await store.put(at(number), new Response(JSON.stringify({...shown, kept: Date.now()})));
    for (const old of (await store.keys()).slice(0, -MOST)) await store.delete(old);
});

async function opened(store, request) {
    const found = await store.match(request);
    const shown = found && await found.json();
    if (shown && Date.now() - shown.kept < FOR) return shown;
    if (found) await store.delete(request);
    return null;
}

/** One kept order, or null. */
export const read = async number => {
    if (!("caches" in self) || !await caches.has(CACHE)) return null;
    return opened(await caches.open(CACHE), at(number));
};

/** All kept orders, the one opened last first. */
export const all = async () => {
    if (!("caches" in self) || !await caches.has(CACHE)) return [];
    const store = await caches.open(CACHE);
    const found = await Promise.all((await store.keys()).map(one => opened(store, one)));
    return found.filter(Boolean).reverse();
};

export const forget = () => "caches" in self ? turn(() => caches.delete(CACHE)) : null;
