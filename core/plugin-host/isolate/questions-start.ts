/** The start of a connection: plain data, or nothing but the connection. */
import { codec, type Facts } from './codec.js'

export const CLIENT_START = codec<'TS_VCONN_START_HOOK', Facts<'TS_VCONN_START_HOOK'>>({
  toPlain: () => ({}),
  toFacts: facts => facts,
})

export const ORIGIN_START = codec<'TS_VCONN_OUTBOUND_START_HOOK', Facts<'TS_VCONN_OUTBOUND_START_HOOK'>>({
  toPlain: ({ host, port }) => ({ host, port }),
  toFacts: facts => facts,
})
