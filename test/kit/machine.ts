/** The machines of a fleet, each with its proxy in the test's process, as the program starts one there; or one without a fleet. */
import type { Test } from 'tap'
import { Fleet } from '../../core/cluster/fleet/fleet.js'
import type { Place } from '../../core/program/place.js'
import { readSettings } from '../../core/settings/settings.js'
import { callCtl, confOf, type Managed, managedBy } from './managed.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

export async function machineHere(
  t: Test,
  plugins: readonly string[],
  conf: ProxyConf,
): Promise<Managed<ProxyHere>> {
  let fleet: Fleet | undefined
  const fleetOf = (place: Place): Fleet | undefined => {
    const { fleet: settings } = readSettings(place)
    fleet = settings && new Fleet(settings)
    return fleet
  }
  const it = managedBy(t, await startProxyHere(confOf(plugins, conf), fleetOf), callCtl)
  const manager = { version: 'test', pid: process.pid, stop: () => 0, tellOthers: fleet?.withdraw }
  await it.proxy.server.manage(manager)
  return it
}
