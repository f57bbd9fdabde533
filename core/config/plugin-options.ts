import { didYouMean } from '../base/nearest.js'
import { quote } from './config-file.js'

/** What a line of plugin.config says to Portcullis, not to the plugin: `@name=value`. */
export interface PluginOptions {
  /** Milliseconds that each call of this plugin may hold a handshake; absent: only the deadline of the record counts. */
  readonly deadline?: number
  /** `worker` runs the plugin in a thread of its own. */
  readonly isolate: 'none' | 'worker'
  /** `shadow` logs the verdict and does not act on it. */
  readonly mode: 'enforce' | 'shadow'
  /** What silence at this plugin's deadline means: a rejection, or what the built-in check says. */
  readonly late: 'reject' | 'builtin'
}

export type OptionsReading = { readonly options: PluginOptions } | { readonly wrong: string }

const WORDS = {
  '@isolate': ['none', 'worker'],
  '@mode': ['enforce', 'shadow'],
  '@late': ['reject', 'builtin'],
} as const

const KNOWN = ['@deadline', ...Object.keys(WORDS)]
const MAX_DEADLINE = 2_147_483_647

type Draft = { -readonly [K in keyof PluginOptions]?: PluginOptions[K] }

/** Reads the tokens that begin with `@`. */
export function readOptions(tokens: readonly string[]): OptionsReading {
  const draft: Draft = {}
  const seen = new Set<string>()
  for (const token of tokens) {
    const [name, value] = splitOption(token)
    if (!KNOWN.includes(name))
      return {
        wrong: `unknown option ${quote(name)}${didYouMean(name, KNOWN) || `; the options are ${KNOWN.join(', ')}`}`,
      }
    if (seen.has(name)) return { wrong: `${name} is given twice` }
    seen.add(name)
    const wrong = putOption(name, value, draft)
    if (wrong !== undefined) return { wrong: `${name}: ${wrong}` }
  }
  return { options: Object.freeze({ isolate: 'none', mode: 'enforce', late: 'reject', ...draft }) }
}

function splitOption(token: string): readonly [string, string] {
  const at = token.indexOf('=')
  return at === -1 ? [token, ''] : [token.slice(0, at), token.slice(at + 1)]
}

/** Returns what is wrong. */
function putOption(name: string, value: string, draft: Draft): string | undefined {
  if (name === '@deadline') {
    draft.deadline = Number(value)
    return /^\d{1,10}$/.test(value) && draft.deadline >= 1 && draft.deadline <= MAX_DEADLINE
      ? undefined
      : `${quote(value)} is not a number of milliseconds from 1 to ${MAX_DEADLINE}`
  }
  const words: readonly string[] = WORDS[name as keyof typeof WORDS]
  if (!words.includes(value))
    return `${quote(value)} is not accepted; it must be one of ${words.join(', ')}${didYouMean(value, words)}`
  Object.assign(draft, { [name.slice(1)]: value })
  return undefined
}
