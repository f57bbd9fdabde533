/**
 * The fields of every hook's event: own and enumerable, in the proxy's thread as in workers. Declared once; a field that is
 * added to a type, or taken from it, stops the build here until it is named.
 */
import type { HookEvents, HookId } from '../api/hooks.js'

type FieldsOf<E> = { readonly [K in keyof Required<E>]: true }
type Session = HookEvents['TS_SSL_SESSION_HOOK']
type SessionOp<Op extends Session['op']> = FieldsOf<Extract<Session, { op: Op }>>

const PARKED = { vconn: true, signal: true, deadline: true, reenable: true, schedule: true } as const
const VCONN = { id: true, direction: true, remoteAddress: true, localAddress: true, args: true } as const
const CLIENT = { ...PARKED, sni: true } as const
const REQUEST = {
  ...PARKED,
  id: true,
  client: true,
  user: true,
  groups: true,
  origin: true,
  method: true,
  url: true,
  headers: true,
  args: true,
} as const
const RESPONSE = { ...REQUEST, status: true } as const
const EVIDENCE = {
  sni: true,
  host: true,
  chain: true,
  builtChain: true,
  builtIn: true,
  checks: true,
  ocspResponse: true,
  sctList: true,
  protocol: true,
  cipher: true,
  group: true,
  alpn: true,
} as const

const FIELDS = {
  TS_VCONN_START_HOOK: PARKED,
  TS_VCONN_CLOSE_HOOK: VCONN,
  TS_VCONN_OUTBOUND_START_HOOK: { ...PARKED, host: true, port: true },
  TS_VCONN_OUTBOUND_CLOSE_HOOK: VCONN,
  TS_SSL_CERT_VERIFY_HOOK: {
    ...PARKED,
    ...EVIDENCE,
    port: true,
    client: true,
    transaction: true,
    verifyAgain: true,
    complete: true,
  },
  TS_SSL_CLIENT_HELLO_HOOK: {
    ...CLIENT,
    alpn: true,
    versions: true,
    ciphers: true,
    extensions: true,
    extension: true,
    raw: true,
  },
  TS_SSL_SERVERNAME_HOOK: { vconn: true, sni: true },
  TS_SSL_CERT_HOOK: { ...CLIENT, use: true },
  TS_SSL_VERIFY_CLIENT_HOOK: {
    ...CLIENT,
    chain: true,
    isResumed: true,
    protocol: true,
    cipher: true,
    alpn: true,
  },
  TS_HTTP_READ_REQUEST_HDR_HOOK: REQUEST,
  TS_HTTP_SEND_REQUEST_HDR_HOOK: { ...REQUEST, seal: true },
  TS_HTTP_READ_RESPONSE_HDR_HOOK: RESPONSE,
  TS_HTTP_SEND_RESPONSE_HDR_HOOK: RESPONSE,
  TS_HTTP_TXN_CLOSE_HOOK: {
    method: true,
    url: true,
    clientAddress: true,
    user: true,
    groups: true,
    status: true,
    bytesUp: true,
    bytesDown: true,
    milliseconds: true,
    error: true,
    id: true,
    args: true,
  },
  TS_LIFECYCLE_PORTS_READY_HOOK: { ports: true },
  TS_LIFECYCLE_SHUTDOWN_HOOK: { grace: true },
  TS_LIFECYCLE_MSG_HOOK: { tag: true, data: true },
} as const satisfies { readonly [H in Exclude<HookId, 'TS_SSL_SESSION_HOOK'>]: FieldsOf<HookEvents[H]> }

/** The fields of TS_SSL_SESSION_HOOK, which has three events, by their `op`. */
const SESSION_FIELDS = {
  get: { ...CLIENT, op: true, id: true, provide: true },
  new: { op: true, vconn: true, sni: true, id: true, session: true, lifetime: true },
  remove: { op: true, id: true },
} as const satisfies { readonly [Op in Session['op']]: SessionOp<Op> }

/** Names of the fields, sorted, by hook; the session hook's with their `op` behind the hook: `TS_SSL_SESSION_HOOK get`. */
export const EVENT_FIELDS: Readonly<Record<string, readonly string[]>> = Object.freeze(
  Object.fromEntries(
    [
      ...Object.entries(FIELDS),
      ...Object.entries(SESSION_FIELDS).map(([op, fields]) => [`TS_SSL_SESSION_HOOK ${op}`, fields] as const),
    ].map(([name, fields]) => [name, Object.freeze(Object.keys(fields).sort())]),
  ),
)
