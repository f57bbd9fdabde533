import type Inspector from 'node:inspector'

/** A Node may have been built without one. */
const inspector: typeof Inspector | undefined = await import('node:inspector').then(
  ({ default: found }) => found,
  () => undefined,
)

/** The port of the open inspector. Plugins may open it, too: asked for anew each time. */
export function inspectorPort(): number | undefined {
  const url = inspector?.url()
  return url === undefined ? undefined : Number(new URL(url).port)
}

/**
 * Closes an inspector that a signal has opened before anything of the program could run. One that the operator has asked
 * for by an option of Node's stays.
 */
export async function closeUnasked(
  execArgv: readonly string[],
  nodeOptions: string | undefined,
): Promise<void> {
  const options = [...execArgv, ...(nodeOptions ?? '').split(/\s+/)]
  if (options.some(option => /^--(?:inspect|inspect-brk|inspect-wait|debug)(?:=|$)/.test(option))) return
  // The signal reaches a thread of Node's first, and the inspector opens with a turn of the loop.
  for (let i = 0; i < 2; i++) await new Promise(setImmediate)
  if (inspectorPort() !== undefined) inspector?.close()
}
