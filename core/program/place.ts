import type { ConfigPlace } from '../settings/settings.js'

/** Where a proxy finds what it needs; filled in by the command line, or by a test. */
export interface Place extends ConfigPlace {
  /** Where the plugins lie that come with the program. */
  readonly shippedDirs: readonly string[]
  /** Whether the running Node strips types. */
  readonly stripsTypes: boolean
  /** Writes one line to a standard stream. */
  readonly print: (stream: 'stdout' | 'stderr', line: string) => void
  /** `-T`: debug tags that win over the records. */
  readonly debugTags?: string
  /** The version of the program: processes of different versions may judge differently. */
  readonly version?: string
}
