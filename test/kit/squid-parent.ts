import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Child, startChild } from './child.js'
import { freePort } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'

export interface SquidOptions {
  /** Names that stand for 127.0.0.1. */
  readonly hosts?: readonly string[]
  /** The one login that it takes; without it none is asked for. */
  readonly login?: { readonly user: string; readonly password: string }
  /** Makes the port one for TLS. */
  readonly tls?: { readonly chainPem: string; readonly keyPem: string }
  /** Further lines. */
  readonly lines?: readonly string[]
}

/** Squid as a parent proxy, in a directory of its own. */
export interface SquidParent {
  readonly port: number
  readonly child: Child
  /** Its access log so far, one line for each request. */
  log(): string
  stop(): Promise<void>
}

/** Squid cannot ask for a free port; when another program took one in between, another one is tried. */
export async function squidParent(options: SquidOptions = {}): Promise<SquidParent> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(options)
    } catch (cause) {
      if (attempt === 3) throw cause
    }
  }
}

async function start({ hosts = [], login, tls, lines = [] }: SquidOptions): Promise<SquidParent> {
  const dir = makeTempDir()
  const port = await freePort()
  const hostsFile = dir.file('hosts', `127.0.0.1 localhost ${hosts.join(' ')}\n`)
  const helper = dir.file(
    'login.sh',
    `#!/bin/sh\nwhile read -r line; do [ "$line" = "${login?.user} ${login?.password}" ] && echo OK || echo ERR; done\n`,
  )
  const [cert, key] = [dir.file('cert.pem', tls?.chainPem ?? ''), dir.file('key.pem', tls?.keyPem ?? '')]
  const auth =
    login === undefined
      ? ['http_access allow all']
      : [
          `auth_param basic program /bin/sh ${helper}`,
          'auth_param basic children 1 startup=1',
          'acl known proxy_auth REQUIRED',
          'http_access allow known',
          'http_access deny all',
        ]
  const config = dir.file(
    'squid.conf',
    [
      tls === undefined
        ? `http_port 127.0.0.1:${port}`
        : `https_port 127.0.0.1:${port} tls-cert=${cert} tls-key=${key}`,
      `hosts_file ${hostsFile}`,
      'pid_filename none',
      `access_log stdio:${join(dir.path, 'access.log')}`,
      'logfile_rotate 0',
      `cache_log ${join(dir.path, 'cache.log')}`,
      'cache_store_log none',
      'cache deny all',
      'cache_mem 8 MB',
      'shutdown_lifetime 1 second',
      'netdb_filename none',
      'icon_directory /usr/share/squid/icons',
      `coredump_dir ${dir.path}`,
      // It gives up root; what it runs and reads is for all then.
      ...(process.getuid?.() === 0 ? ['cache_effective_user proxy'] : []),
      ...auth,
      ...lines,
      '',
    ].join('\n'),
  )
  chmodSync(dir.path, 0o777)
  for (const file of [helper, hostsFile, config, cert, key]) chmodSync(file, 0o755)
  const child = await startChild('squid', ['-N', '-d', '1', '-f', config])
  const stop = async (): Promise<void> => {
    await child.stop()
    dir.remove()
  }
  try {
    await child.until(
      () => /Accepting .*connections at/i.exec(child.stderr()) ?? undefined,
      'squid to listen',
    )
  } catch (cause) {
    await stop()
    throw cause
  }
  return { port, child, log: () => readFileSync(join(dir.path, 'access.log'), 'latin1'), stop }
}
