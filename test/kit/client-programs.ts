/** What real clients need to go through a proxy: a stage for one mode of CONNECT, and the programs as they are. */
import type { Test } from 'tap'
import type { VerifyServerEvent } from '../../core/api/hooks.js'
import type { ConnectMode } from '../../core/http/connect/tunnel-judgement.js'
import { createAuthority } from '../../core/tls/inbound/authority.js'
import { startChild } from './child.js'
import { type Connecting, startConnecting, testRoot } from './connecting.js'
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js'
import { makeTempDir, type TempDir } from './temp-dir.js'

export const MODES: readonly ConnectMode[] = ['probe', 'bump']

export interface ClientStage extends Connecting {
  readonly proxyUrl: string
  /** A file with the authority that clients have to trust, and its text. */
  readonly trustFile: string
  readonly trustPem: string
  readonly dir: TempDir
  /** An https origin for these names, whose certificate the proxy trusts. */
  https(sans: readonly string[], options?: NodeOriginOptions): Promise<NodeOrigin>
  http(options?: NodeOriginOptions): Promise<NodeOrigin>
  /** Runs a program to its end. Settings of the machine that are about proxies have no say. */
  run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<ProgramResult>
}

export interface ProgramResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const bumpCa = createAuthority('Bump CA')

const PLAIN_ENV = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/proxy|^SSL_|^CURL_|^GIT_|^PYTHON|^NODE_/i.test(name)),
)

/** The test's end stops everything. @param isSecure an `ssl` port, whose certificate the root has issued */
export async function startForClients(
  t: Test,
  mode: ConnectMode,
  hosts: readonly string[],
  answer?: (event: VerifyServerEvent) => void,
  isSecure = false,
): Promise<ClientStage> {
  const { certPem, keyPem } = await bumpCa
  const root = await testRoot()
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const own = await root.issue({ cn: 'localhost', sans: ['localhost'] })
  const secure = {
    'own.pem': own.chainPem + own.keyPem,
    'ssl_multicert.config': 'ssl_cert_name=own.pem\n',
  }
  const port = isSecure ? '0:ssl:ip-in=127.0.0.1' : '0:ip-in=127.0.0.1'
  const stage = await startConnecting(t, {
    hosts,
    files: { 'bump-ca.pem': certPem, 'bump-ca.key': keyPem, ...(isSecure && secure) },
    records: { 'proxy.config.http.connect.verify': mode, 'proxy.config.http.server_ports': port },
    ...(answer === undefined ? {} : { answer }),
  })
  const trustPem = mode === 'bump' ? certPem : root.certPem
  const started = async (options?: NodeOriginOptions): Promise<NodeOrigin> => {
    const origin = await nodeOrigin(options)
    t.teardown(origin.stop)
    return origin
  }
  return {
    ...stage,
    dir,
    proxyUrl: isSecure ? `https://localhost:${stage.proxy.port}` : `http://127.0.0.1:${stage.proxy.port}`,
    trustPem,
    trustFile: dir.file('trust.pem', trustPem),
    http: started,
    https: async (sans, options) =>
      started({ ...options, tls: await root.issue({ cn: sans[0] ?? '', sans }) }),
    run: async (command, args, env) => {
      const child = await startChild(command, args, {
        cwd: dir.path,
        env: { ...PLAIN_ENV, HOME: dir.path, ...env },
      })
      child.endInput()
      const code = await child.exited(120_000)
      return { code, stdout: child.stdout(), stderr: child.stderr() }
    },
  }
}
