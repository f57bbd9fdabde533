/**
 * The proxies that the benchmark of processes compares: each with so many processes, and in front of the same origin. None
 * resumes a TLS session with it: a new handshake is a whole one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from '../kit/child.js'
import { get } from '../kit/client.js'
import type { Authority } from '../kit/pki.js'
import { findProgram } from '../kit/program-table.js'
import { startProxy } from '../kit/proxy.js'
import { freePort } from '../kit/tcp-server.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { childrenOf } from './process-facts.js'

export const HOST = 'bench.test'
const APPROVE = `export default ({ hookAdd }) => {
  hookAdd('TS_SSL_CERT_VERIFY_HOOK', ({ reenable }) => void reenable())
}
`

export interface Contestant {
  readonly name: string
  /** Where the load connects. */
  readonly port: number
  /** What stands before a path in requests. */
  readonly base: string
  readonly pids: () => readonly number[]
  readonly stop: () => Promise<void>
}

export async function startPortcullis(count: number, root: Authority, port: number): Promise<Contestant> {
  const proxy = await startProxy({
    ca: root.certPem,
    hosts: [HOST],
    plugins: ['approve.mjs'],
    modules: { 'approve.mjs': APPROVE },
    records: { 'proxy.config.exec_thread.limit': count, 'proxy.config.ssl.origin_session_cache': 0 },
  })
  return {
    name: `Portcullis, ${count} process${count === 1 ? '' : 'es'}`,
    port: proxy.port,
    base: `https://${HOST}:${port}`,
    pids: () => [proxy.child.pid, ...childrenOf(proxy.child.pid)],
    stop: proxy.stop,
  }
}

/** It keeps connections to the origin, too, and verifies their certificates. */
export async function startNginx(count: number, root: Authority, originPort: number): Promise<Contestant> {
  const dir = makeTempDir()
  const port = await freePort()
  dir.file('root.pem', root.certPem)
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${kind};`)
  const config = dir.file(
    'nginx.conf',
    `daemon off; worker_processes ${count}; pid nginx.pid; error_log stderr notice;
events { worker_connections 2048; }
http {
  access_log off; ${temp.join(' ')} keepalive_requests 1000000;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port} reuseport;
    location / {
      proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host ${HOST};
      proxy_ssl_verify on; proxy_ssl_trusted_certificate root.pem; proxy_ssl_name ${HOST}; proxy_ssl_server_name on;
      proxy_ssl_session_reuse off; proxy_max_temp_file_size 0;
    }
  }
}
`,
  )
  const child = await startChild('nginx', ['-p', dir.path, '-c', config, '-e', 'stderr'])
  await child.until(() => (childrenOf(child.pid).length === count ? true : undefined), 'the workers')
  await sleep(200)
  return {
    name: `nginx, ${count} worker${count === 1 ? '' : 's'}`,
    port,
    base: `http://127.0.0.1:${port}`,
    pids: () => [child.pid, ...childrenOf(child.pid)],
    stop: async () => {
      await child.stop()
      dir.remove()
    },
  }
}

/** Whether the machine has it. No test needs it, so `npm test` does not install it. */
export const hasTrafficServer = (): boolean => findProgram('traffic_server') !== undefined

/** A forward proxy with its built-in check alone: no plugin, no cache. */
export async function startTrafficServer(
  count: number,
  root: Authority,
  originPort: number,
): Promise<Contestant> {
  const dir = makeTempDir()
  const port = await freePort()
  dir.file('root.pem', root.certPem)
  dir.file('hosts', `127.0.0.1 ${HOST}\n`)
  for (const file of ['storage', 'remap', 'plugin']) dir.file(`etc/${file}.config`, '')
  dir.file('etc/ip_allow.yaml', ALLOW)
  dir.file('etc/records.config', trafficServerRecords(port, dir.path, count))
  for (const folder of ['var', 'run', 'log', 'cache']) dir.file(`${folder}/.made`, '')
  const runroot = dir.file('runroot.yaml', TRAFFIC_SERVER_FOLDERS.replaceAll('DIR', dir.path))
  const child = await startChild('traffic_server', [`--run-root=${runroot}`])
  await child.until(
    () => child.stderr().includes('fully initialized') || undefined,
    'Traffic Server to be ready',
  )
  const base = `https://${HOST}:${originPort}`
  // It reads `hosts` some time after it is initialized.
  for (let tries = 0; tries < 100 && (await get(port, `${base}/1k`)).status !== 200; tries += 1)
    await sleep(100)
  return {
    name: `Traffic Server, ${count} thread${count === 1 ? '' : 's'}`,
    port,
    base,
    pids: () => [child.pid],
    stop: async () => {
      await child.stop()
      dir.remove()
    },
  }
}

const ALLOW = 'ip_allow: [{ apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL }]\n'

const TRAFFIC_SERVER_FOLDERS = `prefix: DIR
exec_prefix: /usr
bindir: /usr/bin
sbindir: /usr/sbin
sysconfdir: DIR/etc
datadir: DIR/etc
includedir: /usr/include
libdir: /usr/lib/trafficserver
libexecdir: /usr/lib/trafficserver/modules
localstatedir: DIR/var
runtimedir: DIR/run
logdir: DIR/log
cachedir: DIR/cache
`

const trafficServerRecords = (port: number, dir: string, threads: number): string => `
CONFIG proxy.config.http.server_ports STRING ${port}:ip-in=127.0.0.1
CONFIG proxy.config.exec_thread.autoconfig INT 0
CONFIG proxy.config.exec_thread.limit INT ${threads}
CONFIG proxy.config.exec_thread.affinity INT 0
CONFIG proxy.config.accept_threads INT 1
CONFIG proxy.config.task_threads INT 1
CONFIG proxy.config.url_remap.remap_required INT 0
CONFIG proxy.config.url_remap.pristine_host_hdr INT 1
CONFIG proxy.config.reverse_proxy.enabled INT 0
CONFIG proxy.config.http.cache.http INT 0
CONFIG proxy.config.http.insert_request_via_str INT 0
CONFIG proxy.config.http.insert_squid_x_forwarded_for INT 0
CONFIG proxy.config.http.server_session_sharing.match STRING both
CONFIG proxy.config.http.server_session_sharing.pool STRING thread
CONFIG proxy.config.ssl.client.verify.server.policy STRING ENFORCED
CONFIG proxy.config.ssl.client.verify.server.properties STRING ALL
CONFIG proxy.config.ssl.client.CA.cert.path STRING ${dir}
CONFIG proxy.config.ssl.client.CA.cert.filename STRING root.pem
CONFIG proxy.config.ssl.client.sni_policy STRING host
CONFIG proxy.config.ssl.origin_session_cache INT 0
# 0: a URL of https on a plain port is not answered 400
CONFIG proxy.config.ssl.client.scheme_proto_mismatch_policy INT 0
CONFIG proxy.config.hostdb.host_file.path STRING ${dir}/hosts
CONFIG proxy.config.log.logging_enabled INT 0
CONFIG proxy.config.admin.user_id STRING #-1
CONFIG proxy.config.crash_log_helper STRING NULL
CONFIG proxy.config.diags.output.note STRING E
`
