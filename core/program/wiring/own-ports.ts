import { networkInterfaces } from 'node:os'
import { inspectorPort } from '../../base/inspector.js'
import { type OwnListener, reachesOwn } from '../../origin/denied-addresses.js'

/** An inspector may be opened for any address; on its port every one of this machine is refused. */
const ANY = '::'

/**
 * Whether an address and port are the proxy's own: a port of server_ports, or Node's inspector if one is open. The
 * management socket is no port, and nothing dials a path.
 * @param ports that are open; asked for anew with each dial
 */
export function ownPorts(ports: () => readonly OwnListener[]): (address: string, port: number) => boolean {
  return (address, port) => {
    const inspector = inspectorPort()
    const listeners = ports()
    const all = inspector === undefined ? listeners : [...listeners, { address: ANY, port: inspector }]
    return reachesOwn(address, port, all, localAddresses)
  }
}

const localAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
