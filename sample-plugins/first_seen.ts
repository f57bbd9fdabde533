/**
 * Shows how a plugin keeps something on a connection: when it was first seen. It writes a debug line (tag `first_seen`)
 * when the connection ends, also when it ends while its handshake is parked.
 *
 *     first_seen.so
 */
import type { Parked, PluginInit, VConn } from 'portcullis/plugin'

// What this plugin keeps, under its own name: every other plugin has a place of its own, and the compiler knows them all.
declare module 'portcullis/plugin' {
  interface VConnArgs {
    first_seen: { readonly at: number }
  }
}

const init: PluginInit = ({ argv, hookAdd, debug }) => {
  if (argv.length > 1) throw new Error(`unknown argument '${argv[1]}'; first_seen takes none`)

  const opened = ({ vconn, reenable }: Parked): void => {
    vconn.args.first_seen = { at: performance.now() } // not Date.now(): the clock on the wall may be set back
    reenable() // the connection waits: a plugin could think it over, or refuse it
  }

  const closed = ({ id, direction, remoteAddress, args }: VConn): void => {
    // Absent if this plugin was loaded, by a reload, after the connection had opened.
    const seen = args.first_seen
    const age =
      seen === undefined ? 'opened before this plugin' : `${Math.round(performance.now() - seen.at)} ms`
    debug(`vc=${id} ${direction} ${remoteAddress} closed: ${age}`)
  }

  hookAdd('TS_VCONN_START_HOOK', opened) // a client
  hookAdd('TS_VCONN_CLOSE_HOOK', closed)
  hookAdd('TS_VCONN_OUTBOUND_START_HOOK', opened) // an origin
  hookAdd('TS_VCONN_OUTBOUND_CLOSE_HOOK', closed)
}
export default init
