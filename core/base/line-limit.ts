import { after } from './timer.js'

/** Milliseconds that are counted together. */
const WINDOW = 1000

/** Lets a number of log lines pass in a second, and counts those beyond. */
export class LineLimit {
  readonly #perSecond: number
  readonly #tell: (omitted: number) => void
  #timer: NodeJS.Timeout | undefined
  #passed = 0
  #omitted = 0

  /** @param tell hears at the end of a second how many lines were left out, if any were */
  constructor(perSecond: number, tell: (omitted: number) => void) {
    this.#perSecond = perSecond
    this.#tell = tell
  }

  /** @returns whether the next line may be written */
  passes(): boolean {
    this.#timer ??= after(
      WINDOW,
      () => this.#next(),
      () => {}, // one line about lines
    ).unref()
    if (this.#passed >= this.#perSecond) {
      this.#omitted += 1
      return false
    }
    this.#passed += 1
    return true
  }

  #next(): void {
    const omitted = this.#omitted
    this.#timer = undefined
    this.#passed = 0
    this.#omitted = 0
    if (omitted > 0) this.#tell(omitted)
  }
}
