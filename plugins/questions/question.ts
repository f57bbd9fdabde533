import type { Certificate, VerifyServerEvent } from 'portcullis/plugin'
import { spkiOf } from '../certificates/fingerprints.js'
import { validityOf } from '../certificates/validity.js'

/** Counts up when a field changes its meaning or is removed, not when one is added. */
const VERSION = 1

/**
 * What programs and services are asked, as JSON: docs/plugins/questions.md.
 * @param hasClient whether it names the client; an acceptance is then for that client alone
 */
export function questionOf(event: VerifyServerEvent, hasClient: boolean): object {
  const { host, port, sni, protocol, cipher, group, alpn, builtIn, checks, chain, builtChain } = event
  return {
    version: VERSION,
    host,
    port,
    sni: sni ?? null,
    protocol,
    cipher: cipher ?? null,
    group: group ?? null,
    alpn: alpn ?? null,
    builtIn,
    checks,
    chain: chain.map(toJson),
    builtChain: builtChain.map(toJson),
    ocspResponse: event.ocspResponse?.toString('base64') ?? null,
    sctList: event.sctList?.toString('base64') ?? null,
    deadline: new Date(event.deadline).toISOString(),
    ...(hasClient ? { client: event.client ?? null, transaction: event.transaction ?? null } : {}),
  }
}

function toJson(cert: Certificate): object {
  const { subject, issuer, sha256, pem, x509 } = cert
  const { notBefore, notAfter } = validityOf(cert)
  return {
    subject,
    issuer,
    sha256,
    spki: spkiOf(cert),
    names: x509.subjectAltName ?? null,
    notBefore: dateText(notBefore),
    notAfter: dateText(notAfter),
    pem,
  }
}

const dateText = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString())
