import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { ProxyError } from '../../../base/errors.js'
import { describe } from '../../../base/thrown.js'
import { placed } from '../../../config/record-place.js'
import type { Records } from '../../../config/records-table.js'
import { configuredAnchors } from '../../../tls/judge/trust.js'
import {
  type ClientCertificates,
  InboundContext,
  type InboundContextOptions,
} from '../../../tls/openssl/inbound-context.js'

const CA_FILE = 'proxy.config.ssl.CA.cert.filename'
const CA_PATH = 'proxy.config.ssl.CA.cert.path'
const GROUPS = 'proxy.config.ssl.server.groups_list'
const LEVELS = {
  port: 'proxy.config.ssl.client.certification_level',
  bump: 'proxy.config.ssl.bump.client.certification_level',
} as const
const DEMANDS = ['none', 'optional', 'required'] as const

/** Seconds for which a session with a client can be resumed. */
export const SESSION_TIMEOUT = 7200

/** Whose TLS ends here: clients of `ssl` ports, and those inside a CONNECT that is bumped. */
export type ClientKind = keyof typeof LEVELS

/** What the contexts of all certificates have in common. */
export type SharedContext = Omit<InboundContextOptions, 'certificates'>

/**
 * @param onRemoveSession given when plugins keep the sessions of clients
 * @throws {ProxyError} PTC_TLS_CONTEXT when certificates are wanted, and no record says whose are good
 */
export function sharedContext(
  records: Records,
  confDir: string,
  kind: ClientKind,
  onRemoveSession: ((id: Buffer) => void) | undefined,
): SharedContext {
  const clientCertificates = demandedOf(records, confDir, kind)
  return {
    clientCertificates,
    groups: groupsOf(records),
    sessions: onRemoveSession === undefined ? undefined : { onRemoveSession },
    sessionContext: digestOf(kind, clientCertificates),
    sessionTimeout: SESSION_TIMEOUT,
  }
}

/** Looked at alone, because what a whole context is refused for may be in other files. */
function groupsOf(records: Records): string | undefined {
  const groups = records[GROUPS]
  if (groups === null) return undefined
  const sessions = { sessionContext: Buffer.from('groups'), sessionTimeout: SESSION_TIMEOUT }
  try {
    new InboundContext({ ...sessions, groups, certificates: [] }).free()
    return groups
  } catch (cause) {
    throw new ProxyError('PTC_TLS_CONTEXT', `${placed(records, GROUPS)}: ${describe(cause)}`, { cause })
  }
}

/**
 * The authorities are those of both kinds, and known as soon as one kind has to show certificates: a plugin may show to a
 * client of one kind what was made for the other.
 */
function demandedOf(records: Records, confDir: string, kind: ClientKind): ClientCertificates | undefined {
  const wanting = Object.values(LEVELS).find(level => records[level] > 0)
  if (wanting === undefined) return undefined
  const [file, path] = [records[CA_FILE], records[CA_PATH]]
  if (file === null && path === null) {
    const text = `${placed(records, wanting)} is ${records[wanting]}, and neither ${CA_FILE} nor ${CA_PATH} says whose certificates are good; set one of them`
    throw new ProxyError('PTC_TLS_CONTEXT', text)
  }
  const place = resolve(confDir, path ?? '.', file ?? '')
  return {
    demand: DEMANDS[records[LEVELS[kind]]] ?? 'required',
    anchors: configuredAnchors(place, placed(records, file === null ? CA_PATH : CA_FILE)).pems,
  }
}

/** Alike in every process with the same configuration, or sessions could not be shared. */
function digestOf(kind: ClientKind, demanded: ClientCertificates | undefined): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([kind, demanded ?? null]))
    .digest()
}

/** The context of sessions that are for less than everything: they are resumed for the same `purpose` only. */
export function sessionsOf({ sessionContext }: SharedContext, purpose: unknown): Buffer {
  return createHash('sha256').update(sessionContext).update(JSON.stringify(purpose)).digest()
}
