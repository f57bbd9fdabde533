/** How one character may be written in what an origin sends back. */

/** A character that was found behind an escape. */
export interface Escaped {
  readonly code: number
  readonly end: number
}

/** What escapes begin with. */
export const LEADS = ['%', '\\', '&']
/** The most characters of one escape. */
const MAX_ESCAPE = 32
/** How often a percent sign, a backslash, an ampersand may be escaped itself. */
const MAX_LEVELS = 4

/** Names of HTML for characters that are escaped in practice. */
const NAMED: ReadonlyMap<string, string> = new Map(
  Object.entries({
    ...{
      excl: '!',
      quot: '"',
      num: '#',
      dollar: '$',
      percnt: '%',
      amp: '&',
      apos: "'",
      lpar: '(',
      rpar: ')',
    },
    ...{
      ast: '*',
      plus: '+',
      comma: ',',
      period: '.',
      sol: '/',
      colon: ':',
      semi: ';',
      lt: '<',
      equals: '=',
    },
    ...{
      gt: '>',
      quest: '?',
      commat: '@',
      lsqb: '[',
      bsol: '\\',
      rsqb: ']',
      lowbar: '_',
      lcub: '{',
      vert: '|',
    },
    rcub: '}',
  }),
)

/** What could become an escape with the next bytes: of URLs; of JSON, JavaScript and C; of HTML. */
const BEGUN =
  /^(?:%(?:25){0,3}(?:2|[0-9a-f])?|\\{1,4}(?:u(?:\{[0-9a-f]{0,6}|[0-9a-f]{0,3})|U[0-9a-f]{0,7}|x[0-9a-f]?|[0-3][0-7]?)?|&(?:amp;){0,2}(?:#x?[0-9a-f]{0,10}|[a-z]{0,6})?)$/i

/** Whether the text ends in the middle of an escape that begins at this place. */
export const isBegun = (text: string, at: number): boolean =>
  text.length - at < MAX_ESCAPE && BEGUN.test(text.slice(at))

const HEX = /[0-9a-f]{2}/iy
const BEHIND_BACKSLASH = [
  /u00([0-9a-f]{2})/iy,
  /u\{0{0,4}([0-9a-f]{2})\}/iy,
  /U000000([0-9a-f]{2})/y,
  /x([0-9a-f]{2})/iy,
]
const OCTAL = /[01][0-7]{2}/y
const ITSELF = /[^0-9A-Za-z]/y
const DECIMAL = /#0{0,6}([0-9]{1,3});?/y
const HEXADECIMAL = /#x0{0,6}([0-9a-f]{2});?/iy
const NAME = /([a-z]{2,6});/iy

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Every reading of an escape that begins at this place. */
export function escapesAt(text: string, at: number): readonly Escaped[] {
  if (text[at] === '%') return percentAt(text, at + 1)
  if (text[at] === '\\') return backslashAt(text, at + 1)
  return text[at] === '&' ? entityAt(text, at + 1) : NONE
}

const NONE: readonly Escaped[] = []

function percentAt(text: string, from: number): Escaped[] {
  const found: Escaped[] = []
  for (let level = 0, at = from; level < MAX_LEVELS; level++, at += 2) {
    const hex = matchAt(HEX, text, at)
    if (hex === null) break
    found.push({ code: Number.parseInt(hex[0], 16), end: at + 2 })
    if (hex[0] !== '25') break
  }
  return found
}

function backslashAt(text: string, from: number): Escaped[] {
  const found: Escaped[] = []
  for (let level = 0, at = from; level < MAX_LEVELS; level++, at++) {
    for (const pattern of BEHIND_BACKSLASH) {
      const hex = matchAt(pattern, text, at)?.[1]
      if (hex !== undefined) found.push({ code: Number.parseInt(hex, 16), end: pattern.lastIndex })
    }
    const octal = matchAt(OCTAL, text, at)?.[0]
    if (octal !== undefined) found.push({ code: Number.parseInt(octal, 8), end: at + 3 })
    if (matchAt(ITSELF, text, at) !== null) found.push({ code: text.charCodeAt(at), end: at + 1 })
    if (text[at] !== '\\') break
  }
  return found
}

function entityAt(text: string, from: number): Escaped[] {
  const found: Escaped[] = []
  for (let level = 0, at = from; level < MAX_LEVELS; level++, at += 4) {
    const decimal = matchAt(DECIMAL, text, at)?.[1]
    if (decimal !== undefined) found.push({ code: Number(decimal), end: DECIMAL.lastIndex })
    const hex = matchAt(HEXADECIMAL, text, at)?.[1]
    if (hex !== undefined) found.push({ code: Number.parseInt(hex, 16), end: HEXADECIMAL.lastIndex })
    const named = NAMED.get(matchAt(NAME, text, at)?.[1]?.toLowerCase() ?? '')
    if (named !== undefined) found.push({ code: named.charCodeAt(0), end: NAME.lastIndex })
    if (!text.startsWith('amp;', at)) break
  }
  return found
}
