/* What Python source says about names, read from its syntax tree. Nothing is run: so
   this answers while the kernel is busy, not started, or has not run a cell yet.

   A cell is {number, source}; the editor's own has null for a number. `cells` are
   those above it, in order. */

import { pythonLanguage } from "@codemirror/lang-python";

const KINDS = {
  FunctionDefinition: "function",
  ClassDefinition: "class",
  ImportStatement: "import",
};

/** A name, and the node that binds it. */
class Name {
  constructor(label, kind, node, cell) {
    Object.assign(this, { label, kind, node, cell });
  }
}

export const BUILTINS = (
  "abs aiter all anext any ascii bin bool breakpoint bytearray bytes callable chr " +
  "classmethod compile complex delattr dict dir divmod enumerate eval exec filter " +
  "float format frozenset getattr globals hasattr hash help hex id input int " +
  "isinstance issubclass iter len list locals map max memoryview min next object oct " +
  "open ord pow print property range repr reversed round set setattr slice sorted " +
  "staticmethod str sum super tuple type vars zip"
).split(" ");

export const KEYWORDS = (
  "False None True and as assert async await break case class continue def del elif " +
  "else except finally for from global if import in is lambda match nonlocal not or " +
  "pass raise return try while with yield"
).split(" ");

/* A page has a hundred cells, and few of them change between two questions. */
const read = new Map(); // a cell's number -> {source, tree, bound}

function parsed(cell) {
  const { number, source } = cell;
  if (read.get(number)?.source !== source)
    read.set(number, { source, tree: pythonLanguage.parser.parse(source) });
  return read.get(number);
}

const parse = (cell) => parsed(cell).tree;

/** What a whole cell binds, as `bindings` tells it. */
function bound(cell) {
  const known = parsed(cell);
  known.bound ??= [...bindings(known.tree.topNode)];
  return known.bound;
}

const text = (node, cell) => cell.source.slice(node.from, node.to);

function children(node) {
  const all = [];
  for (let child = node.firstChild; child; child = child.nextSibling) all.push(child);
  return all;
}

/* The nodes that a statement binds. */

/** What stands left of an assignment: names and attributes. */
function targets(node) {
  if (node.name === "VariableName" || node.name === "MemberExpression") return [node];
  const nested = ["TupleExpression", "ArrayExpression", "ParenthesizedExpression"];
  return nested.includes(node.name) ? children(node).flatMap(targets) : [];
}

const first = (node) => node.getChildren("VariableName").slice(0, 1);

function assigned(node) {
  const last = node.getChildren("AssignOp").at(-1);
  return children(node).filter((child) => child.to <= last?.from).flatMap(targets);
}

function looped(node) {
  const [begin, end] = [node.getChild("for"), node.getChild("in")];
  const isBetween = (child) => child.from >= begin?.to && child.to <= end?.from;
  return children(node).filter(isBetween).flatMap(targets);
}

/** `with … as name`, `except … as name` */
function renamed(node) {
  const next = node.getChildren("as").map((word) => word.nextSibling);
  return next.filter((name) => name?.name === "VariableName");
}

/** `f(x := 1)` binds x and `f(x=1)` does not; the tree has an AssignOp for both. */
function walrus(node) {
  const isWalrus = (operator) => operator.to - operator.from === 2;
  const found = node.getChildren("AssignOp").filter(isWalrus);
  return found.map((operator) => operator.prevSibling);
}

/** `import a.b, c as d` binds a and d. */
function imported(node) {
  const names = [];
  let isWanted = false;
  for (let child = node.getChild("import"); child; child = child.nextSibling) {
    if (child.name === "as") names.pop();
    if (["import", "as", ","].includes(child.name)) isWanted = true;
    if (child.name !== "VariableName" || !isWanted) continue;
    names.push(child);
    isWanted = false;
  }
  return names;
}

/* A simple statement has bound its names where it ends; a compound one, in its body. */
const SIMPLE = {
  AssignStatement: assigned,
  ImportStatement: imported,
  NamedExpression: first,
  ArgList: walrus,
  TypeDefinition: first,
  DeleteStatement: () => [],
};
const COMPOUND = {
  FunctionDefinition: first,
  ClassDefinition: first,
  ForStatement: looped,
  WithStatement: renamed,
  CapturePattern: first,
  AsPattern: first,
};
const INNER = ["FunctionDefinition", "ClassDefinition", "LambdaExpression"];

/** Pairs of a node and what it binds: all in the scope of `node` before `until`. */
function* bindings(node, until = Infinity) {
  for (const child of children(node)) {
    if (child.from >= until) return;
    const bind = COMPOUND[child.name] ?? (child.to < until && SIMPLE[child.name]);
    if (bind) yield [child, bind(child).filter((target) => target.to < until)];
    if (!INNER.includes(child.name)) yield* bindings(child, until);
  }
}

/* What is in reach of a cursor */

/** The names in reach of `cursor` in `cell`: a Map. */
export function inReach(cells, cell, cursor) {
  const names = new Map();
  for (const above of cells) collect(names, bound(above), above);
  const around = enclosing(cell, cursor);
  around.forEach((node, depth) => {
    // A class's own names are not in reach of its methods.
    const isHidden = around.slice(depth + 1).some(({ name }) => INNER.includes(name));
    if (node.name !== "ClassDefinition" || !isHidden) reach(names, node, cell, cursor);
  });
  return names;
}

/** The nodes around a position, from the outermost. */
function enclosing(cell, cursor) {
  const found = [];
  for (let node = parse(cell).resolveInner(cursor, -1); node; node = node.parent)
    found.unshift(node);
  return found;
}

/** Add what one of the nodes around the cursor binds for those inside it. */
function reach(names, node, cell, cursor) {
  const { name } = node;
  if (name === "Script") collect(names, bindings(node, cursor), cell);
  if (INNER.includes(name)) {
    const list = node.getChild("ParamList");
    for (const parameter of list?.getChildren("VariableName") ?? [])
      if (parameter.prevSibling?.name !== "AssignOp")
        add(names, parameter, "parameter", list, cell);
    const body = node.getChild("Body");
    if (body) collect(names, bindings(body, cursor), cell);
  }
  if (name.endsWith("ComprehensionExpression"))
    for (const target of looped(node)) add(names, target, "variable", node, cell);
  if (name === "TryStatement") {
    const caught = renamed(node).filter((target) => target.to < cursor).at(-1);
    if (caught) add(names, caught, "variable", node, cell);
  }
}

function collect(names, pairs, cell) {
  for (const [node, targets] of pairs) {
    const gone = node.name === "DeleteStatement" && node.getChildren("VariableName");
    for (const name of gone || []) names.delete(text(name, cell));
    const kind = KINDS[node.name] ?? "variable";
    for (const target of targets) add(names, target, kind, node, cell);
  }
}

function add(names, target, kind, node, cell) {
  if (target.name !== "VariableName") return; // an attribute or an item is no name
  const label = text(target, cell);
  if (label !== "_") names.set(label, new Name(label, kind, node, cell));
}

/* Members: of a class, of `self`, of a name to which an instance was assigned */

/** The members of what the name `base` stands for, as far as the source tells. */
export function members(base, names) {
  const found = names.get(base);
  const own = found && (found.kind === "parameter" ? ownerOf(found) : null);
  const made = found?.kind === "variable" ? names.get(classOf(found)) : null;
  if (found?.kind === "class") return inClass(found, false);
  if (own) return inClass({ node: own, cell: found.cell }, true);
  return made?.kind === "class" ? inClass(made, true) : new Map();
}

/** Where a parameter is the first of a method: the class. */
function ownerOf({ label, node, cell }) {
  const isFirst = text(node.getChild("VariableName"), cell) === label;
  let outer = node.parent.parent;
  if (outer?.name === "DecoratedStatement") outer = outer.parent;
  return isFirst && outer?.parent?.name === "ClassDefinition" ? outer.parent : null;
}

/** What is called in `name = Class(…)`. */
function classOf({ node, cell }) {
  const value = node.name === "AssignStatement" && node.lastChild;
  const called = value?.name === "CallExpression" && value.firstChild;
  return called?.name === "VariableName" ? text(called, cell) : null;
}

function inClass({ node, cell }, isInstance) {
  const found = new Map();
  const body = node.getChild("Body");
  if (!body) return found;
  collect(found, bindings(body), cell);
  const methods = [...found.values()].filter((member) => member.kind === "function");
  if (isInstance) for (const method of methods) attributes(found, method);
  return found;
}

/** What a method assigns to attributes of its first parameter. */
function attributes(found, { node, cell }) {
  const self = node.getChild("ParamList")?.getChild("VariableName");
  const body = node.getChild("Body");
  if (!self || !body) return;
  for (const [statement, targets] of bindings(body))
    for (const target of targets) {
      const [base, name] = [target.firstChild, target.getChild("PropertyName")];
      if (!name || text(base, cell) !== text(self, cell)) continue;
      const label = text(name, cell);
      if (!found.has(label))
        found.set(label, new Name(label, "attribute", statement, cell));
    }
}

/* What the cursor is at */

/** What could be completed at the cursor: {from, base}, where `base` is the name before
    a dot, "" where there is none, and null where it is no plain name or no code. */
export function toComplete(cell, cursor) {
  const node = parse(cell).resolveInner(cursor, -1);
  const from = /[\p{L}\p{N}_]*$/u.exec(cell.source.slice(0, cursor)).index;
  if (/String|Comment/.test(node.name)) return { from, base: null };
  const member = node.name === "MemberExpression" ? node : node.parent;
  const dot = member?.name === "MemberExpression" && member.getChild(".");
  if (!dot || dot.to > from) return { from, base: "" };
  const base = member.firstChild;
  return { from, base: base.name === "VariableName" ? text(base, cell) : null };
}

/** What to explain at the cursor: the name it is in; else what is called by the
    parentheses around it; else the name it is behind. {from, to, path}, where from and
    to enclose the call, and `path` is null if it is more than names with dots. */
export function toExplain(cell, cursor) {
  const tree = parse(cell);
  const inside = tree.resolveInner(cursor, 1);
  if (isName(inside) && inside.from <= cursor) return explained(inside, inside, cell);
  for (let node = tree.resolveInner(cursor, -1); node; node = node.parent)
    if (node.name === "ArgList" && node.prevSibling && node.from < cursor)
      return explained(node.prevSibling, node.parent, cell);
  const behind = tree.resolveInner(cursor, -1);
  return isName(behind) ? explained(behind, behind, cell) : null;
}

/* A `print` without parentheses is read as Python 2's statement. */
const NAMES = ["VariableName", "PropertyName", "print"];
const isName = (node) => NAMES.includes(node.name);

function explained(node, around, cell) {
  const whole = node.name === "PropertyName" ? node.parent : node;
  const path = isPath(whole) ? text(whole, cell).replace(/\s/g, "") : null;
  return { from: around.from, to: around.to, path };
}

function isPath(node) {
  if (node.name === "VariableName" || node.name === "print") return true;
  const isMember = node.name === "MemberExpression" && node.getChild("PropertyName");
  return Boolean(isMember) && isPath(node.firstChild);
}

/* What the source says about one */

/** The Name of a path like "join" or "self.join", or undefined. */
export function find(path, names) {
  const [base, member, ...more] = path?.split(".") ?? [];
  if (more.length) return undefined;
  return member === undefined ? names.get(base) : members(base, names).get(member);
}

const LINES = 8; // of a statement that are shown

/** {heading, words}: the `def` or `class` line with its docstring, or the statement. */
export function describe({ kind, node, cell }) {
  if (kind === "parameter") return { heading: heading(node.parent, cell), words: "" };
  if (kind === "function" || kind === "class")
    return { heading: heading(node, cell), words: docstring(node, cell) };
  const lines = text(node, cell).split("\n");
  const cut = lines.length > LINES ? ["…"] : [];
  return { heading: [...lines.slice(0, LINES), ...cut].join("\n"), words: "" };
}

/** The line of a definition; below a class's, that of its `__init__`. */
function heading(node, cell) {
  const end = node.getChild("Body")?.from ?? node.to;
  const line = cell.source.slice(node.from, end).replace(/\s+/g, " ").trim();
  const isClass = node.name === "ClassDefinition";
  const made = isClass && inClass({ node, cell }, false).get("__init__");
  return made ? `${line}\n    ${heading(made.node, cell)}` : line;
}

function docstring(node, cell) {
  const statement = node.getChild("Body")?.firstChild?.nextSibling;
  const literal = statement?.name === "ExpressionStatement" && statement.firstChild;
  if (literal?.name !== "String") return "";
  const quoted = /^[a-z]*("""|'''|"|')(.*)\1$/is.exec(text(literal, cell));
  return quoted ? dedent(quoted[2]) : "";
}

/** Without the indentation of all lines but the first, as inspect.cleandoc does it. */
function dedent(words) {
  const [begin, ...lines] = words.split("\n");
  const depths = lines.filter((line) => line.trim()).map((line) => line.search(/\S/));
  const depth = depths.length ? Math.min(...depths) : 0;
  return [begin, ...lines.map((line) => line.slice(depth))].join("\n").trim();
}
