import type { PeerEvidence } from '../../../api/certificate.js'
import { describeThrown } from '../../../base/thrown.js'
import { digestText } from '../../../tls/judge/evidence.js'
import type { VerifiedPeer, VerifyRejected } from '../../../tls/judge/verdict.js'
import type { HandshakeAbout, HandshakeObserver } from '../../../tls/outbound/observer.js'
import { type Refusal, tooLate } from '../../../wait/refusal.js'
import type { ShadowOutcome } from '../../../wait/turn.js'
import type { History } from '../../history.js'

/** What of the diagnostics a handshake needs. */
export interface HandshakeDiags {
  isOn(tag: string): boolean
  debug(tag: string, message: string): void
  note(message: string): void
  warning(message: string): void
  error(message: string): void
}

/** Handshakes by what a plugin in shadow mode would have made of them. */
export interface ShadowCounts {
  accepted: number
  rejected: number
  /** It threw, which is a rejection in enforce mode. */
  failed: number
  /** It was not asked, because too many turns of such plugins lasted. */
  unknown: number
}

/**
 * Writes what happens to handshakes into the logs, with Traffic Server's words where it has them. Tags: `ssl` and
 * `ssl.verify`, as in the proof of concept.
 */
export class HandshakeLog implements HandshakeObserver {
  readonly #diags: HandshakeDiags
  readonly #history: Pick<History, 'accepted' | 'rejected' | 'resumed'> | undefined
  /** Answers of plugins that reached nothing. */
  ignoredReenables = 0
  /** How often a failed built-in check did not bind, by the name of its X509_V_ERR. */
  readonly tolerated = new Map<string, number>()
  /** What plugins in shadow mode would have done, by plugin. */
  readonly shadows = new Map<string, ShadowCounts>()

  /** @param history keeps the verdicts; absent: they are only logged */
  constructor(diags: HandshakeDiags, history?: Pick<History, 'accepted' | 'rejected' | 'resumed'>) {
    this.#diags = diags
    this.#history = history
  }

  parked(plugin: string, host: string): void {
    if (this.#diags.isOn('ssl')) this.#diags.debug('ssl', `handshake with ${host} parked, asking ${plugin}`)
  }

  remembered(plugin: string, host: string): void {
    if (this.#diags.isOn('ssl')) this.#diags.debug('ssl', `${plugin} has accepted ${host} before`)
  }

  accepted(evidence: PeerEvidence, peer: VerifiedPeer, remoteAddress: string, about: HandshakeAbout): void {
    const { host } = evidence
    const { tolerated } = peer
    this.#history?.accepted(evidence, peer, about)
    for (const failed of tolerated) {
      this.tolerated.set(failed.name, (this.tolerated.get(failed.name) ?? 0) + 1)
      const isName = failed === evidence.checks.name
      this.#diags.warning(builtInFailed(host, 'Continue', failed, isName, remoteAddress))
    }
    if (this.#diags.isOn('ssl'))
      this.#diags.debug('ssl', `handshake with ${host} goes on, ${digestText(evidence)}`)
  }

  resumed(peer: VerifiedPeer, _remoteAddress: string, about: HandshakeAbout): void {
    const { host } = peer.evidence
    this.#history?.resumed(peer, about)
    if (this.#diags.isOn('ssl')) this.#diags.debug('ssl', `handshake with ${host}: reused session to origin`)
  }

  released(host: string, remoteAddress: string): void {
    const where = `${host}(${addressOf(remoteAddress)})`
    this.#diags.note(
      `connection to server=${where} ended while plugins hold the handshake; a new one is made if they accept`,
    )
  }

  redialled(host: string, remoteAddress: string): void {
    if (this.#diags.isOn('ssl'))
      this.#diags.debug('ssl', `plugins accepted ${host}; connected again to ${remoteAddress}`)
  }

  rejected(why: VerifyRejected, remoteAddress: string, about: HandshakeAbout): void {
    const { rejection, message, evidence } = why
    this.#history?.rejected(why, about)
    const { by, host, detail, code, depth, hold } = rejection
    if (hold !== undefined) this.#diags.note(`${message} (${addressOf(remoteAddress)})`)
    else if (by === 'built-in') {
      const isName = evidence !== undefined && evidence.builtIn === evidence.checks.name
      const failed = { message: detail, depth, code }
      this.#diags.warning(builtInFailed(host, 'Terminate', failed, isName, remoteAddress))
    } else if (by === 'plugin') {
      const sni = evidence?.sni ?? '(none)'
      this.#diags.warning(
        `TS_EVENT_SSL_VERIFY_SERVER plugin failed the origin certificate check for ${addressOf(remoteAddress)}.  Action=Terminate SNI=${sni}: ${message}`,
      )
    } else {
      this.#diags.warning(`${message}. Action=Terminate server=${host}(${addressOf(remoteAddress)})`)
    }
  }

  ignoredReenable(plugin: string, host: string, why: 'second' | 'late'): void {
    this.ignored(plugin, `the handshake with ${host}`, why)
  }

  /** @param what the plugin reenabled */
  ignored(plugin: string, what: string, why: 'second' | 'late'): void {
    this.ignoredReenables++
    const when = why === 'second' ? 'a second time' : 'when nobody waited any more'
    this.#diags.warning(`plugin ${plugin} reenabled ${what} ${when}; it reached nothing`)
  }

  pluginFailed(plugin: string, host: string, cause: unknown): void {
    this.#diags.error(`plugin ${plugin} failed while it was asked about ${host}: ${describeThrown(cause)}`)
  }

  gaveUp(plugin: string, about: string): void {
    if (this.#diags.isOn('plugin'))
      this.#diags.debug('plugin', `plugin ${plugin} gave up on ${about}: nothing waited for it any more`)
  }

  /** A policy refuses every day, and clients and the access log have it; silence is something to look into. */
  refused(about: string, { plugin, by, limit, reason, detail }: Refusal): void {
    if (by === 'deadline') this.#diags.warning(tooLate(plugin, about, limit))
    else if (this.#diags.isOn('http')) {
      const why = detail === undefined ? reason : `${reason}, ${detail}`
      this.#diags.debug('http', `plugin ${plugin} refused ${about}: ${why}`)
    }
  }

  shadowed(plugin: string, host: string, outcome: ShadowOutcome): void {
    const counts = this.shadows.get(plugin) ?? { accepted: 0, rejected: 0, failed: 0, unknown: 0 }
    this.shadows.set(plugin, counts)
    if (outcome.would === 'unknown') {
      counts.unknown++
      return
    }
    if (outcome.would === 'accept') {
      counts.accepted++
      if (this.#diags.isOn('ssl'))
        this.#diags.debug('ssl', `would have accepted ${host} (plugin ${plugin}, in shadow mode)`)
      return
    }
    if (outcome.by === 'plugin-failed') counts.failed++
    else counts.rejected++
    const why = shadowReason(outcome)
    this.#diags.note(`would have rejected ${host}: ${why} (plugin ${plugin}, in shadow mode)`)
  }

  late(plugin: string, host: string, builtIn: string): void {
    const what = `plugin ${plugin} did not answer about ${host} in time`
    this.#diags.warning(`${what}; the built-in check decides in its place: ${builtIn}`)
  }
}

/** Why a plugin in shadow mode would have rejected. */
function shadowReason(outcome: Extract<ShadowOutcome, { would: 'reject' }>): string {
  if (outcome.by === 'plugin-failed') return 'it failed'
  if (outcome.by === 'deadline' || outcome.verdict === undefined) return 'it did not answer in time'
  const { reason, detail = '' } = outcome.verdict
  return `${reason}${detail === '' ? '' : `, ${detail}`}`
}

/** Traffic Server's words. */
function builtInFailed(
  host: string,
  action: 'Continue' | 'Terminate',
  { message, depth, code }: { message: string; depth: number; code: number },
  isName: boolean,
  remoteAddress: string,
): string {
  const server = `server=${host}(${addressOf(remoteAddress)})`
  return isName
    ? `SNI (${host}) not in certificate. Action=${action} ${server} code=${code} depth=${depth}`
    : `Core server certificate verification failed for (${host}). Action=${action} Error=${message} ${server} depth=${depth} code=${code}`
}

/** Without the port. */
const addressOf = (remoteAddress: string): string => remoteAddress.replace(/:\d+$/, '')
