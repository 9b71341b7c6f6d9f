/* The form that asks for the server's token, where a cell could not run without it. */

/** The token in what a reader pastes: it alone, or the whole printed address. */
export function readToken(text) {
  const found = text.match(/[?&]token=([^&#]*)/);
  return (found ? new URLSearchParams(found[0].slice(1)).get("token") : text).trim();
}

const MISSING = "The server runs cells only for a page that has its token.";
const WRONG =
  "The server does not accept this page’s token: it changes each time the server starts.";
const REMEDY = "Open the address that `make serve` printed last, or paste it here.";

/** Say what is missing, take it, and do what could not be done. */
export function askToken(page, cell, act) {
  page.tell(cell, `${page.token ? WRONG : MISSING} ${REMEDY}`);
  const form = page.element("form", "live-input live-token");
  const label = document.createElement("label");
  const field = document.createElement("input");
  field.autocomplete = "off";
  field.autocapitalize = "none";
  field.spellcheck = false;
  label.append("Token or address", field);
  const send = page.element("button", "live-choice", "Use this token");
  form.append(label, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = readToken(field.value);
    if (!token) return field.focus();
    page.token = token;
    cell.notice.remove();
    cell.run.focus();
    act();
  });
  cell.notice.append(form);
  field.focus();
}
