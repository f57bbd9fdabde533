import { ProxyError } from '../base/errors.js'
import type { ServingProcess } from './supervisor.js'

export interface RollingParts {
  /** Those that stop stand behind the others, and leave when they have ended. */
  readonly places: ServingProcess[]
  readonly newPlace: () => ServingProcess
  readonly isStopping: () => boolean
  /** Does something while no reload is running: a process prepares one configuration at a time. */
  readonly alone: <T>(work: () => Promise<T>) => Promise<T>
  readonly note: (message: string) => void
  readonly error: (message: string) => void
}

/**
 * Replaces the processes one after another. A new one begins with the program and the configuration as they are on disk; once it
 * serves, the old one takes no new client, and ends when its requests have ended. So there are never fewer that serve, and no
 * connection is refused. It ends with the first new process that does not serve: the old ones that are left go on.
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
    const { isStopping } = this.#parts
    if (this.#lasts || isStopping())
      throw new ProxyError('PTC_ADMIN_REQUEST', 'the processes are being replaced already, or end')
    this.#lasts = true
    try {
      await this.#parts.alone(() => this.#check())
    } catch (cause) {
      this.#lasts = false
      throw cause
    }
    const all = this.#parts.places.filter(({ isStopping }) => !isStopping)
    void this.#replaceAll(all, grace).finally(() => {
      this.#lasts = false
    })
    return all.length
  }

  /** @throws {ProxyError} what would keep a process from its start */
  async #check(): Promise<void> {
    const first = this.#parts.places.find(({ isServing }) => isServing)
    await first?.call('prepareReload')
    await first?.call('abandonReload')
  }

  async #replaceAll(all: readonly ServingProcess[], grace: number): Promise<void> {
    for (const [i, old] of all.entries()) {
      const isReplaced = await this.#replace(old, grace)
      if (this.#parts.isStopping()) return
      const which = `process ${i + 1} of ${all.length}`
      if (!isReplaced)
        return this.#parts.error(
          `${which}: the new one does not serve; the restart ends here, the old one goes on`,
        )
      this.#parts.note(`${which} is replaced`)
    }
  }

  /** @returns whether the new one serves; the old one ends in the background */
  async #replace(old: ServingProcess, grace: number): Promise<boolean> {
    const { places, newPlace } = this.#parts
    const successor = newPlace()
    places.splice(places.indexOf(old), 1, successor)
    places.push(old)
    await successor.startFirst()
    if (successor.isServing) {
      void old.stop(grace).then(() => places.splice(places.indexOf(old), 1))
      return true
    }
    places.splice(places.indexOf(old), 1)
    places.splice(places.indexOf(successor), 1, old)
    return false
  }
}
