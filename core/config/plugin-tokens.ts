/** One token of a line of plugin.config. What stood in quotes is never an option of ours. */
export interface Token {
  readonly text: string
  readonly isQuoted: boolean
}

/** The tokens of a line (none for an empty line or a comment), or what is wrong with it. */
export type TokensReading = { readonly tokens: readonly Token[] } | { readonly wrong: string }

/** Traffic Server reads lines into a buffer of 1024 bytes and takes the rest for the next line. */
const MAX_LINE_BYTES = 1023
const MAX_TOKENS = 64

/** A blank, a comment to the end of the line, a quoted token, or a token that a blank ends; tried in this order. */
const PIECE = /(?<blank>[ \t\r\n]+)|(?<comment>#.*)|"(?<quoted>[^"]*)(?<close>"?)|(?<plain>[^ \t\r\n#]+)/sy

/**
 * Cuts a line as Traffic Server does: blanks separate, a token that begins with `"` runs to the next `"` (there are no
 * escapes), `#` before a token ends the line. Traffic Server's three guesses are errors: a quote without an end, a line
 * too long for its buffer, and text after a `#` inside a token, which it would make part of that token.
 */
export function tokenize(line: string): TokensReading {
  if (Buffer.byteLength(line) > MAX_LINE_BYTES)
    return { wrong: `the line is longer than ${MAX_LINE_BYTES} bytes` }
  if (line.includes('\0')) return { wrong: 'the line contains a NUL character' }
  const tokens: Token[] = []
  let rest = 0
  while (rest < line.length) {
    const piece = pieceAt(line, rest)
    if (typeof piece === 'string') return { wrong: piece }
    rest = piece.end
    if (piece.token !== undefined) tokens.push(piece.token)
  }
  return tokens.length > MAX_TOKENS
    ? { wrong: `the line has ${tokens.length} tokens; at most ${MAX_TOKENS} are allowed` }
    : { tokens }
}

/** What begins at `start`, or what is wrong with it. */
function pieceAt(line: string, start: number): { readonly end: number; readonly token?: Token } | string {
  PIECE.lastIndex = start
  const { quoted, close, plain } = PIECE.exec(line)?.groups ?? {}
  const end = PIECE.lastIndex
  if (plain !== undefined) return line[end] === '#' ? hashInside(line, start, end) : plainToken(plain, end)
  if (quoted === undefined) return { end }
  if (close === '') return 'a quote is opened and never closed; a token in quotes ends at the next "'
  if (end < line.length && !' \t\r\n#'.includes(line.charAt(end)))
    return `a blank must follow the quote that closes "${quoted}"; there are no escapes`
  return { end, token: { text: quoted, isQuoted: true } }
}

function plainToken(text: string, end: number): { readonly end: number; readonly token: Token } {
  return { end, token: { text, isQuoted: false } }
}

/** `arg#x`: Traffic Server's token goes on to the end of the line, which is what was meant if nothing follows. */
function hashInside(line: string, start: number, hash: number): ReturnType<typeof pieceAt> {
  const text = line.slice(start).trimEnd()
  if (!/[ \t]/.test(text)) return plainToken(text, line.length)
  const token = line.slice(start, hash)
  return `# inside a token does not begin a comment; put a blank before it ("${token} #") or the token in quotes`
}
