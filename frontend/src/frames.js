/* When to draw: at most once a frame, and never so often that the page is busy with
   drawing alone. In a hidden tab the browser gives no frames, so nothing is drawn. */

const REST = 3; // the page's share of the time: three times what drawing took
const LONGEST = 1_000; // ms between two drawings, at most

const waiting = new Set(); // what wants to draw
let isAsked = false;

/** Call `drawing.draw()` with one of the next frames. */
export function ask(drawing) {
  waiting.add(drawing);
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(frame);
}

/** What was drawn or is gone need not wait any more. */
export function forget(drawing) {
  waiting.delete(drawing);
}

function frame() {
  const began = performance.now();
  const due = [...waiting];
  waiting.clear();
  for (const drawing of due) drawing.draw();
  // A task of its own comes after the frame's layout and paint, and counts them too.
  setTimeout(() => {
    const took = performance.now() - began;
    setTimeout(goOn, Math.min(took * REST, LONGEST));
  });
}

function goOn() {
  isAsked = false;
  const [next] = waiting;
  if (next) ask(next);
}
