/** Ids for what is asked for by name, again and again: `name`, `name#2`, `name#3` … (`#` is in no name). */

/** A counter of its own for each name. */
export function numbered(): (name: string) => string {
  const uses = new Map<string, number>();
  return (name) => {
    const use = (uses.get(name) ?? 0) + 1;
    uses.set(name, use);
    return use === 1 ? name : `${name}#${use}`;
  };
}
