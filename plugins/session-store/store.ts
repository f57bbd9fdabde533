/** Where sessions are kept. Whatever goes wrong is a rejected promise; a session that is not there is undefined. */
export interface Store {
  get(name: string): Promise<Buffer | undefined>
  /** @param lifetime milliseconds */
  set(name: string, bytes: Buffer, lifetime: number): Promise<void>
  delete(name: string): Promise<void>
  /** Drops calls in flight. */
  close(): void
}
