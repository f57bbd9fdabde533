import { closeSync, fchmodSync, openSync, writeSync } from 'node:fs'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'

const OWNER_ONLY = 0o600

/** A file for the secrets of sessions, for its owner alone: a user that can read it can read the traffic. */
export class KeyLogFile {
  #fd: number | undefined

  /** @throws {ProxyError} PTC_CONFIG_UNREADABLE when it cannot be opened for its owner alone */
  constructor(file: string, record: string) {
    try {
      this.#fd = openSync(file, 'a', OWNER_ONLY)
      fchmodSync(this.#fd, OWNER_ONLY)
    } catch (cause) {
      this.close()
      const text = `${record}: cannot open ${file}: ${describe(cause)}`
      throw new ProxyError('PTC_CONFIG_UNREADABLE', text, { cause })
    }
  }

  readonly write = (line: string): void => {
    if (this.#fd !== undefined) writeSync(this.#fd, `${line}\n`)
  }

  /** Safe to call twice. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
