/**
 * For the processes that tests start, through NODE_OPTIONS: each loads some 370 small files, and half of its
 * start is Node looking for what their 2,000 imports mean. Among sources an import says it itself.
 */
import { registerHooks } from "node:module";

registerHooks({
  resolve(specifier, context, next) {
    const isSource = specifier.startsWith(".") && specifier.endsWith(".ts");
    if (!isSource || context.parentURL === undefined) return next(specifier, context);
    const { href } = new URL(specifier, context.parentURL);
    return { url: href, format: "module-typescript", shortCircuit: true };
  },
});
