"use strict";
// A small button beside a value copies it, a bar below the list copies those of the picked rows; the page's live region says so.
(() => {
    const SHOWN = 2500;
    let told = 0;
    const say = (text) => {
        const region = document.getElementById("oh-copied");
        region.textContent = "";
        region.classList.add("oh-toast-on");
        requestAnimationFrame(() => { region.textContent = text; });
        clearTimeout(told);
        told = setTimeout(() => region.classList.remove("oh-toast-on"), SHOWN);
    };
    // Without a clipboard (plain http, refused permission) the browser copies what is selected in a field.
    const byHand = (text) => {
        const field = document.createElement("textarea"), before = document.activeElement;
        field.value = text;
        field.setAttribute("readonly", "");
        field.className = "sr-only";
        document.body.append(field);
        field.select();
        const done = document.execCommand("copy");
        field.remove();
        before?.focus({ preventScroll: true });
        return done;
    };
    const copied = async (text) => {
        try {
            await navigator.clipboard.writeText(text);
            return true;
        } catch {
            return byHand(text);
        }
    };
    const copy = async (text, button) => {
        const { yes, no, many } = document.getElementById("oh-copied").dataset, lines = text.split("\n").length;
        const done = await copied(text);
        say(done ? (lines > 1 ? many.replace("#", lines) : yes.replace("#", () => text)) : no.replace("#", () => text));
        if (!done) return;
        button.classList.add("oh-copy-done");
        setTimeout(() => button.classList.remove("oh-copy-done"), SHOWN);
    };
    const picked = () => [...document.querySelectorAll(".oh-pick:checked")];
    const bar = () => {
        const box = document.querySelector(".oh-picked-bar");
        if (!box) return;
        const n = picked().length, count = box.querySelector("[data-count]");
        box.hidden = !n;
        count.textContent = count.dataset.count.replace("#", n);
    };
    document.addEventListener("click", (event) => {
        const one = event.target.closest("[data-copy]"), all = event.target.closest("[data-copy-picked]");
        if (one) copy(one.dataset.copy, one);
        if (!all) return;
        const lines = picked().flatMap((box) => (box.dataset[all.dataset.copyPicked] || "").split(" ").filter(Boolean));
        if (lines.length) copy(lines.join("\n"), all);
        else say(all.dataset.none);
    });
    document.addEventListener("change", (event) => {
        if (event.target.matches(".oh-pick")) bar();
    });
    // The region lies in the header, which is its own layer; a browser that goes back keeps the boxes that were picked.
    document.addEventListener("DOMContentLoaded", () => {
        const region = document.getElementById("oh-copied");
        if (region) document.body.append(region);
    });
    window.addEventListener("pageshow", bar);
})();
