import type { HostFile } from '../config/host-file.js'
import type { Records } from '../config/records-table.js'
import { CachedLookup } from '../origin/cached-lookup.js'
import type { DialOptions } from '../origin/dial.js'
import { makeLookup } from '../origin/lookup.js'
import { isPrivateAddress } from '../origin/private-addresses.js'
import type { Access } from './access.js'
import type { Verification } from './start-tls.js'

const SECOND = 1000

/** What of a setup a dial needs; asked for anew with each, because a reload exchanges it. */
export interface DialSetup {
  readonly records: Records
  readonly hosts: HostFile
  readonly access: Access
  readonly verification: Pick<Verification, 'policyOf'>
}

/** How origins are reached, and the names that are remembered for it. */
export function makeDial(setup: () => DialSetup): {
  readonly dial: DialOptions
  readonly names: CachedLookup
} {
  const names = new CachedLookup({
    found: () => setup().records['proxy.config.hostdb.timeout'] * SECOND,
    failed: () => setup().records['proxy.config.hostdb.fail.timeout'] * SECOND,
  })
  const dial: DialOptions = {
    get connectTimeout() {
      return setup().records['proxy.config.http.connect_attempts_timeout'] * SECOND
    },
    timeoutFor: name => setup().verification.policyOf(name).timeouts.connect,
    lookup: makeLookup(() => setup().hosts, names.lookup),
    onUnreachable: host => names.forget(host),
    isDenied: address => setup().access.deniesPrivateOrigins && isPrivateAddress(address),
  }
  return { dial, names }
}
