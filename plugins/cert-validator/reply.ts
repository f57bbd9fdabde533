import { X509_ERRORS, type X509ErrorName } from 'portcullis/plugin'

/** An error that the helper has found. */
export interface FoundError {
  readonly name: X509ErrorName | 'name-mismatch' | 'policy'
  /** The helper's text; empty if it has given none. */
  readonly reason: string
}

/** What a helper has answered. `broken`: it cannot decide, or its answer cannot be read; nothing is accepted. */
export type HelperReply =
  | { readonly kind: 'ok' }
  | { readonly kind: 'err'; readonly errors: readonly FoundError[] }
  | { readonly kind: 'broken'; readonly why: string }

/** Errors of Squid's own, beside those of OpenSSL. */
const SQUID_ERRORS: Readonly<Record<string, FoundError['name']>> = {
  SQUID_X509_V_ERR_DOMAIN_MISMATCH: 'name-mismatch',
  SQUID_X509_V_ERR_CERT_CHANGE: 'policy',
  SQUID_X509_V_ERR_INFINITE_VALIDATION: 'policy',
  SQUID_ERR_SSL_HANDSHAKE: 'policy',
}

/**
 * Reads a reply without the channel's number and without its end (0x01): `OK LENGTH BODY`, `ERR LENGTH BODY`, or
 * `BH message="…"`. As in Squid, a body with anything unknown makes the whole reply useless.
 */
export function parseReply(text: string): HelperReply {
  if (/^BH(\s|$)/.test(text)) return broken(`says it is broken: ${text.slice(2).trim()}`)
  const [, code, digits, body] = /^(OK|ERR)\s+(\d{1,8})(?:\s([\s\S]*))?$/.exec(text.trimStart()) ?? []
  if (code === undefined) return broken(`answers ${JSON.stringify(text.slice(0, 80))}`)
  const bytes = Buffer.from(body ?? '')
  const length = Number(digits)
  if (bytes.length < length || bytes.subarray(length).toString().trim() !== '')
    return broken(`announces ${length} bytes and sends ${bytes.length}`)
  const errors = parseBody(bytes.subarray(0, length).toString())
  if (typeof errors === 'string') return broken(errors)
  if (code === 'OK') return { kind: 'ok' }
  return errors.length > 0 ? { kind: 'err', errors } : broken('answers ERR and names no error')
}

const broken = (why: string): HelperReply => ({ kind: 'broken', why })

const END = '-----END CERTIFICATE-----'

/** What is wrong, or the errors in the order of their numbers. */
function parseBody(body: string): readonly FoundError[] | string {
  const drafts = new Map<string, { name?: FoundError['name']; reason?: string }>()
  let rest = body.trimStart()
  while (rest !== '') {
    const [, key = '', number = ''] =
      /^(error_name_|error_reason_|error_cert_|error_depth_|cert_)(\w+)=/.exec(rest) ?? []
    if (key === '') return `sends an unknown parameter: ${JSON.stringify(rest.slice(0, 80))}`
    rest = rest.slice(key.length + number.length + 1)
    if (key === 'cert_') {
      const end = rest.indexOf(END)
      if (end < 0) return `sends cert_${number} without its end`
      rest = rest.slice(end + END.length).trimStart()
      continue
    }
    const end = rest.indexOf('\n')
    const value = (end < 0 ? rest : rest.slice(0, end)).trim()
    rest = end < 0 ? '' : rest.slice(end).trimStart()
    const draft = drafts.get(number) ?? {}
    drafts.set(number, draft)
    if (key === 'error_reason_') draft.reason = value
    if (key === 'error_depth_' && !/^\d+$/.test(value)) return `sends error_depth_${number}=${value}`
    if (key === 'error_name_') {
      const name = nameOf(value)
      if (name === undefined) return `names an unknown error: ${value}`
      draft.name = name
    }
  }
  const errors: FoundError[] = []
  for (const [number, { name, reason = '' }] of [...drafts].sort(([a], [b]) => Number(a) - Number(b))) {
    if (name === undefined) return `sends error ${number} without a name`
    errors.push({ name, reason })
  }
  return errors
}

function nameOf(text: string): FoundError['name'] | undefined {
  if (Object.hasOwn(SQUID_ERRORS, text)) return SQUID_ERRORS[text]
  return Object.hasOwn(X509_ERRORS, text) ? (text as X509ErrorName) : undefined
}
