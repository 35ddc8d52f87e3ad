/** How far something is, as a bar of a fixed width. */
const CELLS = 30;

/** @param share from 0 to 1 */
export function bar(share: number): string {
  const full = Math.round(share * CELLS);
  return `${"█".repeat(full)}${"░".repeat(CELLS - full)} ${Math.round(share * 100)} %`;
}
