/** A Gantt chart read back from its SVG: lanes and bars, with their places in pixels. */
import { elements, parseXml, textOf, type XmlElement } from "./xml.ts";

export interface Bar {
  readonly node: string;
  readonly step: string;
  readonly attempt: number;
  readonly end: string;
  readonly row: number;
  readonly left: number;
  readonly right: number;
  /** What is told of it: its tooltip. */
  readonly title: string;
  /** It is marked by more than its colour. */
  readonly crossed: boolean;
}

export interface Chart {
  readonly title: string;
  readonly description: string;
  readonly nodes: readonly string[];
  readonly bars: readonly Bar[];
  /** The texts of the time axis and of the legend. */
  readonly axis: readonly string[];
  readonly legend: readonly string[];
  readonly width: number;
}

const hasClass = ({ attributes }: XmlElement, name: string): boolean =>
  (attributes["class"] ?? "").split(" ").includes(name);

/** @throws Error for what is not well-formed, and for an SVG that nobody can be told of */
export function readChart(svg: string): Chart {
  const root = parseXml(svg);
  if (root.name !== "svg" || root.attributes["role"] !== "img") throw new Error("no SVG image");
  const all = [...elements(root)];
  const [title, description] = (root.attributes["aria-labelledby"] ?? "").split(" ").map((id) => {
    const found = all.filter(({ attributes }) => attributes["id"] === id);
    if (found.length !== 1) throw new Error(`${found.length} elements are ${id}`);
    return found.map(textOf).join();
  });
  const lanes = all.filter((element) => hasClass(element, "lane"));
  const textsIn = (name: string): string[] =>
    all
      .filter((element) => hasClass(element, name))
      .flatMap((group) => [...elements(group)].filter((one) => one.name === "text").map(textOf));
  return {
    title: title ?? "",
    description: description ?? "",
    nodes: lanes.map(({ attributes }) => attributes["data-node"] ?? ""),
    bars: lanes.flatMap((lane) =>
      [...elements(lane)]
        .filter((element) => hasClass(element, "bar"))
        .map((bar) => barOf(lane.attributes["data-node"] ?? "", bar)),
    ),
    axis: textsIn("axis"),
    legend: textsIn("legend"),
    width: Number(root.attributes["width"]),
  };
}

function barOf(node: string, bar: XmlElement): Bar {
  const inside = [...elements(bar)];
  const rect = inside.find(({ name }) => name === "rect")?.attributes ?? {};
  const left = Number(rect["x"]);
  return {
    node,
    step: bar.attributes["data-step"] ?? "",
    attempt: Number(bar.attributes["data-attempt"]),
    end: bar.attributes["data-end"] ?? "",
    row: Number(bar.attributes["data-row"]),
    left,
    right: left + Number(rect["width"]),
    title: inside
      .filter(({ name }) => name === "title")
      .map(textOf)
      .join(),
    crossed: inside.some((element) => hasClass(element, "cross")),
  };
}
