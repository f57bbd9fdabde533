/** The format of an error page. */

export type Format = 'html' | 'json' | 'problem' | 'text'

export const CONTENT_TYPES = {
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  problem: 'application/problem+json',
  text: 'text/plain; charset=utf-8',
} as const satisfies Record<Format, string>

/**
 * What the client prefers (RFC 9110 section 12.5.1): of equal weights what stands first. Where it names none of ours:
 * text for clients in a terminal, HTML for all others.
 */
export function formatFor(accept: string | undefined, userAgent: string | undefined): Format {
  let best: Format | undefined
  let bestWeight = 0
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...parameters] = range.split(';').map(part => part.trim())
    const format = formatOf(type)
    const weight = weightOf(parameters)
    if (format === undefined || weight <= bestWeight) continue
    best = format
    bestWeight = weight
  }
  return best ?? (/^(?:curl|wget)\//i.test(userAgent ?? '') ? 'text' : 'html')
}

function formatOf(type: string): Format | undefined {
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (type === 'application/problem+json') return 'problem'
  if (/^application\/(?:[a-z0-9.+-]*\+)?json$/.test(type)) return 'json'
  return type === 'text/plain' ? 'text' : undefined
}

/** An unreadable weight counts as 1, as a missing one does. */
function weightOf(parameters: readonly string[]): number {
  const text = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  return text !== undefined && /^(?:0|1)(?:\.\d{0,3})?$/.test(text) ? Number(text) : 1
}
