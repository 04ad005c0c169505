/* The board renews itself: only while somebody can see it, never under a hand or a focus, and it says when it could not. */
(() => {
    const part = document.getElementById("ob-part"), said = document.getElementById("ob-said"), button = document.getElementById("ob-pause");
    if (!part || !window.htmx) return;
    const every = Number(part.dataset.every) * 1000;
    let last = Date.now(), paused = false, asking = false, out = false;
    const say = text => { if (said.textContent !== text) said.textContent = text; };
    const busy = () => part.contains(document.activeElement) || (String(getSelection()) && part.contains(getSelection().anchorNode));
    const refresh = () => {
        if (paused || asking || out || document.hidden || busy()) return;
        asking = true;
        htmx.trigger(part, "board-refresh");
    };
    setInterval(() => { if (Date.now() - last >= every) refresh(); }, 1000);
    document.addEventListener("visibilitychange", () => { if (!document.hidden && Date.now() - last >= every) refresh(); });
    part.addEventListener("htmx:beforeSwap", event => {
        if (event.detail.target !== part) return;
        const good = event.detail.xhr.status === 200, board = event.detail.xhr.responseText.includes("data-board");
        out = good && !board;
        event.detail.shouldSwap = good && board;
        say(out ? said.dataset.out : good ? "" : said.dataset.lost);
    });
    part.addEventListener("htmx:sendError", () => say(said.dataset.lost));
    part.addEventListener("htmx:timeout", () => say(said.dataset.lost));
    part.addEventListener("htmx:afterRequest", () => { asking = false; last = Date.now(); });
    button.addEventListener("click", () => {
        paused = !paused;
        button.setAttribute("aria-pressed", String(paused));
        button.querySelector(".material-symbols-outlined").textContent = paused ? "play_arrow" : "pause";
        if (!paused) refresh();
    });
})();
