/* What a terminal writes with: colours and decorations, as "Select Graphic Rendition"
   (ECMA-48, 8.3.117) sets them, with xterm's 256 and its true colours.

   A colour is null (the page's own), a number from 0 to 15 (one of the sixteen that
   have names), or "#rrggbb". */

const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const SIXTEEN = [
  "#000000", "#bb0000", "#00bb00", "#bbbb00", "#0000bb", "#bb00bb", "#00bbbb", "#ffffff",
  "#555555", "#ff5555", "#00ff00", "#ffff55", "#5555ff", "#ff55ff", "#55ffff", "#ffffff",
]; // prettier-ignore
const LEVELS = [0, 95, 135, 175, 215, 255];

const ON = {
  1: "bold", 2: "faint", 3: "italic", 4: "underline", 7: "reverse", 8: "conceal",
  9: "strike", 21: "underline", 53: "overline",
}; // prettier-ignore
const OFF = {
  22: ["bold", "faint"], 23: ["italic"], 24: ["underline"], 27: ["reverse"],
  28: ["conceal"], 29: ["strike"], 55: ["overline"],
}; // prettier-ignore
const SHOWN = ["bold", "faint", "italic", "underline", "conceal", "strike", "overline"];

/* Characters that are pixels of a picture: their two colours are both drawn. */
const PIXELS = /^[\s\u2500-\u259f\u2800-\u28ff]*$/;
const READABLE = 4.5; // the contrast that WCAG 2 asks of text

/** What text is written with. Two pens with the same key write alike. */
class Pen {
  constructor(state) {
    this.state = state;
    this.key = Object.entries(state)
      .filter(([, value]) => value !== null && value !== false)
      .sort()
      .join();
  }

  get isPlain() {
    return !this.key;
  }

  with(changes) {
    return new Pen({ ...this.state, ...changes });
  }
}

export const PLAIN = new Pen({});

/** The pen after an escape sequence `\x1b[…m`, whose middle is `parameters`. */
export function select(pen, parameters) {
  const codes = parameters.split(";");
  let state = { ...pen.state };
  for (let at = 0; at < codes.length; at++) {
    const [code, ...more] = codes[at].split(":");
    const number = Number(code || 0);
    if (number === 0) state = { link: state.link ?? null };
    else if ([38, 48, 58].includes(number)) {
      const [colour, used] = more.length
        ? [extended(more, true)]
        : [extended(codes.slice(at + 1, at + 5)), codes[at + 1] === "2" ? 4 : 2];
      if (number === 38) state.ink = colour;
      if (number === 48) state.ground = colour; // 58 colours underlines: not drawn
      at += used ?? 0;
    } else if (number in ON) state[ON[number]] = more[0] !== "0";
    else if (number in OFF) for (const name of OFF[number]) state[name] = false;
    else Object.assign(state, sixteen(number));
  }
  return new Pen(state);
}

function sixteen(code) {
  if (code === 39) return { ink: null };
  if (code === 49) return { ground: null };
  if (code >= 30 && code <= 37) return { ink: code - 30 };
  if (code >= 40 && code <= 47) return { ground: code - 40 };
  if (code >= 90 && code <= 97) return { ink: code - 90 + 8 };
  if (code >= 100 && code <= 107) return { ground: code - 100 + 8 };
  return {};
}

/* `5;n` is a place in the table of 256 colours, `2;r;g;b` a colour; between colons a
   colour may have the number of its colour space in front. */
function extended([kind, ...values], colons = false) {
  const numbers = values.map((value) => Math.min(255, Number(value) || 0));
  if (kind === "5") return numbers.length ? table(numbers[0]) : null;
  if (kind !== "2" || numbers.length < 3) return null;
  return hex(colons && numbers.length > 3 ? numbers.slice(1, 4) : numbers.slice(0, 3));
}

function table(index) {
  if (index < 16) return index;
  if (index > 231) return hex(Array(3).fill(8 + (index - 232) * 10));
  const cube = index - 16;
  return hex([cube / 36, (cube / 6) % 6, cube % 6].map((part) => LEVELS[part | 0]));
}

const hex = (rgb) => `#${rgb.map((part) => part.toString(16).padStart(2, "0")).join("")}`;

/** How a text written with `pen` is drawn: classes, and colours that have no class. */
export function look(pen, text) {
  const classes = SHOWN.filter((name) => pen.state[name]).map((name) => `ansi-${name}`);
  let { ink = null, ground = null } = pen.state;
  if (pen.state.reverse) {
    if (ink === null) return { classes: [...classes, "ansi-reverse"], colours: {} };
    [ink, ground] = [ground, ink];
  }
  const isFixed = typeof ground === "string"; // the same in the light and the dark theme
  if (isFixed) ink = onColour(ink, ground, text);
  if (typeof ink === "number") classes.push(`${named(ink)}-fg`);
  if (typeof ground === "number") classes.push(`${named(ground)}-bg`);
  const colours = {};
  if (typeof ink === "string") colours[isFixed ? "live-fixed" : "live-ink"] = ink;
  if (isFixed) colours["live-ground"] = ground;
  return { classes, colours };
}

const named = (index) => `ansi-${index > 7 ? "bright-" : ""}${NAMES[index % 8]}`;

/* On a colour of its own the page's ink may not be readable, in one theme or in both. */
function onColour(ink, ground, text) {
  const wanted = typeof ink === "number" ? SIXTEEN[ink] : ink;
  const isPixel = PIXELS.test(text);
  if (wanted && (isPixel || contrast(wanted, ground) >= READABLE)) return wanted;
  const [black, white] = ["#000000", "#ffffff"];
  return contrast(black, ground) > contrast(white, ground) ? black : white;
}

export function contrast(one, other) {
  const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
