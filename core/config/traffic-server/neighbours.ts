/**
 * Configuration files of Traffic Server and Squid that Portcullis does not read. They are often copied along; a file that
 * is ignored in silence may be the one that kept others out.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const MIGRATE = '`portcullis migrate` reads it'
const NO_CACHE = 'Portcullis does not cache'
const NO_REMAP = 'Portcullis has no remap rules'
const DIRECT = 'Portcullis connects to origins itself'

/** What an operator should know about each of them. */
const NEIGHBOURS: Readonly<Record<string, string>> = {
  'bypass.config': DIRECT,
  'cache.config': NO_CACHE,
  'cluster.config': 'each proxy runs by itself',
  'congestion.config': 'connections to an origin have no limit of their own',
  'gzip.config': 'responses are not compressed',
  'healthchecks.config': '`portcullis ctl status` tells how the proxy is',
  'hosting.config': NO_CACHE,
  'icp.config': NO_CACHE,
  'ip_allow.config': `clients are allowed by ip_allow.yaml; ${MIGRATE}`,
  'log_hosts.config': 'logs of hosts are not separated',
  'logging.config': `the access log has the records proxy.config.log; ${MIGRATE}`,
  'logging.yaml': `the access log has the records proxy.config.log; ${MIGRATE}`,
  'logs_xml.config': 'the access log has the records proxy.config.log',
  'partition.config': NO_CACHE,
  'prefetch.config': NO_CACHE,
  'remap.config': NO_REMAP,
  'remap.yaml': NO_REMAP,
  'sdk.config': 'plugins stand in plugin.config',
  'socks.config': 'a SOCKS server is a parent, socks5://host:port in parent.config',
  'splitdns.config': 'all names are asked of the same servers',
  'squid.conf': MIGRATE,
  'ssl_multicert.yaml': `certificates stand in ssl_multicert.config; ${MIGRATE}`,
  'ssl_server_name.config': `rules for origins stand in sni.yaml; ${MIGRATE}`,
  'ssl_server_name.yaml': `rules for origins stand in sni.yaml; ${MIGRATE}`,
  'storage.config': NO_CACHE,
  'storage.yaml': NO_CACHE,
  'strategies.yaml': DIRECT,
  'update.config': NO_CACHE,
  'vaddrs.config': 'the system assigns addresses',
  'virtual_hosts.config': NO_REMAP,
  'volume.config': NO_CACHE,
}

/**
 * The files of others in a folder, with what takes their place; a file with nothing but comments is left out.
 * @param read names of files that the configuration does read, whatever they are called
 */
export function unreadNeighbours(folder: string, read: ReadonlySet<string>): readonly string[] {
  let names: string[]
  try {
    names = readdirSync(folder).sort()
  } catch {
    return [] // the files that must be there have their own errors
  }
  return names
    .filter(name => Object.hasOwn(NEIGHBOURS, name) && !read.has(name) && saysSomething(join(folder, name)))
    .map(name => `${join(folder, name)} is not read: ${NEIGHBOURS[name]}`)
}

function saysSomething(file: string): boolean {
  try {
    return /^[ \t]*[^#\s-]/m.test(readFileSync(file, 'utf8'))
  } catch {
    return true
  }
}
