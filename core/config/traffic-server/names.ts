import { NAMES_BEFORE } from './names-before.js'
import { NAMES_NOW } from './names-now.js'

const fullName = (word: string): string =>
  word.startsWith('~') ? `proxy.${word.slice(1)}` : `proxy.config.${word}`

/** Every record that a release of Traffic Server from 3.0 to 10.2 knows, whether it means something here or not. */
export const TRAFFIC_SERVER_NAMES: ReadonlySet<string> = new Set(
  `${NAMES_NOW} ${NAMES_BEFORE}`.trim().split(/\s+/).map(fullName),
)

/** Records of Traffic Server 10 that have another name here, where they keep the name of Traffic Server 9. */
export const NEWER_NAMES: Readonly<Record<string, string>> = {
  'proxy.config.ssl.client.TLSv1_3.enabled': 'proxy.config.ssl.client.TLSv1_3',
  'proxy.config.ssl.TLSv1_3.enabled': 'proxy.config.ssl.TLSv1_3',
  'proxy.config.ssl.origin_session_cache.enabled': 'proxy.config.ssl.origin_session_cache',
}
