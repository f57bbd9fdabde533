import type { Asking } from '../../api/asking.js'
import type { Certificate } from '../../api/certificate.js'
import type { VerifyServerEvent } from '../../api/hooks.js'
import { AskingEvent } from '../../wait/asking-event.js'
import { type CallsInTurn, codec, type Facts } from './codec.js'
import { isOf } from './from-worker.js'
import { exactBytes, type PlainCertificate, plainCertificate, toBuffer, WorkerCertificate } from './plain.js'

type OriginFacts = Facts<'TS_SSL_CERT_VERIFY_HOOK'>

/** The plugin has read the client or the request for which the origin is asked. */
interface AskingRead {
  readonly do: 'read-asking'
}

/** An origin's certificate. The two chains have most certificates in common: each is sent once, and found by its index. */
export const ORIGIN_CERTIFICATE = codec<'TS_SSL_CERT_VERIFY_HOOK', PlainOrigin, AskingRead>({
  toPlain,
  toFacts: ({ certificates, chain, builtChain, ocspResponse, asking, ...facts }, turn) => {
    const all = certificates.map(certificate => new WorkerCertificate(certificate))
    const pick = (indexes: readonly number[]): readonly Certificate[] =>
      Object.freeze(indexes.flatMap(index => all[index] ?? []))
    const known = {
      ...facts,
      chain: pick(chain),
      builtChain: pick(builtChain),
      ocspResponse: ocspResponse && toBuffer(ocspResponse),
    }
    return Object.defineProperties(known, askingFields(asking, turn)) as OriginFacts
  },
  perform: event => void event.client,
  isEffect: effect => isOf(effect, { do: value => value === 'read-asking' }),
})

/** What is read in the worker is read in the proxy before the answer counts. */
function askingFields(asking: Asking | undefined, turn: CallsInTurn<AskingRead>): PropertyDescriptorMap {
  let isRead = asking === undefined
  const read = (): Asking | undefined => {
    if (!isRead && turn.isOpen) turn.record({ do: 'read-asking' })
    isRead = true
    return asking
  }
  return {
    client: { enumerable: true, get: () => read()?.client },
    transaction: { enumerable: true, get: () => read()?.transaction },
  }
}

interface PlainOrigin
  extends Omit<OriginFacts, 'chain' | 'builtChain' | 'ocspResponse' | 'client' | 'transaction'> {
  readonly certificates: readonly PlainCertificate[]
  readonly chain: readonly number[]
  readonly builtChain: readonly number[]
  readonly ocspResponse: Uint8Array | undefined
  readonly asking: Asking | undefined
}

function toPlain(event: VerifyServerEvent): PlainOrigin {
  const { sni, host, port, protocol, cipher, group, alpn, builtIn, checks, ocspResponse } = event
  const certificates: PlainCertificate[] = []
  const known = new Map<Certificate, number>()
  const indexOf = (certificate: Certificate): number => {
    const index = known.get(certificate) ?? certificates.length
    if (index === certificates.length) {
      certificates.push(plainCertificate(certificate))
      known.set(certificate, index)
    }
    return index
  }
  return {
    chain: event.chain.map(indexOf),
    builtChain: event.builtChain.map(indexOf),
    certificates,
    ocspResponse: ocspResponse && exactBytes(ocspResponse),
    sni,
    host,
    port,
    protocol,
    cipher,
    group,
    alpn,
    builtIn,
    checks,
    asking: AskingEvent.askingOf(event),
  }
}
