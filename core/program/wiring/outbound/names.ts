import { accessSync, constants } from 'node:fs'
import { unreadable } from '../../../config/config-file.js'
import type { HostFile } from '../../../config/host-file.js'
import { DnsSource } from '../../../origin/names/dns-source.js'
import { Names } from '../../../origin/names/names.js'
import type { NameSource } from '../../../origin/names/source.js'
import {
  type ResolvConf,
  readHosts,
  readResolvConf,
  WatchedFile,
} from '../../../origin/names/system-files.js'
import { systemSource } from '../../../origin/names/system-source.js'
import type { NameSettings } from '../../../settings/origins.js'

type Env = Readonly<Record<string, string | undefined>>

const HOSTS = '/etc/hosts'

/**
 * What resolves names for one generation.
 * @throws {ProxyError} PTC_CONFIG_UNREADABLE for a resolv.conf of the operator's
 */
export function makeNames(settings: NameSettings, hostFile: HostFile, env: Env): Names {
  const { isSystem, timeout, cache } = settings
  const hosts = isSystem ? undefined : new WatchedFile(HOSTS, readHosts)
  return new Names({
    source: isSystem ? systemSource(threadsOf(env)) : dnsSource(settings),
    hostFile,
    ...(hosts && { systemHosts: () => hosts.value }),
    timeout,
    cache,
  })
}

function dnsSource({ resolvConf, nameservers, usesSearch, inFlight }: NameSettings): NameSource {
  const { path, by, mayBeMissing } = resolvConf
  if (!mayBeMissing) checkReadable(path, by)
  const file = new WatchedFile(path, (text): ResolvConf => {
    const conf = readResolvConf(text)
    return {
      nameservers: nameservers ?? conf.nameservers,
      search: usesSearch ? conf.search : [],
      ndots: conf.ndots,
    }
  })
  return new DnsSource({
    conf: () => file.value,
    limits: inFlight,
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
function threadsOf({ UV_THREADPOOL_SIZE: text }: Env): number | undefined {
  const threads = Number(text)
  return Number.isInteger(threads) && threads > 0 ? threads : undefined
}
