import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../child.js'
import type { TempDir } from '../temp-dir.js'
import type { DemoOrigin } from './origins.js'
import type { Story } from './story.js'

/** The real program, on a configuration of the demo's. */
export interface DemoProxy {
  readonly child: Child
  readonly port: number
  /** What its log says about a host's first handshake; times are those of the log's lines, as `performance.now()`. */
  seen(host: string): Story['proxy']
}

const MAIN = fileURLToPath(new URL('../../../core/main.js', import.meta.url))

const LISTENS = /^portcullis listens on 127\.0\.0\.1:(\d+)$/m
const PARKED = /\(ssl\) handshake with (\S+) parked, asking (\S+)$/
const GOES_ON = /\(ssl\) handshake with (\S+) goes on/
const REJECTED = /certificate of (\S+) rejected by plugin /

/** Sends the demo's names to loopback; a client's port is any that is free. */
export function writeConfiguration(dir: TempDir, origins: readonly DemoOrigin[], caPem: string): void {
  const ports = origins.map(({ port }) => port).join(' ')
  dir.file('ca.pem', caPem)
  dir.file('hosts', origins.map(({ host }) => `127.0.0.1 ${host}\n`).join(''))
  dir.file('plugin.config', 'async_verify.so\n')
  dir.file(
    'records.config',
    `CONFIG proxy.config.http.server_ports STRING 0:ip-in=127.0.0.1
CONFIG proxy.config.http.connect_ports STRING ${ports}
CONFIG proxy.config.hostdb.host_file.path STRING hosts
CONFIG proxy.config.ssl.client.CA.cert.filename STRING ca.pem
CONFIG proxy.config.diags.logfile.filename STRING stdout
CONFIG proxy.config.diags.debug.enabled INT 1
CONFIG proxy.config.diags.debug.tags STRING ssl
`,
  )
}

/** @param onStart called with the program before it is ready, so that it can be stopped at any time */
export async function startProxy(confDir: string, onStart: (child: Child) => void): Promise<DemoProxy> {
  const seen = new Map<string, Story['proxy']>()
  const note = (host: string | undefined, more: Story['proxy']): void => {
    if (host !== undefined) seen.set(host, { ...more, ...seen.get(host) })
  }
  const onLine = (line: string): void => {
    const at = timeOf(line)
    const parked = PARKED.exec(line)
    if (parked !== null) note(parked[1], { parkedAt: at, plugin: parked[2] ?? '' })
    note(GOES_ON.exec(line)?.[1], { decidedAt: at, verdict: 'accept' })
    note(REJECTED.exec(line)?.[1], { decidedAt: at, verdict: 'reject' })
  }
  let rest = ''
  const child = await startChild(process.execPath, [MAIN, 'start', '-D', confDir], {
    env: ownEnvironment(),
    onStdout: text => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) onLine(line)
    },
  })
  onStart(child)
  const port = await child.until(() => LISTENS.exec(child.stdout())?.[1], 'the proxy to listen')
  return { child, port: Number(port), seen: host => seen.get(host) ?? {} }
}

const TIME = /^\[(\w{3} +\d+) (\d\d:\d\d:\d\d\.\d{3})\]/

/** When the proxy wrote a line, by its own clock: this process reads the line later, on a busy machine much later. */
function timeOf(line: string): number {
  const [, day, time] = TIME.exec(line) ?? []
  return Date.parse(`${day} ${new Date().getFullYear()} ${time}`) - performance.timeOrigin
}

/** Records of the operator's environment have no say here. */
function ownEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PROXY_CONFIG_')))
}
