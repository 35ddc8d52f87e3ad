/** The demo's result as one HTML page: bars for the top terms, and a concordance to search in. */
import type { Term } from "./pipeline.ts";

export interface Report {
  readonly dir: string;
  readonly files: number;
  readonly top: readonly Pick<Term, "word" | "count" | "files">[];
  readonly concordance: readonly Term[];
}

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export function renderReport({ dir, files, top, concordance }: Report): string {
  const most = Math.max(1, ...top.map((term) => term.count));
  const bars = top.map(
    ({ word, count, files: inFiles }) =>
      `<tr><th>${escaped(word)}</th><td><div style="width:${Math.round((100 * count) / most)}%"></div></td>` +
      `<td>${count}</td><td>${inFiles} files</td></tr>`,
  );
  const entries = concordance.map(
    ({ word, count, lines }) =>
      `<section><h3>${escaped(word)} <small>${count}</small></h3><ul>${lines
        .map(
          ({ file, line }) =>
            `<li><code>${escaped(line)}</code> <small>${escaped(file)}</small></li>`,
        )
        .join("")}</ul></section>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Words of ${escaped(dir)}</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
  table { width: 100%; border-collapse: collapse; }
  th { text-align: right; font-weight: 500; padding-right: .8rem; white-space: nowrap; }
  td:nth-child(2) { width: 60%; }
  td div { background: #3b82f6; height: .9rem; border-radius: .2rem; }
  td + td { text-align: right; font-variant-numeric: tabular-nums; padding-left: .8rem; }
  small { opacity: .6; font-weight: 400; }
  h3 { margin: 1rem 0 .2rem; } ul { margin: 0; } code { font-size: .85em; }
</style>
<h1>Words of ${escaped(dir)}</h1>
<p>${files} files, ${concordance.length} terms.</p>
<h2>Most frequent</h2>
<table>${bars.join("\n")}</table>
<h2>Concordance</h2>
${entries.join("\n")}
</html>
`;
}
