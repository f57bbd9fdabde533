/** What a plugin in a worker can have done in the proxy. A name that is added stops the build until `calls.ts` does it. */
export const CALL_NAMES = [
  /** Of the turn `seq`. */
  'turn',
  'fetch',
  'state.get',
  'state.set',
  'state.add',
  'state.delete',
  'state.increment',
  'state.keys',
] as const
export type CallName = (typeof CALL_NAMES)[number]
