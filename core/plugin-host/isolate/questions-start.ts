/** The start of a connection: plain data, or nothing but the connection. */
import { type Facts, passage } from './codec.js'

export const CLIENT_START = passage<'TS_VCONN_START_HOOK', Facts<'TS_VCONN_START_HOOK'>>({
  toPlain: () => ({}),
  toFacts: facts => facts,
})

export const ORIGIN_START = passage<'TS_VCONN_OUTBOUND_START_HOOK', Facts<'TS_VCONN_OUTBOUND_START_HOOK'>>({
  toPlain: ({ host, port }) => ({ host, port }),
  toFacts: facts => facts,
})
