/**
 * Fetches the issuers that an origin has left out, from the URLs in its certificates, while the handshake is parked.
 *
 *     aia intermediates=FILE timeout=5000 max_fetches=8 max_bytes=65536 cache_dir= allow_private=false
 *
 * What is fetched helps the built-in check to build a path, and is never trusted: docs/plugins/aia.md.
 */
import { readFileSync } from 'node:fs'
import type { OptionsOf, OptionsSchema, PluginInit, VerifyServerEvent } from 'portcullis/plugin'
import { readDetails } from 'portcullis/x509'
import { issuersIn } from './aia/issuers.js'

export const optionsSchema = {
  type: 'object',
  properties: {
    intermediates: { type: 'string', format: 'path', description: 'Issuers that are tried first, PEM.' },
    timeout: {
      type: 'integer',
      default: 5000,
      minimum: 1,
      maximum: 60_000,
      description: 'Milliseconds for one handshake.',
    },
    max_fetches: {
      type: 'integer',
      default: 8,
      minimum: 0,
      maximum: 16,
      description: 'Fetches for one handshake.',
    },
    max_bytes: {
      type: 'integer',
      default: 65_536,
      minimum: 1,
      maximum: 1_048_576,
      description: 'Bytes of one answer.',
    },
    cache_dir: { type: 'string', format: 'path', description: 'Keeps what was fetched over restarts.' },
    allow_private: { type: 'boolean', default: false, description: 'Sources may be in private networks.' },
  },
} as const satisfies OptionsSchema

/** An issuer's certificate is good for years; a replaced one has another URL. */
const KEPT_FOR = 7 * 86_400_000
/** As many as `verifyAgain` takes. */
const MAX_INTERMEDIATES = 32

/** Content types of issuers in use. */
const TYPES = [
  'application/pkix-cert',
  'application/x-x509-ca-cert',
  'application/pkcs7-mime',
  'application/x-pkcs7-mime',
  'application/x-pkcs7-certificates',
  'application/x-pem-file',
  'application/octet-stream',
  'application/x-octet-stream',
  'binary/octet-stream',
]

const init: PluginInit<OptionsOf<typeof optionsSchema>> = context => {
  const { options, hookAdd, fetch, note, debug, metrics, readCertificates } = context
  const { intermediates: file, timeout, max_fetches, max_bytes, cache_dir, allow_private } = options
  const known = file === undefined ? [] : readCertificates(readFileSync(file, 'utf8')).map(({ raw }) => raw)
  const outcomes = metrics.counter({ name: 'chains_total', help: 'Incomplete chains.', labels: ['outcome'] })

  /** The issuers that one URL offers; none if it cannot be used. */
  const issuersAt = async (url: string, signal: AbortSignal): Promise<readonly Buffer[]> => {
    try {
      const { status, body } = await fetch(url, {
        timeout,
        maxBytes: max_bytes,
        types: TYPES,
        allowPrivate: allow_private,
        cacheFor: KEPT_FOR,
        signal,
        ...(cache_dir === undefined ? {} : { cacheDir: cache_dir }),
      })
      if (status !== 200) debug(`${url}: status ${status}`)
      return status === 200 ? issuersIn(body, readCertificates) : []
    } catch (cause) {
      debug(`${url}: ${cause instanceof Error ? cause.message : 'failed'}`)
      return []
    }
  }

  /** @returns whether the chain has been completed */
  const complete = async ({ chain, verifyAgain, complete, signal }: VerifyServerEvent): Promise<boolean> => {
    const until = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
    const help: Buffer[] = known.slice(0, MAX_INTERMEDIATES)
    const asked = new Set<string>()
    for (;;) {
      const found = await verifyAgain({ intermediates: help })
      if (found.checks.signature.ok) {
        complete(found)
        return true
      }
      const last = found.builtChain.at(-1) ?? chain[0]
      if (last === undefined || until.aborted) return false
      // Standard sources are plain http: the certificate is signed, and https would need the check that is in progress.
      const urls = readDetails(last).caIssuers.filter(url => /^http:/i.test(url) && !asked.has(url))
      const [url] = urls
      if (url === undefined || asked.size >= max_fetches) return false
      asked.add(url)
      for (const der of await issuersAt(url, until))
        if (help.length < MAX_INTERMEDIATES && !help.some(one => one.equals(der))) help.push(der)
    }
  }

  const ask = async (event: VerifyServerEvent): Promise<void> => {
    const isComplete = await complete(event)
    outcomes.inc({ outcome: isComplete ? 'completed' : 'incomplete' })
    if (!isComplete) note(`${event.host}: no issuer was found for its chain`)
    event.reenable()
  }
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ask, { sees: 'incomplete' })
}
export default init
