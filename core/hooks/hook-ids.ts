import { HOOK_ALIASES, type HookEvents, type HookId } from '../api/hooks.js'

/** What limits the time of all plugins together on a hook that waits for their answers; `told` for a hook that waits for none. */
type Limit = 'verdict' | 'client' | 'plugins' | 'told'

/** Every hook once. A hook added to the API stops the build here until it is named. */
const IDS = {
  TS_VCONN_START_HOOK: 'plugins',
  TS_VCONN_CLOSE_HOOK: 'told',
  TS_VCONN_OUTBOUND_START_HOOK: 'plugins',
  TS_VCONN_OUTBOUND_CLOSE_HOOK: 'told',
  TS_SSL_CERT_VERIFY_HOOK: 'verdict',
  TS_SSL_CLIENT_HELLO_HOOK: 'client',
  TS_SSL_SERVERNAME_HOOK: 'told',
  TS_SSL_CERT_HOOK: 'client',
  TS_SSL_SESSION_HOOK: 'client',
  TS_SSL_VERIFY_CLIENT_HOOK: 'client',
  TS_HTTP_READ_REQUEST_HDR_HOOK: 'plugins',
  TS_HTTP_SEND_REQUEST_HDR_HOOK: 'plugins',
  TS_HTTP_READ_RESPONSE_HDR_HOOK: 'plugins',
  TS_HTTP_SEND_RESPONSE_HDR_HOOK: 'plugins',
  TS_HTTP_TXN_CLOSE_HOOK: 'told',
  TS_LIFECYCLE_PORTS_READY_HOOK: 'told',
  TS_LIFECYCLE_SHUTDOWN_HOOK: 'told',
  TS_LIFECYCLE_MSG_HOOK: 'told',
} as const satisfies Record<HookId, Limit>

export const HOOK_IDS = Object.freeze(Object.keys(IDS)) as readonly HookId[]

/** Hooks whose plugins are asked within this time. */
export const hooksWithin = (...limits: readonly Exclude<Limit, 'told'>[]): readonly HookId[] =>
  HOOK_IDS.filter(id => limits.some(limit => limit === IDS[id]))

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

/** What every event has that waits for an answer. */
interface Answerable {
  readonly reenable: unknown
}

/** The events of a hook that wait for an answer; never, where none does. */
export type AskedEvent<H extends HookId> = Extract<HookEvents[H], Answerable>
/** Those that do not. */
export type ToldEvent<H extends HookId> = Exclude<HookEvents[H], Answerable>

/** Hooks on which plugins are asked; a hook may be among both. */
export type AskHook = { [H in HookId]: [AskedEvent<H>] extends [never] ? never : H }[HookId]
/** Hooks that call plugins and wait for no answer. */
export type TellHook = { [H in HookId]: [ToldEvent<H>] extends [never] ? never : H }[HookId]

export function isAsked(event: HookEvents[HookId]): event is AskedEvent<AskHook> {
  return 'reenable' in event
}
