import type { Records } from '../../../config/records-table.js'
import type { DialOptions } from '../../../origin/dial.js'
import type { Names } from '../../../origin/names/names.js'
import { isPrivateAddress } from '../../../origin/private-addresses.js'
import type { Access } from '../inbound/access.js'
import type { Verification } from './verification.js'

const SECOND = 1000

/** What of a setup a dial needs; asked for anew with each, because a reload exchanges it. */
export interface DialGeneration {
  readonly records: Records
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
      return setup().records['proxy.config.http.connect_attempts_timeout'] * SECOND
    },
    timeoutFor: name => setup().verification.policyOf(name).timeouts.connect,
    get names() {
      return setup().names
    },
    isDenied: address => setup().access.deniesPrivateOrigins && isPrivateAddress(address),
    isOwn,
  }
}
