// Signing in by name and password.
import {byId, h, notice} from "../dom.js";
import {LANGUAGES, choose, language, t} from "../words.js";
import * as api from "../api.js";

export function languages() {
    return h("p", {class: "row quiet"}, Object.entries(LANGUAGES).map(([code, name]) => h("button", {class: "small", type: "button", lang: code === "en" ? "en" : "zh-Hans", "aria-pressed": String(code === language()), onclick: () => choose(code)}, name)));
}

export function render(root, then) {
    byId("tabs").hidden = true;
    const said = h("div", {});
    const name = h("input", {id: "name", name: "username", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true});
    const password = h("input", {id: "password", name: "password", type: "password", autocomplete: "current-password", required: true});
    const go = h("button", {class: "button main wide"}, t("Sign in"));
    const form = h("form", {class: "stage narrow", onsubmit: async event => {
        event.preventDefault();
        go.disabled = true;
        said.replaceChildren();
        try {
            await api.signIn(name.value.trim(), password.value);
            password.value = "";
            await then();
        } catch (error) {
            if (!(error instanceof api.Problem) && !(error instanceof api.Offline)) throw error;
            said.replaceChildren(notice("bad", "", error instanceof api.Offline ? t("No network: sign in when you are online.") : error.words));
            go.disabled = false;
            password.select();
        }
    }},
        h("h1", {}, t("Sign in")),
        h("p", {class: "quiet"}, t("With the name and password of the back office.")),
        said,
        h("label", {for: "name"}, t("Name")), name,
        h("label", {for: "password"}, t("Password")), password,
        go,
        languages(),
    );
    document.title = `${t("Sign in")} · OrderHub`;
    root.replaceChildren(form);
    name.focus();
}
