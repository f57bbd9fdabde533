import { readFileSync } from 'node:fs'
import type { BuiltInResult, Certificate, PeerEvidence } from '../api/certificate.js'
import { ProxyError } from '../base/errors.js'
import { Schemas } from '../base/schema.js'
import { describe } from '../base/thrown.js'
import { readX509 } from '../base/x509.js'
import { certificateOf } from '../tls/judge/chain-certificate.js'
import { type VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'

/** How a handshake ended, or would. */
export interface SavedVerdict {
  readonly verdict: 'accepted' | 'rejected'
  /** What decided, and why; for people, and to be compared. */
  readonly by: string
}

/** A handshake in a file: what the origin showed, and what was made of it. Certificates and OCSP are base64 of DER. */
export interface SavedChain extends SavedVerdict {
  readonly portcullis: 1
  readonly host: string
  readonly port: number
  readonly sni: string | null
  readonly protocol: string
  readonly cipher: string | null
  readonly alpn: string | null
  readonly chain: readonly string[]
  readonly builtChain: readonly string[]
  readonly ocspResponse: string | null
  /** Older files have none. */
  readonly sctList?: string | null
  readonly builtIn: BuiltInResult
  readonly checks: PeerEvidence['checks']
}

const TEXT = { type: 'string' } as const
const DERS = { type: 'array', items: { type: 'string', pattern: '^[A-Za-z0-9+/]+=*$' } } as const
const RESULT = {
  type: 'object',
  properties: {
    ok: { type: 'boolean' },
    name: TEXT,
    code: { type: 'integer' },
    depth: { type: 'integer' },
    message: TEXT,
  },
  required: ['ok', 'name', 'code', 'depth', 'message'],
} as const

const savedChainCheck = new Schemas({ allowUnionTypes: true }).check<SavedChain>({
  type: 'object',
  properties: {
    portcullis: { const: 1 },
    verdict: { enum: ['accepted', 'rejected'] },
    by: TEXT,
    host: TEXT,
    port: { type: 'integer' },
    sni: { type: ['string', 'null'] },
    protocol: TEXT,
    cipher: { type: ['string', 'null'] },
    alpn: { type: ['string', 'null'] },
    chain: { ...DERS, minItems: 1 },
    builtChain: DERS,
    ocspResponse: { type: ['string', 'null'] },
    sctList: { type: ['string', 'null'] },
    builtIn: RESULT,
    checks: {
      type: 'object',
      properties: { signature: RESULT, name: RESULT, rule: RESULT },
      required: ['signature', 'name'],
    },
  },
  required: ['portcullis', 'verdict', 'by', 'host', 'port', 'chain', 'builtChain', 'builtIn', 'checks'],
})

/** In one form for all that may decide. */
export function verdictOf(end: VerifiedPeer | VerifyRejected): SavedVerdict {
  if (!(end instanceof VerifyRejected)) return { verdict: 'accepted', by: end.decidedBy }
  const { by, plugin, name } = end.rejection
  return { verdict: 'rejected', by: `${by}${plugin === undefined ? '' : ` ${plugin}`} ${name}` }
}

export function toSaved(evidence: PeerEvidence, port: number, verdict: SavedVerdict): SavedChain {
  const base64 = ({ der }: Certificate): string => der.toString('base64')
  return {
    portcullis: 1,
    ...verdict,
    host: evidence.host,
    port,
    sni: evidence.sni ?? null,
    protocol: evidence.protocol,
    cipher: evidence.cipher ?? null,
    alpn: evidence.alpn ?? null,
    chain: evidence.chain.map(base64),
    builtChain: evidence.builtChain.map(base64),
    ocspResponse: evidence.ocspResponse?.toString('base64') ?? null,
    sctList: evidence.sctList?.toString('base64') ?? null,
    builtIn: evidence.builtIn,
    checks: evidence.checks,
  }
}

export function toEvidence(saved: SavedChain): PeerEvidence {
  const certificates = (texts: readonly string[]): readonly Certificate[] =>
    texts.map(text => certificateOf(Buffer.from(text, 'base64')))
  return {
    sni: saved.sni ?? undefined,
    host: saved.host,
    chain: certificates(saved.chain),
    builtChain: certificates(saved.builtChain),
    builtIn: saved.builtIn,
    checks: saved.checks,
    ocspResponse: bytesOf(saved.ocspResponse),
    sctList: bytesOf(saved.sctList ?? null),
    protocol: saved.protocol,
    // Older files have it as an empty text.
    cipher: saved.cipher || undefined,
    alpn: saved.alpn ?? undefined,
  }
}

const bytesOf = (text: string | null): Buffer | undefined =>
  text === null ? undefined : Buffer.from(text, 'base64')

/** @throws {ProxyError} PTC_SAVED_CHAIN that names the file */
export function readSavedChain(file: string): SavedChain {
  const isSavedChain = savedChainCheck()
  try {
    const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (isSavedChain(value)) {
      // OpenSSL has read what a handshake shows; what is in a file may be anything.
      for (const text of [...value.chain, ...value.builtChain]) readX509(Buffer.from(text, 'base64'))
      return value
    }
  } catch (cause) {
    throw new ProxyError('PTC_SAVED_CHAIN', `${file}: ${describe(cause)}`, { cause })
  }
  const [error] = isSavedChain.errors ?? []
  throw new ProxyError(
    'PTC_SAVED_CHAIN',
    `${file}: ${error?.instancePath || 'the file'} ${error?.message ?? 'is not what was saved'}`,
  )
}
