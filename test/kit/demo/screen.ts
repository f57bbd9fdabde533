/** Colours for a terminal that has them. Without, text stays as it is. */
const CODES = { good: 32, bad: 31, wait: 33, dim: 2, bold: 1 } as const

export type Style = keyof typeof CODES | 'plain'
export type Paint = (style: Style, text: string) => string

export const noColours: Paint = (_, text) => text

export const colours: Paint = (style, text) =>
  style === 'plain' || text === '' ? text : `\x1b[${CODES[style]}m${text}\x1b[0m`

/** Below it a picture does not fit and lines would wrap. */
const NARROWEST = 64
const WIDEST = 110

/** Where the demo shows what it shows: on a terminal a picture that moves, anywhere else its last frame alone. */
export class Screen {
  readonly paint: Paint
  readonly width: number
  readonly #out: NodeJS.WriteStream
  #frame = 0

  constructor(out: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    const isPlain = !out.isTTY || env['TERM'] === 'dumb' || (env['NO_COLOR'] ?? '') !== ''
    this.#out = out
    this.paint = isPlain ? noColours : colours
    this.width = Math.min(WIDEST, Math.max(NARROWEST, out.columns ?? 80))
  }

  print(...lines: string[]): void {
    this.#frame = 0
    this.#out.write(lines.map(line => `${line}\n`).join(''))
  }

  /** Draws over the frame before, where the terminal can do that and the frame fits on it. */
  frame(lines: readonly string[]): void {
    const { isTTY, columns = 0, rows = 0 } = this.#out
    if (!isTTY || columns < this.width || rows <= lines.length) return
    const back = this.#frame === 0 ? '' : `\x1b[${this.#frame}A\x1b[J`
    this.#out.write(back + lines.map(line => `${line}\n`).join(''))
    this.#frame = lines.length
  }

  /** The last frame, which stays. */
  finalFrame(lines: readonly string[]): void {
    const back = this.#frame === 0 ? '' : `\x1b[${this.#frame}A\x1b[J`
    this.#out.write(back)
    this.print(...lines)
  }
}
