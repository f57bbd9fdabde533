/** The forms in which a secret may come back: as it is, in hexadecimal, and in base64 behind and before other bytes. */
import { escapesAt, isBegun } from './escapes.js'

/** The codes of characters, one of which is meant. */
type Token = ReadonlySet<number>

/** A row of characters, each of which may be written in several ways. */
export interface Form {
  readonly tokens: readonly Token[]
  readonly between: Break | undefined
}

/** What may stand between two characters. */
interface Break {
  /** From the place of `lastIndex` on; it matches nothing, too. */
  readonly whole: RegExp
  /** What could become one with the next bytes. */
  readonly begun: RegExp
  /** It stands behind each so many characters. */
  readonly every: number
}

/** Lines are broken. */
const BASE64_BREAK: Break = {
  whole: /(?:(?:\r?\n|\\r\\n|\\n)[ \t]{0,2})?/y,
  begun: /^(?:\r|\\|\\r|\\r\\|(?:\r?\n|\\r\\n|\\n)[ \t]{0,2})$/,
  every: 1,
}
/** Bytes are set apart. */
const HEX_BREAK: Break = { whole: /[:, -]{0,2}(?:0x)?/y, begun: /^[:, -]{0,2}(?:0x?)?$/, every: 2 }
/** The most characters of a break. */
const MAX_BREAK = 8

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** @param secret ASCII */
export function formsOf(secret: string): readonly Form[] {
  const bytes = Buffer.from(secret, 'latin1')
  return [
    { tokens: [...secret].map(anyCase), between: undefined },
    { tokens: [...bytes.toString('hex')].map(anyCase), between: HEX_BREAK },
    ...[0, 1, 2].map(before => ({ tokens: base64Tokens(bytes, before), between: BASE64_BREAK })),
  ]
}

const tokenOf = (characters: readonly string[]): Token =>
  new Set(characters.map(character => character.charCodeAt(0)))

/** A server may change the case of what it sends back, and writes a blank as a plus sign in a form. */
const anyCase = (character: string): Token =>
  tokenOf([character.toLowerCase(), character.toUpperCase(), character === ' ' ? '+' : character])

/**
 * The characters of base64 that have a bit of the secret. At its ends a character has bits of others as well: then each
 * character with these bits of the secret is meant.
 * @param before how many bytes of others stand before it in its group of three
 */
function base64Tokens(secret: Buffer, before: number): readonly Token[] {
  const bits = [...secret].map(byte => byte.toString(2).padStart(8, '0')).join('')
  const all = '?'.repeat(before * 8) + bits
  const groups = all.padEnd(Math.ceil(all.length / 6) * 6, '?').match(/.{6}/g) ?? []
  return groups
    .filter(group => /[01]/.test(group))
    .map(group => tokenOf([...BASE64].filter((_, value) => hasBits(value, group)).flatMap(urlSafe)))
}

/** @param bits six of 0, 1 and ?, which stands for both */
const hasBits = (value: number, bits: string): boolean =>
  [...value.toString(2).padStart(6, '0')].every((bit, i) => bits[i] === '?' || bits[i] === bit)

/** The two characters that the base64 of URLs has in place of others. */
const urlSafe = (character: string): string[] =>
  character === '+' ? ['+', '-'] : character === '/' ? ['/', '_'] : [character]

/** What was found of a form at one place. */
export type Found =
  /** `mayGrow`: with the next bytes it could turn out to be longer. */
  | { readonly kind: 'whole'; readonly end: number; readonly mayGrow: boolean }
  /** The text ends before the form does. */
  | { readonly kind: 'begun'; readonly tokens: number }
  | { readonly kind: 'none' }

const NONE: Found = { kind: 'none' }

/** Looks for a form at one place of a text; each character of the text is one byte. */
export function findAt(text: string, at: number, { tokens, between }: Form): Found {
  let places: readonly number[] = [at]
  let begun: Found = NONE
  let mayGrow = false
  for (const [index, token] of tokens.entries()) {
    const next = new Set<number>()
    const apart = between !== undefined && index > 0 && index % between.every === 0 ? between : undefined
    for (const place of places) {
      if (isBreakBegun(text, place, apart)) {
        begun = { kind: 'begun', tokens: index }
        mayGrow = true
      }
      for (const start of startsOf(text, place, apart)) {
        if (start >= text.length || isBegun(text, start)) {
          begun = { kind: 'begun', tokens: index }
          mayGrow = true
        }
        if (token.has(text.charCodeAt(start))) next.add(start + 1)
        for (const { code, end } of escapesAt(text, start)) {
          if (!token.has(code)) continue
          next.add(end)
          if (end === text.length && text[start] === '&' && text[end - 1] !== ';') mayGrow = true
        }
      }
    }
    if (next.size === 0) return begun
    places = [...next]
  }
  return { kind: 'whole', end: Math.max(...places), mayGrow }
}

function startsOf(text: string, place: number, between: Break | undefined): readonly number[] {
  if (between === undefined) return [place]
  const { whole } = between
  whole.lastIndex = place
  const end = whole.test(text) ? whole.lastIndex : place
  return end === place ? [place] : [place, end]
}

const isBreakBegun = (text: string, place: number, between: Break | undefined): boolean =>
  between !== undefined && text.length - place <= MAX_BREAK && between.begun.test(text.slice(place))
