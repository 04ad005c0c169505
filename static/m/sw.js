// The shell is kept, so that the page opens without a network. The API is not touched here: its answers are never kept
// by the worker (the page keeps the last opened orders itself, kept.js, and forgets them at sign-out).
const NAME = `m-shell-${VERSION}`;

self.addEventListener("install", event => event.waitUntil((async () => {
    const store = await caches.open(NAME);
    await store.addAll(SHELL.map(path => new Request(path, {cache: "reload", credentials: "omit"})));
    await self.skipWaiting();
})()));

self.addEventListener("activate", event => event.waitUntil((async () => {
    for (const name of await caches.keys()) if (name.startsWith("m-shell-") && name !== NAME) await caches.delete(name);
    await self.clients.claim();
})()));

self.addEventListener("fetch", event => {
    const asked = new URL(event.request.url);
    if (event.request.method !== "GET" || asked.origin !== location.origin) return;
    const path = event.request.mode === "navigate" && asked.pathname === "/m/" ? "/m/" : asked.pathname;
    if (!SHELL.includes(path)) return;
    event.respondWith((async () => await (await caches.open(NAME)).match(path) || fetch(event.request))());
});
