import { HOOK_ALIASES, type HookId } from '../api/hooks.js'

/** Every hook once. A hook added to the API stops the build here until it is named. */
const IDS = {
  TS_VCONN_START_HOOK: true,
  TS_VCONN_CLOSE_HOOK: true,
  TS_VCONN_OUTBOUND_START_HOOK: true,
  TS_VCONN_OUTBOUND_CLOSE_HOOK: true,
  TS_SSL_CERT_VERIFY_HOOK: true,
  TS_SSL_CLIENT_HELLO_HOOK: true,
  TS_SSL_SERVERNAME_HOOK: true,
  TS_SSL_CERT_HOOK: true,
  TS_SSL_SESSION_HOOK: true,
  TS_SSL_VERIFY_CLIENT_HOOK: true,
  TS_HTTP_READ_REQUEST_HDR_HOOK: true,
  TS_HTTP_SEND_REQUEST_HDR_HOOK: true,
  TS_HTTP_READ_RESPONSE_HDR_HOOK: true,
  TS_HTTP_SEND_RESPONSE_HDR_HOOK: true,
  TS_HTTP_TXN_CLOSE_HOOK: true,
  TS_LIFECYCLE_PORTS_READY_HOOK: true,
  TS_LIFECYCLE_SHUTDOWN_HOOK: true,
  TS_LIFECYCLE_MSG_HOOK: true,
} as const satisfies Record<HookId, true>

export const HOOK_IDS = Object.freeze(Object.keys(IDS)) as readonly HookId[]

const BY_NAME: ReadonlyMap<string, HookId> = new Map<string, HookId>([
  ...HOOK_IDS.map(id => [id, id] as const),
  ...Object.entries(HOOK_ALIASES),
])

/** The hook that an id or an alias names, if there is one. */
export function findHook(name: string): HookId | undefined {
  return BY_NAME.get(name)
}

/** Every id, then every alias. */
export const HOOK_NAMES: readonly string[] = [...BY_NAME.keys()]
