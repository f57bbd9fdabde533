import type { BuiltInResult, PeerEvidence } from '../../api/certificate.js'
import { x509ErrorName } from '../../api/x509-errors.js'
import { x509ErrorText } from '../openssl/built-in-check.js'
import type { CheckOutcome } from '../openssl/errors.js'
import type { OutboundNames, ParkedPeer } from '../openssl/outbound-engine.js'
import { altNames } from './certificate-parts.js'
import { certificateOf } from './chain-certificate.js'
import { isUnderscoreMatch } from './names.js'
import { type Pins, unfulfilled } from './pins.js'
import type { Properties } from './terms.js'

const OK: BuiltInResult = Object.freeze({ ok: true, name: 'X509_V_OK', code: 0, depth: -1, message: 'ok' })

/** What the built-in check covers. */
export interface CheckRules {
  readonly properties: Properties
  readonly pins: Pins | undefined
}

/** The facts of a parked handshake for plugins and logs. Frozen: no plugin can change what the next one sees. */
export function toEvidence(
  peer: ParkedPeer,
  of: OutboundNames,
  { properties, pins }: CheckRules,
): PeerEvidence {
  const signature = toResult(peer.signature)
  const name = nameResult(peer, of)
  const rule = pins === undefined ? undefined : ruleResult(pins, peer, properties)
  const asked = inForce(signature, name, properties)
  return Object.freeze<PeerEvidence>({
    sni: of.sni,
    host: of.host,
    chain: Object.freeze(peer.sent.map(certificateOf)),
    builtChain: Object.freeze(peer.built.map(certificateOf)),
    // The pins of a rule bind whatever the properties say about the other checks.
    builtIn: asked.ok && rule !== undefined ? rule : asked,
    checks: Object.freeze(rule === undefined ? { signature, name } : { signature, name, rule }),
    ocspResponse: peer.ocspResponse,
    sctList: peer.sctList,
    protocol: peer.protocol,
    cipher: peer.cipher,
    group: peer.group,
    alpn: peer.alpn,
  })
}

function nameResult({ name, sent: [leaf] }: ParkedPeer, { host, alternative }: OutboundNames): BuiltInResult {
  const underscored = [host, alternative ?? ''].filter(one => one.includes('_')) // an address has none
  if (name.code === 0 || leaf === undefined || underscored.length === 0) return toResult(name)
  const names = dnsNames(leaf)
  return underscored.some(one => isUnderscoreMatch(one, names)) ? OK : toResult(name)
}

/** Empty for a certificate that cannot be read: it is valid for no host. */
export function dnsNames(leaf: Buffer): readonly string[] {
  try {
    return altNames(leaf).flatMap(({ type, value }) => (type === 'dns' ? [value] : []))
  } catch {
    return []
  }
}

/** Without the check of the signature, the rule is compared with the names as they were sent. */
function ruleResult(
  pins: Pins,
  { built, sent, signature }: ParkedPeer,
  properties: Properties,
): BuiltInResult {
  const areNamesGenuine = signature.code === 0 || properties === 'NAME' || properties === 'NONE'
  const wrong = unfulfilled(pins, built.length > 0 ? built : sent, areNamesGenuine)
  return wrong === undefined ? OK : Object.freeze({ ok: false, name: x509ErrorName(wrong.code), ...wrong })
}

function toResult({ code, depth }: CheckOutcome): BuiltInResult {
  return code === 0
    ? OK
    : Object.freeze({ ok: false, name: x509ErrorName(code), code, depth, message: x509ErrorText(code) })
}

function inForce(signature: BuiltInResult, name: BuiltInResult, properties: Properties): BuiltInResult {
  switch (properties) {
    case 'ALL':
      return signature.ok ? name : signature
    case 'SIGNATURE':
      return signature
    case 'NAME':
      return name
    case 'NONE':
      return OK
  }
}

/**
 * X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, …_LOCALLY, and X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE: no path to an anchor,
 * because a certificate is missing.
 */
const MISSING: ReadonlySet<number> = new Set([2, 20, 21])

/** Whether the built-in check found no issuer, as where an origin has left one out. */
export function isIncomplete({ checks: { signature } }: Pick<PeerEvidence, 'checks'>): boolean {
  return MISSING.has(signature.code)
}

/** Whether `by` completes `evidence`: the same chain as sent, which has a good path now and had none before. */
export function completes(by: PeerEvidence, evidence: PeerEvidence): boolean {
  return by.chain === evidence.chain && isIncomplete(evidence) && by.checks.signature.ok
}

/** A connection to an origin on one line, as Pingora's SslDigest has it, and the group. */
export function digestText({ protocol, cipher, group, chain: [leaf] }: PeerEvidence): string {
  const organization = /(?:^|\n)O=([^\n]*)/.exec(leaf?.x509.subject ?? '')?.[1]
  return [
    `${protocol} ${cipher ?? 'cipher not known yet'}${group === undefined ? '' : ` ${group}`}`,
    ...(organization === undefined ? [] : [`O=${organization}`]),
    ...(leaf === undefined ? [] : [`serial ${leaf.x509.serialNumber}`, `SHA-256 ${leaf.sha256}`]),
  ].join(', ')
}
