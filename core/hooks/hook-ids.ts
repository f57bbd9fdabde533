import { HOOK_ALIASES, type HookId } from '../api/hooks.js'

/** Every hook once. A hook added to the API stops the build here until it is named. */
const IDS = {
  TS_VCONN_START_HOOK: true,
  TS_VCONN_CLOSE_HOOK: true,
  TS_VCONN_OUTBOUND_START_HOOK: true,
  TS_VCONN_OUTBOUND_CLOSE_HOOK: true,
  TS_SSL_CERT_VERIFY_HOOK: true,
  TS_HTTP_SEND_REQUEST_HDR_HOOK: true,
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

/** The id or alias that is closest to a misspelt one; every name is compared in capitals. */
export function nearestHookName(name: string): string {
  let nearest = ''
  let least = Number.POSITIVE_INFINITY
  for (const known of BY_NAME.keys()) {
    const distance = editDistance(name.toUpperCase(), known)
    if (distance < least) [nearest, least] = [known, distance]
  }
  return nearest
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
