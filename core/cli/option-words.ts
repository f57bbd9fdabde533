/** Options as they are typed: `--conf-dir`, `-D`. */
import { OPTIONS, type OptionName, type OptionRow } from './command-table.js'

export const wordsOf = (options: readonly OptionName[]): readonly string[] =>
  options.flatMap(name => {
    const { short }: OptionRow = OPTIONS[name]
    return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]
  })

/** Those with a value that is completed so; `undefined`: not at all. */
export const valued = (kind: OptionRow['completes']): readonly string[] =>
  wordsOf(
    (Object.keys(OPTIONS) as OptionName[]).filter(name => {
      const { type, completes }: OptionRow = OPTIONS[name]
      return type === 'string' && completes === kind
    }),
  )

/** Those whose next word is their value. */
export const ALL_WITH_VALUE: readonly string[] = [
  ...valued('file'),
  ...valued('folder'),
  ...valued(undefined),
]
