// A scanner that types: characters closer together than a person's, then Enter, wherever the cursor stands. What it
// typed into a field on the way is taken out again. Half of the gaps decide: a scanner that is held up once is still
// one, and never loses what it typed before, which would be the number of something else.
const GAP = 50, PAUSE = 500, LEAST = 5;

export function wedge(then) {
    let typed = "", gaps = [], last = 0, field = null, before = "";
    const fast = () => gaps.sort((a, b) => a - b)[gaps.length >> 1] < GAP;
    const take = event => {
        const gap = event.timeStamp - last;
        if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) typed = "";
        else if (event.key === "Enter") {
            if (gap < PAUSE && typed.length >= LEAST && fast()) {
                event.preventDefault();
                event.stopImmediatePropagation();
                if (field) field.value = before;
                const code = typed;
                typed = "";
                then(code);
            }
            typed = "";
        } else if (event.key.length === 1) {
            if (gap < PAUSE && typed) gaps.push(gap);
            else {
                typed = "";
                gaps = [];
                field = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement ? event.target : null;
                before = field ? field.value : "";
            }
            typed += event.key;
            last = event.timeStamp;
        }
    };
    addEventListener("keydown", take, {capture: true});
}

let sound = null;
/** High and short for found, low and long for not; the phone shakes where it can. */
export function beep(good) {
    navigator.vibrate?.(good ? 60 : [120, 60, 120]);
    if (!("AudioContext" in self)) return;
    sound ||= new AudioContext();
    const tone = sound.createOscillator(), loud = sound.createGain(), end = sound.currentTime + (good ? .09 : .35);
    tone.frequency.value = good ? 1320 : 220;
    loud.gain.value = .12;
    tone.connect(loud).connect(sound.destination);
    tone.start();
    tone.stop(end);
}
