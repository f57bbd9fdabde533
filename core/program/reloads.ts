import { errorText } from '../base/edge.js'

const FAILED = {
  configuration: 'reload failed, the old configuration goes on',
  plugins: 'reload of plugins failed, the old ones go on',
}

/** What a reload reads: the files and the plugins, or the plugins alone, with the configuration in force. */
export type Reloaded = 'configuration' | 'plugins'

/** Reloads of the configuration, one after another; what is wrong with one is logged, and the old one goes on. */
export class Reloads {
  readonly #work: (what: Reloaded) => Promise<readonly string[]>
  readonly #error: (message: string) => void
  #last: Promise<unknown> = Promise.resolve()

  /** @param work reads the configuration and puts it in force; returns the records that need a restart */
  constructor(work: (what: Reloaded) => Promise<readonly string[]>, error: (message: string) => void) {
    this.#work = work
    this.#error = error
  }

  /**
   * Returns the records that have changed and need a restart, with the place where they were set.
   * @throws {ProxyError} what is wrong with the configuration
   */
  run(what: Reloaded = 'configuration'): Promise<readonly string[]> {
    const reload = this.#last.then(() => this.#work(what))
    this.#last = reload.catch((cause: unknown) => {
      const lines = [FAILED[what], ...errorText(cause).split('\n')]
      for (const line of lines) this.#error(line)
    })
    return reload
  }

  /** Does something while no reload is running: one that begins meanwhile waits. @throws what `work` throws */
  alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => undefined)
    return done
  }

  /** When none is running. */
  async ended(): Promise<void> {
    await this.#last
  }
}
