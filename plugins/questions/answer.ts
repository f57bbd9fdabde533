import { type Reason, type Verdict, X509_ERRORS, type X509ErrorName } from 'portcullis/plugin'

/** The functions of a plugin's context that make verdicts. */
export interface VerdictMakers {
  readonly accept: typeof import('portcullis/plugin').accept
  readonly reject: typeof import('portcullis/plugin').reject
}

/** The words of Reason: a word added there stops the build until it is here. */
const REASONS: Readonly<Record<Reason, true>> = {
  policy: true,
  'untrusted-issuer': true,
  'name-mismatch': true,
  expired: true,
  'not-yet-valid': true,
  revoked: true,
  unsupported: true,
  unknown: true,
  internal: true,
}

const KEYS = ['verdict', 'reason', 'detail', 'cacheFor', 'expiresIn']

/**
 * The verdict that an answer in JSON is: `{"verdict": "accept", "cacheFor": 60000, "expiresIn": 3600000}` or
 * `{"verdict": "reject", "reason": "revoked", "detail": "on the list"}`.
 * @throws {Error} that says what is wrong; nothing but exactly these keys and types is a verdict
 */
export function parseAnswer(text: string, { accept, reject }: VerdictMakers): Verdict {
  const answer = readObject(text)
  const { verdict, reason = 'policy', detail, cacheFor, expiresIn } = answer
  for (const key of Object.keys(answer))
    if (!KEYS.includes(key)) throw new Error(`the answer has an unknown key ${quote(key)}`)
  if (detail !== undefined && typeof detail !== 'string')
    throw new Error('the detail of the answer is no string')
  if (verdict === 'reject') {
    if (!isReason(reason)) throw new Error(`the answer rejects for an unknown reason: ${quote(reason)}`)
    return reject(reason, detail)
  }
  if (verdict !== 'accept') throw new Error(`the verdict is neither accept nor reject: ${quote(verdict)}`)
  if (answer['reason'] !== undefined) throw new Error('the answer accepts, and has a reason for a rejection')
  return accept({
    ...(cacheFor === undefined ? {} : { cacheFor: milliseconds('cacheFor', cacheFor) }),
    ...(expiresIn === undefined ? {} : { expiresIn: milliseconds('expiresIn', expiresIn) }),
  })
}

interface Answer {
  readonly [key: string]: unknown
  readonly verdict?: unknown
  readonly reason?: unknown
  readonly detail?: unknown
  readonly cacheFor?: unknown
  readonly expiresIn?: unknown
}

function readObject(text: string): Answer {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Error(`the answer is no JSON: ${quote(text)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`the answer is no object: ${quote(text)}`)
  return value as Answer
}

const isReason = (word: unknown): word is Reason | X509ErrorName =>
  typeof word === 'string' && (Object.hasOwn(REASONS, word) || Object.hasOwn(X509_ERRORS, word))

function milliseconds(key: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new Error(`${key} of the answer is no number of milliseconds: ${quote(value)}`)
}

const quote = (value: unknown): string => (JSON.stringify(value) ?? 'undefined').slice(0, 80)
