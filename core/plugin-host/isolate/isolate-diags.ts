/** What is told of a plugin in workers. */
export interface IsolateDiags {
  debug(tag: string, message: string): void
  note(message: string): void
  error(message: string): void
  /** An answer of the plugin that reached nothing. */
  ignored(about: string, why: 'second' | 'late'): void
  /** Acceptances that the plugin withdraws; whatever it has passed. */
  revoke(what: unknown): void
}
