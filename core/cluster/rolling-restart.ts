import { ProxyError } from '../base/errors.js'
import type { ServingProcess } from './supervisor.js'

export interface RollingParts {
  readonly places: readonly Pick<ServingProcess, 'call' | 'isServing' | 'replace'>[]
  readonly isStopping: () => boolean
  readonly note: (message: string) => void
  readonly error: (message: string) => void
}

/**
 * Replaces the processes one after another: each lets its requests end while the others take new clients, so that no connection is
 * refused. It ends with the first process that does not serve: those that are left serve with what they have.
 */
export class RollingRestart {
  readonly #parts: RollingParts
  #lasts = false

  constructor(parts: RollingParts) {
    this.#parts = parts
  }

  /**
   * @param grace milliseconds until a process is ended by force
   * @returns how many there are; it goes on behind that
   * @throws {ProxyError} what is wrong with the configuration, or PTC_ADMIN_REQUEST while an earlier restart lasts
   */
  async begin(grace: number): Promise<number> {
    const { places, isStopping } = this.#parts
    if (this.#lasts || isStopping())
      throw new ProxyError('PTC_ADMIN_REQUEST', 'the processes are being replaced already, or end')
    this.#lasts = true
    try {
      await this.#check()
    } catch (cause) {
      this.#lasts = false
      throw cause
    }
    void this.#replaceAll(grace).finally(() => {
      this.#lasts = false
    })
    return places.length
  }

  /** @throws {ProxyError} what would keep a process from its start */
  async #check(): Promise<void> {
    const first = this.#parts.places.find(({ isServing }) => isServing)
    await first?.call('prepareReload')
    await first?.call('abandonReload')
  }

  async #replaceAll(grace: number): Promise<void> {
    const { places, isStopping, note, error } = this.#parts
    for (const [i, place] of places.entries()) {
      await place.replace(grace)
      if (isStopping()) return
      const which = `process ${i + 1} of ${places.length}`
      if (!place.isServing) return error(`${which} does not serve: the restart ends here`)
      note(`${which} is replaced`)
    }
  }
}
