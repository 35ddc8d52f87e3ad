/**
 * Arguments that are changed on their way: two functions more, one beside the function that made the value,
 * and one beside the one that takes it. Only what the first returned has to travel.
 */
import type { DagFunction, FunctionArgument } from "./dag-function.ts";
import type { StepContext } from "./step-context.ts";

/** What a serialiser hands to its deserialiser. */
export interface Converted {
  /** The node on which it was converted. */
  readonly source: string;
  readonly data: unknown;
}

/** The functions, each behind those that convert its arguments, whose results it takes in their place. */
export function withConversions(functions: readonly DagFunction[]): DagFunction[] {
  const inline = new Set(functions.filter((fn) => fn.inline).map(({ id }) => id));
  return functions.flatMap((fn) => {
    const conversions: DagFunction[] = [];
    const args = fn.args.map((arg) => {
      const pair = conversionOf(fn, arg, 1 + conversions.length / 2, !inline.has(arg.id));
      if (pair === undefined) return arg;
      conversions.push(...pair);
      return { id: pair[1].id };
    });
    return [...conversions, { ...fn, args }];
  });
}

/** What the ids of the two begin with. */
const SERIALIZE = "serialize-";
const DESERIALIZE = "deserialize-";

/** Whether a step serialises: its result is a `Converted`. */
export const serializes = (functions: readonly DagFunction[], step: string): boolean =>
  step.startsWith(SERIALIZE) && !functions.some(({ id }) => id === step);

const COMMON = { extraArgs: [], inline: false, asList: false, stage: {} } as const;

function conversionOf(
  consumer: DagFunction,
  { id: producer, serialize, deserialize }: FunctionArgument,
  nth: number,
  placed: boolean,
): [DagFunction, DagFunction] | undefined {
  if (serialize === undefined || deserialize === undefined) return undefined;
  const name = `${producer}-${consumer.id}${nth === 1 ? "" : `-${nth}`}`;
  const target = consumer.node ?? null;
  const there: DagFunction = {
    ...COMMON,
    id: `${SERIALIZE}${name}`,
    args: [{ id: producer }],
    ...(placed ? { collocated: producer } : {}),
    async code(this: StepContext, value: never): Promise<Converted> {
      return { source: this.node, data: await serialize(value, this.node, target) };
    },
  };
  const here: DagFunction = {
    ...COMMON,
    id: `${DESERIALIZE}${name}`,
    args: [{ id: there.id }],
    ...(consumer.inline ? {} : { collocated: consumer.id }),
    code(this: StepContext, { source, data }: Converted): unknown {
      return deserialize(data as never, source, this.node);
    },
  };
  return [there, here];
}
