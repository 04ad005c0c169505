// A scanner that types: characters closer together than a person's, then Enter, wherever the cursor stands. What it
// typed into a field on the way is taken out again.
const GAP = 50, LEAST = 5;

export function wedge(then) {
    let typed = "", last = 0, field = null, before = "";
    const take = event => {
        const at = event.timeStamp, fast = at - last < GAP;
        if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) typed = "";
        else if (event.key === "Enter") {
            if (fast && typed.length >= LEAST) {
                event.preventDefault();
                event.stopImmediatePropagation();
                if (field) field.value = before;
                const code = typed;
                typed = "";
                then(code);
            }
            typed = "";
        } else if (event.key.length === 1) {
            if (!fast || !typed) {
                typed = "";
                field = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement ? event.target : null;
                before = field ? field.value : "";
            }
            typed += event.key;
            last = at;
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
