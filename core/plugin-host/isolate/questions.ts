/**
 * The hooks on which a plugin is asked: how each gets to a worker and back. A hook that is added to the API stops the
 * build here until it has its entry.
 */

import type { AskHook } from '../../hooks/hook-ids.js'
import { type Codec, codec, type Facts } from './codec.js'
import { CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_HELLO, SESSION } from './questions-client.js'
import { ORIGIN_CERTIFICATE } from './questions-origin.js'
import { READ_REQUEST, READ_RESPONSE, SEND_REQUEST, SEND_RESPONSE } from './questions-transaction.js'

/** The start of a connection: plain data, or nothing but the connection. */

const CLIENT_START = codec<'TS_VCONN_START_HOOK', Facts<'TS_VCONN_START_HOOK'>>({
  toPlain: () => ({}),
  toFacts: facts => facts,
})

const ORIGIN_START = codec<'TS_VCONN_OUTBOUND_START_HOOK', Facts<'TS_VCONN_OUTBOUND_START_HOOK'>>({
  toPlain: ({ host, port }) => ({ host, port }),
  toFacts: facts => facts,
})

export const QUESTIONS: { readonly [H in AskHook]: Codec<H> } = {
  TS_VCONN_START_HOOK: CLIENT_START,
  TS_VCONN_OUTBOUND_START_HOOK: ORIGIN_START,
  TS_HTTP_READ_REQUEST_HDR_HOOK: READ_REQUEST,
  TS_HTTP_SEND_REQUEST_HDR_HOOK: SEND_REQUEST,
  TS_HTTP_READ_RESPONSE_HDR_HOOK: READ_RESPONSE,
  TS_HTTP_SEND_RESPONSE_HDR_HOOK: SEND_RESPONSE,
  TS_SSL_CERT_VERIFY_HOOK: ORIGIN_CERTIFICATE,
  TS_SSL_CLIENT_HELLO_HOOK: CLIENT_HELLO,
  TS_SSL_SESSION_HOOK: SESSION,
  TS_SSL_CERT_HOOK: CERTIFICATE,
  TS_SSL_VERIFY_CLIENT_HOOK: CLIENT_CERTIFICATE,
}
