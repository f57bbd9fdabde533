/** A client's handshake: what plugins are asked in it. */
import { type CertificatePems, isPem, isSessionBytes, readCertificate } from '../../api/client-hooks.js'
import { ProxyError } from '../../base/errors.js'
import { codec, type Facts } from './codec.js'
import { isOf } from './from-worker.js'
import { exactBytes, type PlainCertificate, plainCertificate, toBuffer, WorkerCertificate } from './plain.js'

interface PlainHello extends Omit<Facts<'TS_SSL_CLIENT_HELLO_HOOK'>, 'extension' | 'raw'> {
  /** What is in the extensions, one behind the other: every view that is sent alone has its price. */
  readonly bodies: Uint8Array
  readonly lengths: readonly number[]
  readonly raw: Uint8Array
}

export const CLIENT_HELLO = codec<'TS_SSL_CLIENT_HELLO_HOOK', PlainHello>({
  toPlain: ({ sni, alpn, versions, ciphers, extensions, extension, raw }) => {
    const bodies = extensions.map(number => extension(number) ?? Buffer.alloc(0))
    return {
      sni,
      alpn,
      versions,
      ciphers,
      extensions,
      bodies: exactBytes(Buffer.concat(bodies)),
      lengths: bodies.map(({ length }) => length),
      raw: exactBytes(raw),
    }
  },
  toFacts: ({ bodies, lengths, raw, ...facts }) => ({
    ...facts,
    extension: number => {
      const index = facts.extensions.indexOf(number)
      if (index === -1) return undefined
      const at = lengths.slice(0, index).reduce((sum, length) => sum + length, 0)
      return Buffer.from(bodies.subarray(at, at + (lengths[index] ?? 0)))
    },
    raw: toBuffer(raw),
  }),
})

/** Whether there is such a certificate only the proxy knows: what it throws about it is the plugin's failure. */
export const CERTIFICATE = codec<
  'TS_SSL_CERT_HOOK',
  Pick<Facts<'TS_SSL_CERT_HOOK'>, 'sni'>,
  string | CertificatePems
>({
  toPlain: ({ sni }) => ({ sni }),
  toFacts: ({ sni }, turn) => ({
    sni,
    use: certificate => {
      if (!turn.isOpen) throw notNow('the certificate of this handshake has been chosen')
      turn.record(readCertificate(certificate))
    },
  }),
  isEffect: effect => isPem(effect) || isOf(effect, { cert: isPem, key: isPem }),
  perform: ({ use }, certificate) => {
    use(certificate)
    return undefined
  },
})

/** Whether the bytes hold a session of this id only OpenSSL can say, in the proxy. */
export const SESSION = codec<
  'TS_SSL_SESSION_HOOK',
  { readonly sni: string | undefined; readonly id: Uint8Array },
  Uint8Array
>({
  toPlain: ({ sni, id }) => ({ sni, id: exactBytes(id) }),
  toFacts: ({ sni, id }, turn) => ({
    sni,
    op: 'get',
    id: toBuffer(id),
    provide: session => {
      if (!turn.isOpen || !isSessionBytes(session)) return false
      turn.record(exactBytes(session))
      return true
    },
  }),
  isEffect: isSessionBytes,
  perform: ({ provide }, session) =>
    provide(session) ? undefined : 'what it provided is no session of the id that the client offers',
})

interface PlainClient extends Omit<Facts<'TS_SSL_VERIFY_CLIENT_HOOK'>, 'chain'> {
  readonly chain: readonly PlainCertificate[]
}

export const CLIENT_CERTIFICATE = codec<'TS_SSL_VERIFY_CLIENT_HOOK', PlainClient>({
  toPlain: ({ sni, chain, isResumed, protocol, cipher, alpn }) => ({
    sni,
    chain: chain.map(plainCertificate),
    isResumed,
    protocol,
    cipher,
    alpn,
  }),
  toFacts: ({ chain, ...facts }) => ({
    ...facts,
    chain: Object.freeze(chain.map(certificate => new WorkerCertificate(certificate))),
  }),
})

const notNow = (message: string): ProxyError => new ProxyError('PTC_PLUGIN_CALL', message)
