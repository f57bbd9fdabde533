import { createHash } from 'node:crypto'
import { authorityText, hostOf } from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import type { ParentCredentials } from '../../config/parent-credentials.js'
import type { ParentEntry } from '../../config/parent-list.js'
import type { Accepted } from '../../tls/outbound/start-tls.js'
import type { OriginLink } from '../../vconn/origin-link.js'

/** Another proxy, through which connections to origins go. */
export interface Parent {
  readonly scheme: ParentEntry['scheme']
  /** A name in ASCII or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
  /** Shown nowhere. */
  readonly credentials: ParentCredentials | undefined
  /** False: it is no proxy but stands in the place of the origin, and is sent what an origin is sent. */
  readonly isProxy: boolean
  /** Everything that makes a connection through it another one: as it is written, with a digest of the credentials. */
  readonly key: string
}

/** How a connection gets to its origin. */
export type Way = { readonly kind: 'direct' } | { readonly kind: 'parent'; readonly parent: Parent }

/** In the order in which they are tried. */
export type Ways = readonly [Way, ...Way[]]

export const DIRECT = Object.freeze({ kind: 'direct' }) satisfies Way
export const ONLY_DIRECT: Ways = Object.freeze([DIRECT] as const)

export function makeParent(parts: Omit<Parent, 'key'>): Parent {
  const { credentials, isProxy } = parts
  const login = credentials === undefined ? '' : ` as ${digest(JSON.stringify(credentials))}`
  return Object.freeze({ ...parts, key: `${parentText(parts)}${isProxy ? '' : ' (an origin)'}${login}` })
}

const digest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

/** `http://host:port`, for messages: without credentials. */
export const parentText = ({ scheme, host, port }: Pick<Parent, 'scheme' | 'host' | 'port'>): string =>
  `${scheme}://${authorityText(host, port)}`

/** The error for a parent that demands credentials, or does not accept those of this proxy. @param more is added to its text */
export const unauthorized = (parent: Parent, more = ''): ProxyError =>
  new ProxyError(
    'PTC_PARENT_AUTH',
    `the parent proxy ${parentText(parent)} ${parent.credentials === undefined ? 'demands credentials, and none are configured for it' : 'does not accept the credentials that are configured for it'}${more}`,
  )

/** For keys: connections of different ways are never the same. */
export const wayKey = (way: Way): string => (way.kind === 'direct' ? '' : ` via ${way.parent.key}`)

/** Where a connection leads: enough to make another one to the same place. */
export interface Place {
  /** An address; behind a parent what the parent was asked for. */
  readonly host: string
  readonly way: Way
  /** Set if the parent is reached by https. */
  readonly parent?: Accepted | undefined
}

const places = new WeakMap<OriginLink, Place>()

/** Says where a connection through a parent leads. */
export function setPlace(link: OriginLink, place: Place): void {
  places.set(link, place)
}

export const placeOf = (link: OriginLink): Place =>
  places.get(link) ?? { host: hostOf(link.remoteAddress), way: DIRECT }

/** For keys: no message shows it, because a digest of the credentials is in it. */
export const placeText = ({ host, way }: Place): string => `${host}${wayKey(way)}`
