/** Whose frames were too many, and of which kind: each connection that was cut off for it in this process, since its start. */
export const FLOODS = new Map<string, { readonly side: string; readonly frames: string; count: number }>()

/** Labels and number of each. */
export const floods = (): readonly (readonly [{ side: string; frames: string }, number])[] =>
  [...FLOODS.values()].map(({ side, frames, count }) => [{ side, frames }, count])

/** Counts one connection that is cut off. @param frames their kind, of a short list */
export function flooded(side: 'client' | 'origin', frames: string): void {
  const key = `${side} ${frames}`
  const known = FLOODS.get(key)
  if (known === undefined) FLOODS.set(key, { side, frames, count: 1 })
  else known.count += 1
}
