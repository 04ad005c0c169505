"use strict";
// What the select boxes of the admin leave out: a screen reader hears which field it is in.
(() => {
    const named = (box) => {
        const select = box.closest(".select2")?.previousElementSibling;
        return select?.labels?.[0]?.textContent.trim().replace(/[:：]$/, "") || select?.getAttribute("aria-label") || select?.name || "";
    };
    const name = () => {
        for (const box of document.querySelectorAll(".select2-selection[role=combobox], .select2-selection__rendered[role=textbox], .select2-search__field")) {
            const words = named(box);
            if (words && box.getAttribute("aria-label") !== words) {
                box.setAttribute("aria-label", words);
                box.removeAttribute("aria-labelledby");
            }
        }
        for (const tip of document.querySelectorAll(".help-tooltip[aria-label]:not([role])")) tip.setAttribute("role", "img");
    };
    const begin = () => {
        name();
        new MutationObserver(name).observe(document.body, { childList: true, subtree: true });
    };
    // The theme writes a chosen file's name into a text box of its own widget; a plain field of ours has no such box.
    document.addEventListener("DOMContentLoaded", () => {
        for (const file of document.querySelectorAll("input[type=file].oh-input")) file.hasChangeListener = true;
    });
    if (document.readyState === "complete") begin();
    else window.addEventListener("load", begin);
})();
