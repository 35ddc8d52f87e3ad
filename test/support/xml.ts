/**
 * A strict reader of XML documents for tests: what it takes is well-formed. It knows elements, attributes,
 * text and references, and refuses what it does not know, such as comments and document types.
 */

/** An element with what is in it. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

interface OpenElement extends XmlElement {
  readonly children: (XmlElement | string)[];
}

const NAME = "[A-Za-z_:][A-Za-z0-9_:.-]*";
const TAG = new RegExp(
  `<(?:/(${NAME})\\s*|(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?))>`,
  "y",
);
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"]*)"|'([^']*)')`, "g");
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;
const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

/** The root of the document. @throws Error that says what is wrong, and where */
export function parseXml(text: string): XmlElement {
  const bad = FORBIDDEN.exec(text);
  if (bad) throw new Error(`a character that XML forbids at ${bad.index}`);
  const top: OpenElement = { name: "", attributes: {}, children: [] };
  const open = [top];
  for (let at = 0; at < text.length; ) {
    const into = open.at(-1) ?? top;
    if (text[at] !== "<") {
      const end = text.indexOf("<", at) < 0 ? text.length : text.indexOf("<", at);
      const words = resolved(text.slice(at, end));
      if (into === top && words.trim() !== "") throw new Error(`text beside the root: ${words}`);
      if (into !== top) into.children.push(words);
      at = end;
      continue;
    }
    TAG.lastIndex = at;
    const tag = TAG.exec(text);
    if (tag === null) throw new Error(`no tag at ${at}: ${text.slice(at, at + 80)}`);
    const [whole, ended, name = "", attributes = "", empty] = tag;
    at += whole.length;
    if (ended !== undefined) {
      if (open.pop()?.name !== ended) throw new Error(`</${ended}> closes what is not open`);
      continue;
    }
    const element: OpenElement = {
      name,
      attributes: attributesIn(attributes),
      children: [],
    };
    into.children.push(element);
    if (empty === "") open.push(element);
  }
  const roots = top.children.filter((child) => typeof child !== "string");
  const [root] = roots;
  if (open.length !== 1 || root === undefined || roots.length > 1) throw new Error("not one root");
  return root;
}

function attributesIn(text: string): Record<string, string> {
  const all: Record<string, string> = {};
  for (const [, name = "", double, single] of text.matchAll(ATTRIBUTE)) {
    if (name in all) throw new Error(`attribute ${name} twice`);
    all[name] = resolved(double ?? single ?? "");
  }
  return all;
}

function resolved(text: string): string {
  return text.replaceAll(/&([^;\s]*;?)/g, (whole, reference: string) => {
    const [, decimal, hex, name = ""] =
      /^(?:#(\d+)|#x([0-9a-fA-F]+)|(\w+));$/.exec(reference) ?? [];
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    const known = NAMED[name];
    if (known === undefined) throw new Error(`${whole} is no reference`);
    return known;
  });
}

/** Every element below, itself included, in the order of the document. */
export function* elements(root: XmlElement): Generator<XmlElement> {
  yield root;
  for (const child of root.children) if (typeof child !== "string") yield* elements(child);
}

/** The text in an element. */
export const textOf = ({ children }: XmlElement): string =>
  children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
