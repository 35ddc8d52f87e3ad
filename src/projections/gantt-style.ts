/**
 * What a Gantt chart looks like. Classes with plain colours, said twice: many programs that draw SVG know
 * neither variables nor the colours of the page around it.
 */

/** Lines across a bar, so that what was lost is seen without its colour. */
export const LOST_HATCH =
  '<pattern id="gantt-lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">' +
  '<rect class="lost-ground" width="6" height="6"/><line class="lost-line" x1="0" y1="0" x2="0" y2="6"/></pattern>';

const LIGHT = `
.page{fill:#ffffff}
.head,.node,.legend text{fill:#1f2328}
.axis text{fill:#59636e}
.axis line{stroke:#d1d9e0}
.rule{stroke:#d1d9e0}
.host{fill:#8250df}
.bar rect{stroke:#ffffff}
.bar.completed rect{fill:#1f6feb}
.bar.failed rect{fill:#b3261e}
.bar.cancelled rect{fill:#6e7781}
.bar.running rect{fill:#ffffff;stroke:#1f6feb}
.bar text{fill:#ffffff}
.bar.lost text{fill:#7a0c05}
.bar.running text{fill:#1f2328}
.lost-ground{fill:#ffe3e0}
.lost-line{stroke:#f0a09a}
.bar.lost rect{stroke:#b3261e}
.cross{stroke:#b3261e}`;

const DARK = `
.page{fill:#0d1117}
.head,.node,.legend text{fill:#e6edf3}
.axis text{fill:#9198a1}
.axis line{stroke:#2a313c}
.rule{stroke:#3d444d}
.host{fill:#a371f7}
.bar rect{stroke:#0d1117}
.bar.completed rect{fill:#1b5fc1}
.bar.running rect{fill:#0d1117;stroke:#58a6ff}
.bar.lost text{fill:#ffd7d3}
.bar.running text{fill:#e6edf3}
.lost-ground{fill:#3b1513}
.lost-line{stroke:#7d2e29}
.bar.lost rect{stroke:#ff7b72}
.cross{stroke:#ff7b72}`;

/** The chart's style sheet: every rule of it within the chart, also when that stands in a page. */
export const CHART_STYLE = `
.millrace-gantt text{font:10px ui-sans-serif,system-ui,sans-serif}
.millrace-gantt .head{font-size:14px;font-weight:600}
.millrace-gantt .node{font-size:12px}
.millrace-gantt .axis text{text-anchor:middle}
.millrace-gantt .bar.lost rect{fill:url(#gantt-lost)}
.millrace-gantt .bar.running rect{stroke-dasharray:3 2}
.millrace-gantt .lost-line{stroke-width:4}
.millrace-gantt .cross{fill:none;stroke-width:2}${within(LIGHT)}
@media (prefers-color-scheme:dark){${within(DARK)}
}
`;

function within(rules: string): string {
  return rules.replaceAll(/^\./gm, ".millrace-gantt .").replaceAll(/,\./g, ",.millrace-gantt .");
}
