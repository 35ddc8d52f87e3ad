/** Ports with something put in between. */

/** A port, some of whose methods are others; the rest keep their own `this`. */
export function over<P extends object>(port: P, others: Partial<P>): P {
  return new Proxy(port, {
    get(target, key) {
      if (key in others) return others[key as keyof P];
      const own: unknown = Reflect.get(target, key);
      return typeof own === "function" ? own.bind(target) : own;
    },
  });
}
