import { accessSync, constants } from 'node:fs'
import { resolve } from 'node:path'
import { unreadable } from '../../../config/config-file.js'
import type { HostFile } from '../../../config/host-file.js'
import { readNameservers } from '../../../config/nameservers.js'
import { placed } from '../../../config/record-place.js'
import type { Records } from '../../../config/records-table.js'
import { DnsSource } from '../../../origin/names/dns-source.js'
import { Names } from '../../../origin/names/names.js'
import type { NameSource } from '../../../origin/names/source.js'
import { type ResolvConf, readHosts, readResolvConf } from '../../../origin/names/system-files.js'
import { systemSource } from '../../../origin/names/system-source.js'
import { WatchedFile } from '../../../origin/names/watched-file.js'

const SECOND = 1000
const HOSTS = '/etc/hosts'
const RESOLV_CONF = 'proxy.config.dns.resolv_conf'
const DEFAULT_RESOLV_CONF = '/etc/resolv.conf'

export interface NamesPlace {
  readonly confDir: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * What resolves names for one generation.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE for a resolv.conf of the operator's
 */
export function makeNames(records: Records, hostFile: HostFile, place: NamesPlace): Names {
  const isSystem = records['proxy.config.dns.resolver'] === 'system'
  const hosts = isSystem ? undefined : new WatchedFile(HOSTS, readHosts)
  return new Names({
    source: isSystem ? systemSource(threadsOf(place.env)) : dnsSource(records, place.confDir),
    hostFile,
    ...(hosts && { systemHosts: () => hosts.value }),
    timeout: records['proxy.config.hostdb.lookup_timeout'] * SECOND,
    cache: {
      found: records['proxy.config.hostdb.timeout'] * SECOND,
      failed: records['proxy.config.hostdb.fail.timeout'] * SECOND,
      maxBytes: records['proxy.config.hostdb.max_size'],
    },
  })
}

function dnsSource(records: Records, confDir: string): NameSource {
  const path = resolve(confDir, records[RESOLV_CONF])
  if (path !== DEFAULT_RESOLV_CONF) checkReadable(path, placed(records, RESOLV_CONF))
  const nameservers = records['proxy.config.dns.nameservers']
  const servers = nameservers === null ? undefined : readNameservers(nameservers).servers
  const hasSearch = records['proxy.config.dns.search_default_domains'] === 1
  const file = new WatchedFile(path, (text): ResolvConf => {
    const conf = readResolvConf(text)
    return {
      nameservers: servers ?? conf.nameservers,
      search: hasSearch ? conf.search : [],
      ndots: conf.ndots,
    }
  })
  return new DnsSource({
    conf: () => file.value,
    limits: {
      total: records['proxy.config.dns.max_dns_in_flight'],
      perClient: records['proxy.config.dns.max_in_flight_per_client'],
    },
  })
}

function checkReadable(path: string, record: string): void {
  try {
    accessSync(path, constants.R_OK)
  } catch (cause) {
    throw unreadable(path, record, cause)
  }
}

/** Threads of libuv's pool. */
function threadsOf({ UV_THREADPOOL_SIZE: text }: NamesPlace['env']): number | undefined {
  const threads = Number(text)
  return Number.isInteger(threads) && threads > 0 ? threads : undefined
}
