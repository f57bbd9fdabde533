/**
 * The whole program for a test: a folder with its configuration, and the proxy on a free port, either as the program
 * that operators start or inside the test's own process, where native objects can be counted and a gate can answer.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Fleet } from '../../core/cluster/fleet/fleet.js'
import { type RecordName, type Records, rowOf } from '../../core/config/records-table.js'
import type { Place } from '../../core/program/place.js'
import { ProxyServer } from '../../core/program/proxy.js'
import { type Child, startChild } from './child.js'
import { makeTempDir, type TempDir } from './temp-dir.js'
import { Watch } from './watch.js'

export interface ProxyConf {
  /** Beside these: port 0 of the loopback, and what the fields below imply. */
  readonly records?: { readonly [N in RecordName]?: Records[N] }
  /** Lines of records.config as they are, before all others. */
  readonly recordLines?: readonly string[]
  /** Lines of plugin.config. */
  readonly plugins?: readonly string[]
  /** Plugins to write into the folder of plugins: file names and texts. */
  readonly modules?: Readonly<Record<string, string>>
  /** Names that stand for 127.0.0.1. */
  readonly hosts?: readonly string[]
  /** Other files of the folder: names and texts. */
  readonly files?: Readonly<Record<string, string>>
  /** The environment of a proxy in this process; by default it is empty. */
  readonly env?: Readonly<Record<string, string>>
  /** The root to trust, PEM; by default one that has issued nothing. To read those of the system takes longer than the rest of a start. */
  readonly ca?: string
  /** What is shown to origins that ask for a certificate. */
  readonly clientCertificate?: { readonly certPem: string; readonly keyPem: string }
}

/** A folder for `-D`. */
export interface ConfDir {
  readonly path: string
  /** Replaces the whole configuration, as before a reload. */
  write(conf: ProxyConf): void
  remove(): void
}

export interface RunningProxy {
  readonly port: number
  readonly conf: ConfDir
  /** Everything it has printed, log lines included. */
  output(): string
  /** The first match in what it prints. */
  until(pattern: RegExp, ms?: number): Promise<RegExpExecArray>
  stop(): Promise<void>
}

/** The program as a process of its own. */
export interface ChildProxy extends RunningProxy {
  readonly child: Child
  /** Puts another configuration in place, sends SIGHUP, and waits until it has been read. */
  reload(conf: ProxyConf): Promise<void>
}

/** The proxy inside the test's process. */
export interface ProxyHere extends RunningProxy {
  readonly server: ProxyServer
}

const OTHER_ROOT = `-----BEGIN CERTIFICATE-----
MIIBgDCCASegAwIBAgIUaewGNDa0jUUqj1z+qs3sorx87k0wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKT3RoZXIgUm9vdDAgFw0yNjExMzAwMjU4MjBaGA8yMTI2MTEw
NjAyNTgyMFowFTETMBEGA1UEAwwKT3RoZXIgUm9vdDBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABNtgcxdfb2b386Hn+BW0ExgjMiZPlqY7URWRgDwAxIK7ENYxxspv
4fnMbx3P7GEpzkGguK50m4q2pzCmvOddZqGjUzBRMB0GA1UdDgQWBBRRjmj2PTMD
xOyyG688E7Lr/VtsWjAfBgNVHSMEGDAWgBRRjmj2PTMDxOyyG688E7Lr/VtsWjAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIAYkSezU4FLn9U3yh7gV
yRkBxsIQXx3f20hjmVeE7I/EAiA2jDXxAfgRVNhDUP45Wjr3EdQVv4Nk3FzMz6zk
vXCykg==
-----END CERTIFICATE-----
`

export const MAIN = fileURLToPath(new URL('../../core/main.js', import.meta.url))
export const SHIPPED = ['../../plugins', '../../sample-plugins'].map(dir =>
  fileURLToPath(new URL(dir, import.meta.url)),
)

/** The environment without records of the machine and without the options of a test runner. */
export const PLAIN_ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(?:PROXY_CONFIG_|NODE_OPTIONS$|TAP$)/.test(name)),
)

export function makeConfDir(conf: ProxyConf = {}): ConfDir {
  const dir = makeTempDir()
  mkdirSync(join(dir.path, 'plugins'))
  writeConf(dir, conf)
  return { path: dir.path, write: other => writeConf(dir, other), remove: dir.remove }
}

function writeConf(dir: TempDir, conf: ProxyConf): void {
  const implied: ProxyConf['records'] = {
    'proxy.config.http.server_ports': '0:ip-in=127.0.0.1',
    'proxy.config.admin.socket': null,
    'proxy.config.admin.audit_file': join(dir.path, 'audit.log'),
    // The first worker thread of a loaded machine needs more than the default.
    'proxy.config.plugin.init_timeout': 60_000,
    'proxy.config.ssl.client.CA.cert.filename': 'roots.pem',
    ...(conf.hosts === undefined ? {} : { 'proxy.config.hostdb.host_file.path': 'hosts' }),
    ...(conf.clientCertificate === undefined
      ? {}
      : {
          'proxy.config.ssl.client.cert.filename': 'client.pem',
          'proxy.config.ssl.client.private_key.filename': 'client.key',
        }),
  }
  const records = Object.entries({ ...implied, ...conf.records }).map(
    ([name, value]) => `CONFIG ${name} ${rowOf(name as RecordName).type} ${value ?? 'NULL'}`,
  )
  dir.file('records.config', `${[...(conf.recordLines ?? []), ...records].join('\n')}\n`)
  dir.file('plugin.config', `${(conf.plugins ?? []).join('\n')}\n`)
  dir.file('hosts', `127.0.0.1 localhost ${conf.hosts?.join(' ') ?? ''}\n`)
  for (const [name, text] of Object.entries(conf.files ?? {})) dir.file(name, text)
  dir.file('roots.pem', conf.ca ?? OTHER_ROOT)
  if (conf.clientCertificate !== undefined) {
    dir.file('client.pem', conf.clientCertificate.certPem)
    dir.file('client.key', conf.clientCertificate.keyPem)
  }
  for (const [name, text] of Object.entries(conf.modules ?? {})) {
    writeFileSync(join(dir.path, 'plugins', name), text)
  }
}

/** Runs the program's command line. */
export function runMain(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Child> {
  return startChild(process.execPath, [MAIN, ...args], { env: { ...PLAIN_ENV, ...env } })
}

/** Starts the program, and waits until its port is open. */
export async function startProxy(wanted: ProxyConf, args: readonly string[] = []): Promise<ChildProxy> {
  const conf = makeConfDir(wanted)
  const child = await runMain(['start', '-D', conf.path, ...args])
  const output = (): string => child.stdout() + child.stderr()
  const until: RunningProxy['until'] = (pattern, ms) =>
    child.until(() => pattern.exec(output()) ?? undefined, `${pattern}`, ms)
  const stop = async (): Promise<void> => {
    await child.stop()
    conf.remove()
  }
  try {
    const [, port] = await until(/portcullis listens on \S+:(\d+)/)
    const reload = async (other: ProxyConf): Promise<void> => {
      const before = count(output())
      conf.write(other)
      child.kill('SIGHUP')
      await child.until(() => (count(output()) > before ? true : undefined), 'the reload')
    }
    return { port: Number(port), conf, child, output, until, reload, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

const count = (text: string): number => text.split('configuration reloaded').length

/** A place as the command line makes one. */
export function placeFor(confDir: string, print: Place['print'], env: Place['env'] = {}): Place {
  return { confDir, env, shippedDirs: SHIPPED, stripsTypes: false, print }
}

/**
 * Starts the proxy in this process.
 * @param fleet of the machine that this proxy is, where there are several
 */
export async function startProxyHere(
  wanted: ProxyConf,
  fleet?: (place: Place) => Fleet | undefined,
): Promise<ProxyHere> {
  const conf = makeConfDir(wanted)
  const watch = new Watch()
  let text = ''
  const print = (_stream: string, line: string): void => {
    text += `${line}\n`
    watch.changed()
  }
  try {
    const place = placeFor(conf.path, print, wanted.env)
    const machine = fleet?.(place)
    const others = machine && { ...machine.others, count: 1 }
    const server = await ProxyServer.start(place, others)
    return {
      port: server.ports[0]?.port ?? 0,
      conf,
      server,
      output: () => text,
      until: (pattern, ms) =>
        watch.until(
          () => pattern.exec(text) ?? undefined,
          () => `${pattern} in ${text.slice(-2000)}`,
          ms,
        ),
      stop: async () => {
        await server.stop(0)
        machine?.close()
        conf.remove()
      },
    }
  } catch (cause) {
    conf.remove()
    throw cause
  }
}
