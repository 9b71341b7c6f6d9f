/* The page as a notebook: the book's own, with the reader's code and outputs in it. */

/** Save it. `runs` are what the server knows of the cells (see kernel.js). Throws if the
    book's notebook can't be had. */
export async function download(page, path, runs) {
  const answer = await fetch(new URL(`_sources/${path}`, page.root));
  if (!answer.ok) throw new Error(`${path}: the server answered ${answer.status}`);
  const notebook = await answer.json();
  const cells = new Map(page.cells.map((cell) => [cell.name, cell]));
  const ran = new Map(runs.map((run) => [run.cell, run]));
  for (const each of notebook.cells) {
    const cell = cells.get(each.id);
    if (!cell || each.cell_type !== "code") continue;
    each.source = lines(cell.source());
    if (ran.has(each.id)) Object.assign(each, outcome(ran.get(each.id)));
  }
  save(JSON.stringify(notebook, null, 1) + "\n", path.split("/").at(-1));
}

function outcome(run) {
  const outputs = run.outputs.map((message) => output(message, run.count));
  const { characters, outputs: blocks } = run.cut;
  if (characters || blocks)
    outputs.unshift({
      output_type: "stream",
      name: "stderr",
      text: ["[The beginning of this output was not kept.]\n"],
    });
  return { execution_count: run.count, outputs };
}

/** A message of the kernel as nbformat 4 stores it. */
function output({ msg_type: type, content }, count) {
  const { data, metadata } = content;
  if (type === "stream")
    return { output_type: type, name: content.name, text: lines(content.text) };
  if (type === "error") {
    const { ename, evalue, traceback } = content;
    return { output_type: type, ename, evalue, traceback };
  }
  if (type === "execute_result")
    return { output_type: type, execution_count: count, data, metadata };
  return { output_type: "display_data", data, metadata };
}

const lines = (text) => text.split(/(?<=\n)/);

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
