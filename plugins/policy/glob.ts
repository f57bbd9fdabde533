/**
 * A text with `*` for any characters, also none. The time it takes grows with the text alone: certificates and names are
 * chosen by strangers.
 */
export function parseGlob(pattern: string, ignoresCase = false): (text: string) => boolean {
  const fold = (text: string): string => (ignoresCase ? text.toLowerCase() : text)
  const [first = '', ...rest] = fold(pattern).split('*')
  const last = rest.pop()
  return given => {
    const text = fold(given)
    if (last === undefined) return text === first
    if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
      return false
    let at = first.length
    for (const part of rest) {
      const found = text.indexOf(part, at)
      if (found < 0) return false
      at = found + part.length
    }
    return at <= text.length - last.length
  }
}
