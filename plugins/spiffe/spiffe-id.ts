/** A SPIFFE ID, in its two parts. */
export interface SpiffeId {
  readonly trustDomain: string
  /** Begins with a slash; empty for the trust domain itself. */
  readonly path: string
}

const ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/
const MAX_LENGTH = 2048

/** Undefined for what the SPIFFE standard does not allow: ports, queries, empty or dotted segments, other characters. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  const [, trustDomain, path = ''] = text.length > MAX_LENGTH ? [] : (ID.exec(text) ?? [])
  if (trustDomain === undefined || path.split('/').some(part => part === '.' || part === '..'))
    return undefined
  return { trustDomain, path }
}

export const isTrustDomain = (text: string): boolean => parseSpiffeId(`spiffe://${text}`)?.path === ''

/**
 * Whether an ID is one that an operator has named: exactly, or with a final `/*` every ID below that path.
 * @throws {Error} for what is neither
 */
export function parseIdPattern(text: string): (id: string) => boolean {
  const isPrefix = text.endsWith('/*')
  const stem = isPrefix ? text.slice(0, -2) : text
  if (parseSpiffeId(stem) === undefined)
    throw new Error(`"${text}" is no SPIFFE ID: write spiffe://domain/path, or spiffe://domain/path/*`)
  return id => (isPrefix ? id.startsWith(`${stem}/`) : id === stem)
}
