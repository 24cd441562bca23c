// Module resolution for the processes that tfjsNode.mjs starts: @tensorflow/tfjs-node lies in the folder that the
// environment names, everything else where it always does.

/** @type {import('node:module').ResolveHook} */
export function resolve(specifier, context, nextResolve) {
  if (specifier !== '@tensorflow/tfjs-node') return nextResolve(specifier, context);
  return nextResolve(specifier, { ...context, parentURL: process.env.RLPD_TFJS_NODE });
}
