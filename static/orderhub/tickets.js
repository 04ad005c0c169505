"use strict";
// The list of tickets by keyboard: j and k go down and up, c claims, Enter opens; after a claim the same place is looked at again.
(() => {
    const KEPT = "oh-tickets-place";
    const links = () => [...document.querySelectorAll("#result_list .field-what a")];
    const at = () => links().findIndex((link) => link.closest("tr").contains(document.activeElement));
    const go = (place) => {
        const all = links();
        all[Math.max(0, Math.min(place, all.length - 1))]?.focus();
    };
    document.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
        if (event.target.closest("input, textarea, select, [contenteditable]") || !links().length) return;
        if (event.key === "j") go(at() + 1);
        else if (event.key === "k") go(at() < 0 ? 0 : at() - 1);
        else if (event.key === "c") links()[at()]?.closest("tr").querySelector("[data-claim]")?.click();
        else return;
        event.preventDefault();
    });
    document.addEventListener("submit", (event) => {
        if (event.target.id !== "oh-claim") return;
        const rows = [...document.querySelectorAll("#result_list .data-row")];
        const place = rows.findIndex((row) => row.contains(event.submitter));
        sessionStorage.setItem(KEPT, JSON.stringify([location.href, place, scrollY]));
    });
    window.addEventListener("load", () => {
        const [address, place, top] = JSON.parse(sessionStorage.getItem(KEPT) || "[]");
        sessionStorage.removeItem(KEPT);
        if (address !== location.href) return;
        scrollTo(0, top);
        go(place);
    });
})();
