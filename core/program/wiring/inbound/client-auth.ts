import { createHash } from 'node:crypto'
import { ProxyError } from '../../../base/errors.js'
import { describe } from '../../../base/thrown.js'
import type { ClientKind, InboundTlsSettings } from '../../../settings/inbound-tls.js'
import { configuredAnchors, readText } from '../../../tls/judge/trust.js'
import {
  type ClientCertificates,
  InboundContext,
  type InboundContextOptions,
} from '../../../tls/openssl/inbound-context.js'
import { TrustStore } from '../../../tls/openssl/trust-store.js'

/** Seconds for which a session with a client can be resumed. */
export const SESSION_TIMEOUT = 7200

/** What the contexts of all certificates have in common. */
export type SharedContext = Omit<InboundContextOptions, 'certificates'>

/**
 * @param onRemoveSession given when plugins keep the sessions of clients
 * @throws {ProxyError} PTC_TLS_CONTEXT when certificates are wanted, and no record says whose are good, or a file cannot be read
 */
export function sharedContext(
  settings: InboundTlsSettings,
  kind: ClientKind,
  onRemoveSession: ((id: Buffer) => void) | undefined,
): SharedContext {
  const clientCertificates = clientCertificatesOf(settings.clients, kind)
  const terms = { ...listsOf(settings), minVersion: settings.oldest, maxVersion: settings.newest }
  return {
    clientCertificates,
    ...terms,
    sessions: onRemoveSession === undefined ? undefined : { onRemoveSession },
    sessionContext: digestOf(kind, clientCertificates, terms),
    sessionTimeout: SESSION_TIMEOUT,
  }
}

type Lists = Pick<InboundContextOptions, 'groups' | 'ciphers' | 'cipherSuites'>

/** Each is tried in a context of its own: OpenSSL may refuse a whole context for what is in other files. */
function listsOf({ lists }: InboundTlsSettings): Lists {
  const sessions = { sessionContext: Buffer.from('lists'), sessionTimeout: SESSION_TIMEOUT }
  const good: { -readonly [K in keyof Lists]: Lists[K] } = {}
  for (const kind of ['groups', 'ciphers', 'cipherSuites'] as const) {
    const { text, by } = lists[kind]
    if (text === undefined) continue
    try {
      new InboundContext({ ...sessions, [kind]: text, certificates: [] }).free()
      good[kind] = text
    } catch (cause) {
      throw new ProxyError('PTC_TLS_CONTEXT', `${by}: ${describe(cause)}`, { cause })
    }
  }
  return good
}

/**
 * The authorities are those of both kinds, and known as soon as one kind has to show certificates: a plugin may show to a
 * client of one kind what was made for the other.
 */
function clientCertificatesOf(
  { askedBy, level, anchors, crl }: InboundTlsSettings['clients'],
  kind: ClientKind,
): ClientCertificates | undefined {
  if (askedBy === undefined) return undefined
  if (anchors === undefined) {
    const records = 'neither proxy.config.ssl.CA.cert.filename nor proxy.config.ssl.CA.cert.path'
    const text = `${askedBy}, and ${records} says whose certificates are good; set one of them`
    throw new ProxyError('PTC_TLS_CONTEXT', text)
  }
  const { pems } = configuredAnchors(anchors.path, anchors.by)
  return { level: level[kind], anchors: pems, ...(crl && { crls: listsOfClients(crl, pems) }) }
}

/** They are tried in a store of their own: every context would report them under the name of its certificate. */
function listsOfClients(
  { path, by }: NonNullable<InboundTlsSettings['clients']['crl']>,
  anchors: readonly string[],
): NonNullable<ClientCertificates['crls']> {
  const crls = { pem: readText(path, by), from: path, isLeafOnly: false }
  try {
    new TrustStore({ anchors, crls }).free()
  } catch (cause) {
    if (!(cause instanceof ProxyError)) throw cause
    throw new ProxyError(cause.code, `${by}: ${ProxyError.textOf(cause)}`, { cause })
  }
  return crls
}

/** Alike in every process with the same configuration, or sessions could not be shared. */
function digestOf(kind: ClientKind, certificates: ClientCertificates | undefined, terms: unknown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([kind, certificates ?? null, terms]))
    .digest()
}

const trusts = new WeakMap<ClientCertificates, string>()

/** The digest of the authorities of clients and their revocation lists; undefined where clients are asked for no certificate. */
export function clientTrustOf({ clientCertificates }: SharedContext): string | undefined {
  if (clientCertificates === undefined || clientCertificates.level === 'none') return undefined
  const digest =
    trusts.get(clientCertificates) ??
    createHash('sha256')
      .update(JSON.stringify([clientCertificates.anchors, clientCertificates.crls?.pem ?? null]))
      .digest('base64')
  trusts.set(clientCertificates, digest)
  return digest
}

/** The context of sessions that are for less than everything: they are resumed for the same `purpose` only. */
export function sessionsOf({ sessionContext }: SharedContext, purpose: unknown): Buffer {
  return createHash('sha256').update(sessionContext).update(JSON.stringify(purpose)).digest()
}
