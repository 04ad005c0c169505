"use strict";
// Columns of a list are put in order by buttons, which a keyboard reaches; Escape closes what is open.
(() => {
    const move = (button) => {
        const row = button.closest("li"), list = row.parentElement, step = Number(button.dataset.move);
        const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
        if (!other) return;
        if (step < 0) other.before(row);
        else other.after(row);
        button.focus();
        const place = [...list.children].indexOf(row) + 1, name = row.querySelector("span").textContent;
        list.parentElement.querySelector("[data-said-here]").textContent = list.dataset.said.replace("%s", name).replace("%n", place);
    };
    document.addEventListener("click", (event) => {
        const button = event.target.closest("[data-move]");
        if (button) move(button);
        for (const one of document.querySelectorAll("details.oh-pop[open]")) if (!one.contains(event.target)) one.open = false;
    });
    document.addEventListener("keydown", (event) => {
        if (event.key !== "Escape") return;
        for (const one of document.querySelectorAll("details.oh-pop[open]")) {
            one.open = false;
            one.querySelector("summary").focus();
        }
    });
})();
