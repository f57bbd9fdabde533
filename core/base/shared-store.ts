/** What the processes of a fleet share beside what they know themselves. */
export type SharedKind = 'verdict' | 'session'

/**
 * A store beside the proxy that all processes of a fleet share. Items are sealed, and each has an end. A program that can
 * write to the store may take items away, or put back what was there once: so an item says itself when it was made and when it
 * ends, and its reader believes no more than that.
 *
 * No call throws or waits longer than the limit of the store.
 */
export interface SharedStore {
  /**
   * Since when this process has heard all that others have revoked, and all that it has revoked itself can be heard by them:
   * milliseconds since the epoch. Undefined: it goes on alone, and the store is not asked.
   */
  readonly readySince: number | undefined
  /** Milliseconds that an item lives at most; 0: nothing of this kind is shared. */
  lifeOf(kind: SharedKind): number
  /** What is stored under these ids, in their order; undefined where there is nothing that was sealed for the id. */
  get(kind: SharedKind, ids: readonly string[]): Promise<readonly (Buffer | undefined)[]>
  /** The same for one id, and takes it out: no other process gets it. */
  take(kind: SharedKind, id: string): Promise<Buffer | undefined>
  /** @param life milliseconds, whole */
  set(kind: SharedKind, id: string, item: Uint8Array, life: number): void
  delete(kind: SharedKind, ids: readonly string[]): void
}
