/**
 * Rewrites the head of a response whose lines are untidy, so that a strict parser can judge it. What RFC 9112 permits a
 * client to mend is mended: lines that end with a bare LF (section 2.2), folded fields (section 5.2), blanks in front of a
 * colon (section 5.1), and a length that is said several times in the same way (section 6.3). All else stays as it is.
 *
 * Life: lines -> complete, or -> refused by a line that cannot be part of a head.
 */
export class HeadMender {
  readonly #lines: string[] = []
  /** A line whose end has not come. */
  #partial = ''
  /** Bytes taken so far. */
  bytes = 0

  /**
   * Takes bytes of a head.
   * @returns how many belong to the head, once it is complete; `more` before; `refused` for what is no head
   */
  take(bytes: Buffer): number | 'more' | 'refused' {
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(LF, at)
      const isWhole = end !== -1
      this.#partial += bytes.toString('latin1', at, isWhole ? end : bytes.length)
      this.bytes += (isWhole ? end + 1 : bytes.length) - at
      if (!isWhole) return this.#mayBeHead ? 'more' : 'refused'
      const line = this.#partial.endsWith('\r') ? this.#partial.slice(0, -1) : this.#partial
      this.#partial = ''
      at = end + 1
      if (line === '' && this.#lines.length > 0) return at
      if (!this.#add(line)) return 'refused'
    }
    return 'more'
  }

  /** What is no HTTP is refused before its first line ends: there may be none. */
  get #mayBeHead(): boolean {
    return this.#lines.length > 0 || PROTOCOL.startsWith(this.#partial.slice(0, PROTOCOL.length))
  }

  /** The mended head, with its empty line. */
  get text(): string {
    return `${withOneLength(withoutCodings(this.#lines)).join('\r\n')}\r\n\r\n`
  }

  #add(line: string): boolean {
    const lines = this.#lines
    if (lines.length === 0) return STATUS_LINE.test(line) && lines.push(line) > 0
    const last = lines.length - 1
    if (isBlank(line, 0)) {
      if (last === 0) return false // RFC 9112 section 2.2: it belongs to no field
      const text = blankless(line)
      if (text !== '') lines[last] += ` ${text}` // no copy of what came before: a field may have thousands of folds
      return true
    }
    const colon = line.indexOf(':')
    const name = line.slice(0, withoutBlanks(line, Math.max(colon, 0)))
    if (name === '') return false
    lines.push(`${name}${line.slice(colon, withoutBlanks(line, line.length))}`)
    return true
  }
}

const LF = 0x0a
const PROTOCOL = 'HTTP/1.'
const STATUS_LINE = /^HTTP\/1\.[01] [1-9][0-9][0-9](?: |$)/
const BODILESS = /^HTTP\/1\.[01] (?:1..|204|304)/
const CODING = /^transfer-encoding:/i
const LENGTH = /^content-length:/i

/** A response without a body has none, whatever its framing says (RFC 9112 section 6.3). */
const withoutCodings = (lines: readonly string[]): readonly string[] =>
  BODILESS.test(lines[0] ?? '') ? lines.filter(line => !CODING.test(line)) : lines

/** Lengths that are all the same become one. Others stay, and are refused. */
function withOneLength(lines: readonly string[]): readonly string[] {
  const said = lines.filter(line => LENGTH.test(line))
  const [first, ...others] = said.flatMap(line => line.slice(line.indexOf(':') + 1).split(',')).map(blankless)
  if (first === undefined || !/^[0-9]+$/.test(first) || others.some(other => other !== first)) return lines
  return [...lines.filter(line => !LENGTH.test(line)), `Content-Length: ${first}`]
}

/** Blanks are spaces and tabs, and nothing else that JavaScript trims. */
const isBlank = (text: string, at: number): boolean => text[at] === ' ' || text[at] === '\t'

/** Where a text ends without the blanks in front of `end`. */
function withoutBlanks(text: string, end: number): number {
  let at = end
  while (at > 0 && isBlank(text, at - 1)) at -= 1
  return at
}

function blankless(text: string): string {
  let from = 0
  while (isBlank(text, from)) from += 1
  return text.slice(from, Math.max(from, withoutBlanks(text, text.length)))
}
