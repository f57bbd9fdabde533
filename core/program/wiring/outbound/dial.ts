import { type Current, derived } from '../../../base/current.js'
import { isPrivateAddress } from '../../../origin/denied-addresses.js'
import type { DialOptions } from '../../../origin/dial.js'
import type { Names } from '../../../origin/names/names.js'
import type { Settings } from '../../../settings/settings.js'
import type { Access } from '../inbound/access.js'
import type { Verification } from './verification.js'

/** The parts of a generation that a dial needs. */
export interface DialGeneration {
  readonly settings: Pick<Settings, 'origin'>
  readonly names: Names
  readonly access: Access
  readonly verification: Pick<Verification, 'policyOf'>
}

/** How origins are reached, and never the proxy itself. */
export const makeDial = (
  current: Current<DialGeneration>,
  isOwn: (address: string, port: number) => boolean,
): Current<DialOptions> =>
  derived(current, ({ settings, names, access, verification }) => ({
    connectTimeout: settings.origin.connectTimeout,
    attemptDelay: settings.origin.attemptDelay,
    timeoutFor: name => verification.policyOf(name).timeouts.connect,
    names,
    isDenied: address => access.deniesPrivateOrigins && isPrivateAddress(address),
    isOwn,
  }))
