// The page's words: keyed by their English, Chinese unless somebody chose otherwise. The cookie is the site's own, so
// that the API and the admin speak the same language.
let said = {};

export const LANGUAGES = {"zh-hans": "中文", en: "English"};

export function language() {
    const found = /(?:^|; )django_language=([\w-]+)/.exec(document.cookie);
    return found && found[1] in LANGUAGES ? found[1] : "zh-hans";
}

export async function load() {
    document.documentElement.lang = language() === "en" ? "en" : "zh-Hans";
    said = await (await fetch(`/m/words/${language()}.json`)).json();
}

export function choose(code) {
    document.cookie = `django_language=${code}; path=/; max-age=31536000; samesite=lax`;
    location.reload();
}

/** The text in the chosen language, `%(name)s` filled in. */
export const t = (text, values = {}) => (said[text] ?? text).replace(/%\((\w+)\)s/g, (_all, name) => values[name] ?? "");

const clock = new Intl.DateTimeFormat("en-GB", {timeZone: "Asia/Shanghai", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23"});
/** A moment as the house shows it: Shanghai's time, month first. */
export function when(moment) {
    if (!moment) return "";
    const part = Object.fromEntries(clock.formatToParts(new Date(moment)).map(one => [one.type, one.value]));
    return `${part.month}-${part.day} ${part.hour}:${part.minute}`;
}
