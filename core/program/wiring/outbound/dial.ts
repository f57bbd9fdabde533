import type { DialOptions } from '../../../origin/dial.js'
import type { Names } from '../../../origin/names/names.js'
import { isPrivateAddress } from '../../../origin/private-addresses.js'
import type { Settings } from '../../../settings/settings.js'
import type { Access } from '../inbound/access.js'
import type { Verification } from './verification.js'

/** The parts of a generation that a dial needs. Each dial asks for the generation in force. */
export interface DialGeneration {
  readonly settings: Pick<Settings, 'origin'>
  readonly names: Names
  readonly access: Access
  readonly verification: Pick<Verification, 'policyOf'>
}

/** How origins are reached, never the proxy itself. */
export function makeDial(
  setup: () => DialGeneration,
  isOwn: (address: string, port: number) => boolean,
): DialOptions {
  return {
    get connectTimeout() {
      return setup().settings.origin.connectTimeout
    },
    timeoutFor: name => setup().verification.policyOf(name).timeouts.connect,
    get names() {
      return setup().names
    },
    isDenied: address => setup().access.deniesPrivateOrigins && isPrivateAddress(address),
    isOwn,
  }
}
