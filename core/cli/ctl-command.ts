import { ProxyError } from '../base/errors.js'
import { didYouMean } from '../base/nearest.js'
import type { OptionValues } from './command-line.js'
import type { Send } from './ctl-client.js'

export type CtlOptions = OptionValues & {
  /** What follows `ctl`. */
  readonly words: readonly string[]
}

/** What to send, and the answer's words. */
export interface Command {
  readonly run: (send: Send) => Promise<unknown>
  readonly text: (answer: never) => readonly string[]
  /** Whether there is nothing more to watch. */
  readonly isDone?: ((answer: never) => boolean) | undefined
}

/** Typed where it is made: what `run` answers is what `text` takes. */
export const command = <T>(
  run: (send: Send) => Promise<T>,
  text: (answer: T) => readonly string[],
  isDone?: (answer: T) => boolean,
): Command => ({
  run,
  text,
  isDone,
})

/** @throws {ProxyError} PTC_USAGE for a form that there is not */
export function formatOf({ json, format = json === true ? 'json' : 'text' }: OptionValues): 'json' | 'text' {
  if (format !== 'json' && format !== 'text') throw usage(`--format takes json or text, not ${format}`)
  return format
}

export const usage = (message: string): ProxyError => new ProxyError('PTC_USAGE', message)

/** @throws {ProxyError} PTC_USAGE */
export function none(name: string, args: readonly string[]): void {
  if (args.length > 0) throw usage(`ctl ${name} takes no arguments; given: ${args.join(' ')}`)
}

/** A command that takes no words behind its name. */
export const alone =
  (name: string, make: (options: CtlOptions) => Command) =>
  (args: readonly string[], options: CtlOptions): Command => {
    none(name, args)
    return make(options)
  }

export const reloading = (): Command =>
  command(
    send => send<{ generation: number; needRestart: readonly string[] }>('POST', '/v1/reload'),
    ({ generation, needRestart }) => [
      `configuration read, for the ${ordinal(generation)} time`,
      ...needRestart.map(record => `needs a restart: ${record}`),
    ],
  )

/** `plugin reload NAME` */
export const reloadingPlugin = (name: string): Command =>
  command(
    send =>
      send<{ generation: number; plugins: readonly string[] }>(
        'POST',
        `/v1/plugins/${encodeURIComponent(name)}/reload`,
      ),
    ({ plugins }) => {
      const others = plugins.filter(one => one !== name)
      return [
        others.length === 0
          ? `plugin ${name} is loaded anew`
          : `plugin ${name} is loaded anew, and with it all others: ${others.join(', ')}`,
        'the configuration stays as it was read',
      ]
    },
  )

function ordinal(n: number): string {
  const ending = n % 100 >= 11 && n % 100 <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][n % 10] ?? 'th')
  return `${n}${ending}`
}

/**
 * What a table has for a word behind the name of a command.
 * @throws {ProxyError} PTC_USAGE with all words of the table, and the nearest
 */
export function pick<T>(name: string, table: Readonly<Record<string, T>>, word: string): T {
  const found = Object.hasOwn(table, word) ? table[word] : undefined
  if (found === undefined)
    throw usage(`${name} takes ${Object.keys(table).join(', ')}${didYouMean(word, Object.keys(table))}`)
  return found
}
