/** What OpenSSL has read of a ClientHello, in the words of the API. */
import type { ClientHelloFacts } from '../../api/client-hooks.js'
import { ProxyError } from '../../base/errors.js'
import type { HelloFacts } from '../openssl/hello-facts.js'
import { EXTENSION, extensionsIn, parseAlpn, parseServerName } from '../sniff/client-hello.js'
import { ByteReader, HANDSHAKE, readFragment } from '../sniff/record-layer.js'

const VERSION_NAMES = new Map([
  [0x301, 'TLSv1'],
  [0x302, 'TLSv1.1'],
  [0x303, 'TLSv1.2'],
  [0x304, 'TLSv1.3'],
])
const TLS1_3 = 0x304
/** SSL_MAX_SSL_SESSION_ID_LENGTH; what is longer is no id of ours. */
const MAX_ID_BYTES = 32
/** So many are looked for: clients offer one, seldom two, and each costs a question. */
const MAX_SESSIONS = 4
const TICKET_AGE_BYTES = 4

/** The name asked for; undefined also for one that is none, such as an address. */
export function sniOf({ extensions }: HelloFacts): string | undefined {
  const sni = parseServerName(extensions.get(EXTENSION.serverName))
  return sni === 'bad' ? undefined : sni?.name
}

/**
 * @param received all bytes of the connection up to here, in which the ClientHello is complete
 * @throws {ProxyError} PTC_CLIENT_HANDSHAKE when OpenSSL reads them more generously than they are meant: then plugins
 *   would be shown another ClientHello than the one that is answered
 */
export function toHelloFacts(facts: HelloFacts, received: Buffer): ClientHelloFacts {
  const alpn = parseAlpn(facts.extensions.get(EXTENSION.alpn))
  const raw = helloMessage(received)
  // Not those of OpenSSL, which leaves out what it does not know.
  const extensions = extensionsIn(raw)
  if (extensions === undefined)
    throw new ProxyError('PTC_CLIENT_HANDSHAKE', 'the ClientHello is not cut into records as it must be')
  return {
    alpn: alpn === 'bad' ? [] : alpn,
    versions: versionsOf(facts).map(versionName),
    ciphers: facts.ciphers,
    extensions: [...extensions.keys()],
    // Copies: the next plugin, and the session's fetch, see what came.
    extension: number => {
      const body = extensions.get(number)
      return body === undefined ? undefined : Buffer.from(body)
    },
    raw,
  }
}

/**
 * The sessions that the client would resume, the preferred one first: the identities of TLS 1.3, else the session id of
 * TLS 1.2, which has no meaning for a client that will speak TLS 1.3 (RFC 8446 section 4.1.2).
 */
export function offeredSessions(facts: HelloFacts): readonly Buffer[] {
  if (!offersTls13(facts)) return [facts.legacySessionId].filter(isUsable)
  const offered = facts.extensions.get(EXTENSION.preSharedKey)
  if (offered === undefined) return []
  const list = new ByteReader(new ByteReader(offered).vector(2))
  const ids: Buffer[] = []
  while (!list.isAtEnd && !list.isBroken && ids.length < MAX_SESSIONS) {
    const id = list.vector(2)
    list.take(TICKET_AGE_BYTES)
    if (!list.isBroken && isUsable(id)) ids.push(id)
  }
  return ids
}

/** Whether it can be TLS 1.3 that is spoken. */
export const offersTls13 = (facts: HelloFacts): boolean => versionsOf(facts).includes(TLS1_3)

const isUsable = (id: Buffer): boolean => id.length > 0 && id.length <= MAX_ID_BYTES

function versionsOf({ extensions, legacyVersion }: HelloFacts): readonly number[] {
  const supported = extensions.get(EXTENSION.supportedVersions)
  if (supported === undefined) return [legacyVersion]
  const list = new ByteReader(supported).vector(1)
  return Array.from({ length: list.length >> 1 }, (_, i) => list.readUInt16BE(2 * i))
}

const versionName = (version: number): string =>
  VERSION_NAMES.get(version) ?? `0x${version.toString(16).padStart(4, '0')}`

/** The first handshake message. */
function helloMessage(received: Buffer): Buffer {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const fragment = readFragment(received, at)
    if (typeof fragment === 'string' || fragment.type !== HANDSHAKE) break
    parts.push(fragment.body)
    at = fragment.next
  }
  const all = Buffer.concat(parts)
  return all.length < 4 ? all : all.subarray(0, 4 + all.readUIntBE(1, 3))
}
