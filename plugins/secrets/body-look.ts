import type { Secret } from './secrets-file.js'

/** Looks for placeholders in a body that comes in pieces. It keeps as many bytes as a placeholder has. */
export class BodyLook {
  readonly #secrets: readonly Secret[]
  readonly #keep: number
  #tail = ''

  constructor(secrets: readonly Secret[]) {
    this.#secrets = secrets
    this.#keep = Math.max(...secrets.map(({ placeholder }) => placeholder.length)) - 1
  }

  /** @returns the secret whose placeholder is in what has come so far */
  push(bytes: Buffer): Secret | undefined {
    const text = this.#tail + bytes.toString('latin1').toLowerCase()
    this.#tail = text.slice(-this.#keep)
    return this.#secrets.find(({ placeholder }) => text.includes(placeholder.toLowerCase()))
  }
}
