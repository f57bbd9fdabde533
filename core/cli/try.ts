import { writeFileSync } from 'node:fs'
import { isIP, isIPv6 } from 'node:net'
import type { BuiltInResult, PeerEvidence } from '../api/certificate.js'
import { originAuthority, parseAuthority } from '../base/authority.js'
import { ProxyError } from '../base/errors.js'
import { describe } from '../base/thrown.js'
import { again, reach } from '../origin/parents/reach.js'
import { ONLY_DIRECT, parentText, placeOf, type Ways } from '../origin/parents/way.js'
import type { Generation } from '../program/generation.js'
import type { LastingParts } from '../program/lasting-parts.js'
import type { Place } from '../program/place.js'
import { connectModeOf } from '../program/wiring/inbound/connect.js'
import { makeDial } from '../program/wiring/outbound/dial.js'
import { makeVia } from '../program/wiring/outbound/forwarding.js'
import { HandshakeLog } from '../program/wiring/outbound/handshake-log.js'
import { parentWay } from '../program/wiring/outbound/routes.js'
import { decisionText } from '../program/wiring/outbound/verify-warnings.js'
import { wantsStaple } from '../tls/judge/certificate-parts.js'
import { digestText } from '../tls/judge/evidence.js'
import { type VerifiedPeer, VerifyRejected } from '../tls/judge/verdict.js'
import type { HandshakeAbout } from '../tls/outbound/observer.js'
import type { OriginLink } from '../vconn/origin-link.js'
import { toSaved, verdictOf } from './saved-chain.js'
import { withGeneration } from './verify-config.js'

export interface TryOptions {
  /** `HOST[:PORT]`; an IPv6 address in brackets when there is a port. */
  readonly target: string
  /** `ADDR:PORT` to connect to instead. */
  readonly connect?: string | undefined
  /** The URL of a parent proxy to go through; by default as the configuration says. */
  readonly parent?: string | undefined
  /** Where the chain goes, as PEM. */
  readonly pem?: string | undefined
  /** Where everything goes, for `replay`. */
  readonly save?: string | undefined
}

const EXIT = { accepted: 0, rejected: 1, noAnswer: 2 } as const
const HTTPS = 443

/** Prints each step with the milliseconds since the start. */
class Timeline {
  readonly #start = performance.now()
  readonly #print: (line: string) => void

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  readonly tell = (what: string): void => {
    const ms = (performance.now() - this.#start).toFixed(1)
    this.#print(`${ms.padStart(9)} ms  ${what}`)
  }
}

/** Tells the steps of the one handshake there is. */
class ToldLog extends HandshakeLog {
  readonly #tell: (what: string) => void
  #asked: string | undefined

  constructor(diags: ConstructorParameters<typeof HandshakeLog>[0], tell: (what: string) => void) {
    super(diags)
    this.#tell = tell
  }

  override parked(plugin: string, host: string): void {
    super.parked(plugin, host)
    if (this.#asked !== undefined) this.#tell(`plugin ${this.#asked} accepted`)
    this.#tell(`parked, asking plugin ${plugin}`)
    this.#asked = plugin
  }

  override released(host: string, remoteAddress: string): void {
    super.released(host, remoteAddress)
    this.#tell('the connection has ended; a new one is made if the plugins accept')
  }

  override redialled(host: string, remoteAddress: string): void {
    super.redialled(host, remoteAddress)
    this.#tell(`connected again to ${remoteAddress}`)
  }

  override accepted(
    evidence: PeerEvidence,
    peer: VerifiedPeer,
    remoteAddress: string,
    about: HandshakeAbout,
  ): void {
    super.accepted(evidence, peer, remoteAddress, about)
    if (this.#asked !== undefined) this.#tell(`plugin ${this.#asked} accepted`)
  }
}

/**
 * One handshake through the configured hook chain, with no request in it.
 * @returns the exit status: 0 accepted, 1 rejected, 2 no answer
 * @throws {ProxyError} of the configuration or the command line
 */
export async function tryOrigin(place: Place, options: TryOptions): Promise<number> {
  const target = readTarget(options.target)
  const at = options.connect === undefined ? target : readTarget(options.connect)
  const { tell } = new Timeline(line => place.print('stdout', line))
  return await withGeneration(
    place,
    (generation, lasting) =>
      attempt(generation, target, connector(generation, lasting, at, options), options, tell),
    ({ diags }) => new ToldLog(diags, tell),
  )
}

type Target = { readonly host: string; readonly port: number }

/** Makes the first connection, and says how to make another one to the same place. */
type Connect = (
  name: string,
  signal: AbortSignal,
) => Promise<{ readonly tcp: OriginLink; readonly redial: () => Promise<OriginLink> }>

function connector(
  generation: Generation,
  { parents }: LastingParts,
  { host, port }: Target,
  { parent, connect }: TryOptions,
): Connect {
  const current = (): Generation => generation
  const options = makeDial(current, () => false, makeVia(current), parents)
  const url = `https://${originAuthority({ scheme: 'https', host, isAddress: isIP(host) !== 0, port })}/`
  const question = { scheme: 'https', host, port, method: 'CONNECT', url, client: '' } as const
  const routed = (): Ways => (connect === undefined && generation.routes?.waysFor(question)) || ONLY_DIRECT
  const ways = parent === undefined ? routed() : ([parentWay(parent, '--parent')] as const)
  return async (name, signal) => {
    const to = { port, name, client: '' }
    const tcp = await reach({ ...to, host, ways }, options(), signal)
    return { tcp, redial: again(tcp, to, options, signal) }
  }
}

async function attempt(
  { settings: { connect }, verification }: Generation,
  target: Target,
  connectTo: Connect,
  options: TryOptions,
  tell: (what: string) => void,
): Promise<number> {
  const { signal } = new AbortController()
  const { rule, settings } = verification.policyOf(target.host)
  tell(rule === undefined ? 'no rule of its own: the records hold' : `rule ${rule.fqdn} (${rule.where})`)
  tell(decisionText(settings.terms))
  if (connectModeOf(connect, rule) === 'tunnel')
    tell('behind CONNECT: NOTHING IS VERIFIED, it is a blind tunnel')
  try {
    const since = performance.now()
    const { tcp, redial } = await connectTo(target.host, signal)
    const { way } = placeOf(tcp)
    const parent = way.kind === 'direct' ? '' : `, through the parent proxy ${parentText(way.parent)}`
    tell(`connected to ${tcp.remoteAddress}${parent}`)
    const { link, peer } = await verification.startTls(tcp, { ...target, since, client: '', redial }, signal)
    link.destroy()
    tellEvidence(peer.evidence, tell)
    const how = peer.decidedBy === 'nobody' ? 'NOTHING WAS VERIFIED' : `decided by ${peer.decidedBy}`
    tell(`ACCEPTED, ${how}, ${digestText(peer.evidence)}`)
    save(peer.evidence, target.port, verdictOf(peer), options)
    return EXIT.accepted
  } catch (cause) {
    if (!(cause instanceof ProxyError)) throw cause
    if (cause.code === 'PTC_PLUGIN_REFUSED_ORIGIN' || cause.code === 'PTC_PLUGIN_FAILED') {
      tell(`REJECTED: ${ProxyError.textOf(cause)}`)
      return EXIT.rejected
    }
    if (!(cause instanceof VerifyRejected)) {
      tell(`NO ANSWER: ${cause.code}: ${ProxyError.textOf(cause)}`)
      return EXIT.noAnswer
    }
    const { evidence, rejection } = cause
    if (evidence !== undefined) {
      tellEvidence(evidence, tell)
      save(evidence, target.port, verdictOf(cause), options)
    }
    tell(`REJECTED: ${ProxyError.textOf(cause)}`)
    return rejection.by === 'deadline' ? EXIT.noAnswer : EXIT.rejected
  }
}

function tellEvidence(evidence: PeerEvidence, tell: (what: string) => void): void {
  const { chain, checks, sni, host } = evidence
  tell(`announced ${sni ?? 'no name'}, checked against ${host}`)
  for (const [depth, { subject, issuer, sha256, x509 }] of chain.entries())
    tell(`certificate ${depth}: ${subject}, issued by ${issuer}, until ${x509.validTo}, SHA-256 ${sha256}`)
  tell(`built-in check, chain: ${resultText(checks.signature)}`)
  tell(`built-in check, name: ${resultText(checks.name)}`)
  if (checks.rule !== undefined) tell(`built-in check, rule: ${resultText(checks.rule)}`)
  if (lacksStaple(evidence))
    tell('not enforced: the certificate is must-staple, and no OCSP response came before the check')
}

/** In TLS 1.2 a stapled response comes later, and nothing can be said. */
function lacksStaple({ chain: [leaf], ocspResponse, protocol }: PeerEvidence): boolean {
  if (leaf === undefined || ocspResponse !== undefined || protocol !== 'TLSv1.3') return false
  try {
    return wantsStaple(leaf.der)
  } catch {
    return false
  }
}

function resultText({ ok, name, code, depth, message }: BuiltInResult): string {
  return ok ? 'ok' : `${name} ${code} at depth ${depth}: ${message}`
}

function save(
  evidence: PeerEvidence,
  port: number,
  verdict: ReturnType<typeof verdictOf>,
  options: TryOptions,
): void {
  if (options.pem !== undefined) write(options.pem, evidence.chain.map(({ pem }) => pem).join(''))
  if (options.save !== undefined)
    write(options.save, `${JSON.stringify(toSaved(evidence, port, verdict), null, 2)}\n`)
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (cause) {
    throw new ProxyError('PTC_SAVED_CHAIN', `cannot write ${file}: ${describe(cause)}`, { cause })
  }
}

/** An IPv6 address may come without brackets, where no port does. */
function readTarget(text: string): Target {
  const bytes = Buffer.from(isIPv6(text) ? `[${text}]` : text).toString('latin1')
  const parsed = parseAuthority(bytes)
  if ('wrong' in parsed)
    throw new ProxyError('PTC_USAGE', `"${text}" is not HOST or HOST:PORT: it ${parsed.wrong}`)
  return { host: parsed.host, port: parsed.port ?? HTTPS }
}
