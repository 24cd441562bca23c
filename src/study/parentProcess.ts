/**
 * The process that started this one. It may be gone: killed a moment ago, of which this one need not have heard yet, and
 * a message that then fails would end it, whatever it had still to put away.
 */
export function tellParent(message: object): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** Nothing more will be said, and nothing is waited for. */
export function leaveParent(): void {
  if (process.connected) process.disconnect();
}
