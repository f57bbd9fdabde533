import { createHmac } from 'node:crypto'

const PREFIX = 'whsec_'
/** Bytes; shorter secrets can be guessed. */
const MIN_SECRET = 16

/**
 * The secrets of a file, one a line: `whsec_` and base64, or any other text of at least 16 bytes. Every one of them signs, so
 * that a secret can be replaced without a gap.
 * @throws {Error} when there is none, or one is too short
 */
export function parseSecrets(text: string): readonly Buffer[] {
  const lines = text.split('\n').map(line => line.trim())
  const secrets = lines.flatMap(line => {
    if (line === '' || line.startsWith('#')) return []
    return [line.startsWith(PREFIX) ? Buffer.from(line.slice(PREFIX.length), 'base64') : Buffer.from(line)]
  })
  if (secrets.length === 0) throw new Error('has no secret')
  if (secrets.some(secret => secret.length < MIN_SECRET))
    throw new Error(`has a secret of less than ${MIN_SECRET} bytes`)
  return secrets
}

/**
 * The header fields of Standard Webhooks: an id, the time in seconds, and for each secret `v1,` and the HMAC-SHA256 of
 * `ID.TIME.BODY` in base64.
 */
export function signedFields(
  id: string,
  at: Date,
  body: string,
  secrets: readonly Buffer[],
): Record<string, string> {
  const time = `${Math.floor(at.getTime() / 1000)}`
  const signatures = secrets.map(
    secret => `v1,${createHmac('sha256', secret).update(`${id}.${time}.${body}`).digest('base64')}`,
  )
  return {
    'webhook-id': id,
    'webhook-timestamp': time,
    ...(signatures.length === 0 ? {} : { 'webhook-signature': signatures.join(' ') }),
  }
}
