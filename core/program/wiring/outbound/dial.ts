import { type Current, derived } from '../../../base/current.js'
import type { Via } from '../../../http/transaction/outgoing.js'
import { isPrivateAddress } from '../../../origin/denied-addresses.js'
import type { Names } from '../../../origin/names/names.js'
import type { ParentHealth } from '../../../origin/parents/health.js'
import type { ReachOptions } from '../../../origin/parents/reach.js'
import type { Settings } from '../../../settings/settings.js'
import type { RevocationLog } from '../../../tls/judge/revocation-log.js'
import type { Access } from '../inbound/access.js'
import type { Verification } from './verification.js'

/** The parts of a generation that a dial needs. */
export interface DialGeneration {
  readonly settings: Pick<Settings, 'origin' | 'parents'>
  readonly names: Names
  readonly access: Access
  readonly verification: Pick<Verification, 'policyOf' | 'startParent'>
}

/** How origins are reached, and never the proxy itself. */
export const makeDial = (
  current: Current<DialGeneration>,
  isOwn: (address: string, port: number) => boolean,
  via: Current<Via>,
  health: Pick<ParentHealth, 'failed' | 'reached'>,
  revocations?: RevocationLog,
): Current<ReachOptions> =>
  derived(current, ({ settings, names, access, verification }) => ({
    connectTimeout: settings.origin.connectTimeout,
    attemptDelay: settings.origin.attemptDelay,
    timeoutFor: name => verification.policyOf(name).timeouts.connect,
    names,
    ...(access.deniesPrivateOrigins && { isDenied: isPrivateAddress }),
    isOwn,
    header: settings.parents.header,
    parents: {
      connectTimeout: settings.parents.connectTimeout,
      resolvesHere: settings.parents.resolvesHere,
      needsAddress: access.deniesPrivateOrigins,
      via: via().ofRequest('1.1'),
      startTls: verification.startParent,
      ...(revocations && { revocations }),
      failed: parent => health.failed(parent, settings.parents),
      reached: parent => health.reached(parent),
    },
  }))
