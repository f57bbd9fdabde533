/** Whether the origin of a connection is accepted for another name too, without a handshake for that name. */
import { toNames } from '../judge/names.js'
import { decisionOf } from '../judge/terms.js'
import type { VerifiedPeer } from '../judge/verdict.js'
import { INITIAL, step } from './machine.js'
import { secondCheck } from './second-check.js'
import type { OutboundSettings } from './settings.js'

type Judging = Pick<OutboundSettings, 'context' | 'checks' | 'names' | 'terms'>

/**
 * Whether a handshake for a name under these settings would decide by nothing but the chain and the name: no plugin would
 * be asked, in shadow mode neither, the complete built-in check binds, the name is what would be announced and checked,
 * and there is no certificate of the client's to show.
 */
export function needsNoHandshake({ terms, names, context }: Omit<Judging, 'checks'>): boolean {
  const decision = decisionOf(terms)
  const isChecked = decision.by === 'built-in' && decision.unchecked.length === 0
  const isPlain = names.sni === undefined && names.alternative === undefined
  return isChecked && isPlain && terms.plugins.length === 0 && !terms.hasShadows && !context.hasCertificate
}

/**
 * Judges what an origin has shown once more, for another name, as a handshake under the settings of that name would: the
 * same check of the same bytes, at the present time, and the same machine.
 * @param peer accepted under equal settings
 * @param host a name in ASCII
 * @returns undefined: it is not accepted, or only a handshake can tell
 */
export function judgeOtherName(
  peer: VerifiedPeer,
  host: string,
  settings: Judging,
): VerifiedPeer | undefined {
  const { evidence, shown, decidedBy, tolerated, isForClient } = peer
  const isPlain = decidedBy === 'built-in' && tolerated.length === 0 && !isForClient && evidence === shown
  const names = toNames(host, settings.names)
  if (!isPlain || names.isAddress || !needsNoHandshake(settings)) return undefined
  const again = secondCheck(settings, names)(evidence, [])
  if (!again.builtIn.ok) return undefined
  const [state] = step(INITIAL, { type: 'certificate', evidence: again }, settings.terms)
  return state.at === 'resuming' ? state.peer : undefined
}
