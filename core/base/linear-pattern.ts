import { createRequire } from 'node:module'
import { describe } from './thrown.js'

/** Answers whether a text matches. The time it takes grows with the text's length and with nothing else of it. */
export interface LinearTest {
  (text: string): boolean
  /** What a character may cost: instructions, in the worst case. */
  readonly cost: number
}

/** What is wrong with a pattern, and what to write instead. */
export interface WrongPattern {
  readonly wrong: string
}

export interface PatternOptions {
  /** The whole of the text must match, or its beginning. */
  readonly anchor: 'whole' | 'beginning'
  readonly ignoresCase?: boolean
}

/** What a character of a text may cost: an instruction each, in the worst case. Patterns in use have fewer than 100. */
const MAX_INSTRUCTIONS = 250

const require = createRequire(import.meta.url)

/**
 * Compiles a regular expression of the operator's, in the syntax of RE2. The texts it is asked about may be an
 * attacker's: a backtracking engine takes exponential time for some, and this one does not.
 *
 * This is the only place where a regular expression is made of a text.
 */
export function linearPattern(
  source: string,
  { anchor, ignoresCase = false }: PatternOptions,
): LinearTest | WrongPattern {
  const { RE2JS } = require('re2js') as typeof import('re2js')
  const flags = ignoresCase ? RE2JS.CASE_INSENSITIVE : 0
  try {
    // Compiled alone first: `a)(?:b` is wrong, though the brackets of the anchor would repair it.
    const pattern = RE2JS.compile(source, flags)
    if (pattern.programSize() > MAX_INSTRUCTIONS)
      return wrong(source, 'it is too large; use smaller repeats, or several patterns')
    const cost = pattern.programSize()
    if (anchor === 'whole') return Object.assign((text: string) => pattern.testExact(text), { cost })
    const anchored = RE2JS.compile(`\\A(?:${source})`, flags)
    return Object.assign((text: string) => anchored.test(text), { cost })
  } catch (cause) {
    return wrong(source, describe(cause))
  }
}

function wrong(source: string, why: string): WrongPattern {
  const remedy = 'the syntax is that of RE2, without look-around and back-references, with repeats up to 1000'
  return {
    wrong: `${JSON.stringify(source)} is not a regular expression that can be used: ${why}; ${remedy}`,
  }
}
