/** However oddly a plugin fails, on whatever hook: the proxy goes on, and what is written about it is short. */
import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { connect, createSecureContext, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { HookId } from '../../core/api/hooks.js'
import { HOOK_IDS } from '../../core/hooks/hook-ids.js'
import { NOTIFICATIONS } from '../../core/plugin-host/isolate/notifications.js'
import { QUESTIONS } from '../../core/plugin-host/isolate/questions.js'
import { nodeOrigin } from './node-origin.js'
import { ODD_MODULE } from './odd-plugin.js'
import { makeAuthority } from './pki.js'
import { type ChildProxy, type ProxyConf, runMain, startProxy } from './proxy.js'
import { makeTempDir } from './temp-dir.js'

/** At a time. */
const CLIENTS = 4

const root = await makeAuthority({ name: 'Odd Root' })
const own = await root.issue({ cn: 'proxy.example' })
const client = await root.issue({ cn: 'client.example', eku: ['clientAuth'] })
const origin = await nodeOrigin({
  tls: await root.issue({ cn: 'origin.example' }),
  isBackground: true,
  handler: ({ url }, response) => {
    if (url === '/last') response.setHeader('Connection', 'close')
    response.end('hello\n')
  },
})

const COMMANDED: readonly HookId[] = [
  'TS_LIFECYCLE_PORTS_READY_HOOK',
  'TS_LIFECYCLE_MSG_HOOK',
  'TS_LIFECYCLE_SHUTDOWN_HOOK',
]

/** Of all clients: to make one takes as long as a handshake. */
const secureContext = createSecureContext({ ca: root.certPem, cert: client.chainPem, key: client.keyPem })

let session: Buffer | undefined

/** Hooks of a client's connection, and of one with the origin: to be called again, they need another. */
const OF_CLIENT: readonly HookId[] = [
  'TS_VCONN_START_HOOK',
  'TS_VCONN_CLOSE_HOOK',
  'TS_SSL_CLIENT_HELLO_HOOK',
  'TS_SSL_SERVERNAME_HOOK',
  'TS_SSL_CERT_HOOK',
  'TS_SSL_SESSION_HOOK',
  'TS_SSL_VERIFY_CLIENT_HOOK',
]
const OF_ORIGIN: readonly HookId[] = [
  'TS_VCONN_OUTBOUND_START_HOOK',
  'TS_VCONN_OUTBOUND_CLOSE_HOOK',
  'TS_SSL_CERT_VERIFY_HOOK',
]

/** Connections through the TLS port, with a certificate and with the last session. */
function agentFor(port: number, keepAlive: boolean): Agent {
  const open = (): TLSSocket =>
    connect({ port, host: '127.0.0.1', servername: 'proxy.example', secureContext, session }).on(
      'session',
      given => {
        session = given
      },
    )
  return Object.assign(new Agent({ keepAlive, maxSockets: CLIENTS }), { createConnection: open })
}

/** One request. @returns the status, if any */
function ask(agent: Agent, path: string): Promise<number | undefined> {
  return new Promise(resolve => {
    const req = request({
      agent,
      path: `https://origin.example:${origin.port}${path}`,
      headers: { Host: 'x' },
    })
    req.on('error', () => resolve(undefined))
    req.on('close', () => resolve(undefined))
    req.on('response', response => {
      response.on('error', () => resolve(undefined))
      response.on('end', () => resolve(response.statusCode))
      response.resume()
    })
    req.end()
  })
}

/** One request on new connections. */
async function askAnew(port: number): Promise<number | undefined> {
  const agent = agentFor(port, false)
  const status = await ask(agent, '/last')
  agent.destroy()
  return status
}

interface Stage {
  readonly proxy: ChildProxy
  readonly conf: ProxyConf
  readonly port: number
  /** From now on it fails on this hook. */
  fail(hook: HookId | 'none'): void
}

async function start(t: Test, options: string): Promise<Stage> {
  const dir = makeTempDir()
  const phase = join(dir.path, 'phase')
  writeFileSync(phase, 'none')
  const conf: ProxyConf = {
    ca: root.certPem,
    hosts: ['origin.example'],
    files: {
      'own.pem': own.chainPem + own.keyPem,
      'root.pem': root.certPem,
      'ssl_multicert.config': 'ssl_cert_name=own.pem\n',
    },
    modules: { 'odd.mjs': ODD_MODULE },
    plugins: [
      `odd.mjs @deadline=500 ${options} ${HOOK_IDS.join()} ${phase} ${Object.keys(NOTIFICATIONS).join()}`,
    ],
    records: {
      'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
      'proxy.config.ssl.CA.cert.filename': 'root.pem',
      'proxy.config.ssl.client.certification_level': 1,
      'proxy.config.admin.socket': 'odd.sock',
    },
  }
  const proxy = await startProxy(conf)
  t.teardown(async () => {
    await proxy.stop()
    dir.remove()
  })
  return { proxy, conf, port: proxy.port, fail: hook => writeFileSync(phase, hook) }
}

async function failOn(stage: Stage, hook: HookId): Promise<void> {
  stage.fail(hook)
  const wanted = [...(hook in QUESTIONS ? ['asked'] : []), ...(hook in NOTIFICATIONS ? ['told'] : [])]
  const isDone = (): boolean =>
    wanted.every(how => stage.proxy.output().includes(`did ${hook} ${how}`)) ||
    stage.proxy.child.exitCode !== null
  if (COMMANDED.includes(hook)) await command(stage, hook)
  else await askUntil(isDone, stage.port, hook)
  for (const how of wanted) await stage.proxy.until(new RegExp(`did ${hook} ${how}`))
  stage.fail('none')
}

async function askUntil(isDone: () => boolean, port: number, hook: HookId): Promise<void> {
  const agent = agentFor(port, !OF_CLIENT.includes(hook))
  const path = OF_ORIGIN.includes(hook) ? '/last' : '/'
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      while (!isDone()) await ask(agent, path)
    }),
  )
  agent.destroy()
}

async function command({ proxy, conf }: Stage, hook: HookId): Promise<void> {
  if (hook === 'TS_LIFECYCLE_PORTS_READY_HOOK') return proxy.reload(conf)
  if (hook === 'TS_LIFECYCLE_SHUTDOWN_HOOK') return proxy.child.kill('SIGTERM')
  const ctl = await runMain(['ctl', '-D', proxy.conf.path, 'plugin', 'msg', 'x'])
  await ctl.exited()
}

/** The hooks of one part of a test: a part is a file of its own, because a file has a time limit. */
export interface Part {
  /** From 0. */
  readonly index: number
  readonly of: number
}

/** Has a plugin fail on every hook of a part in every way, in or out of workers as the options of its line say. */
export async function failEverywhere(t: Test, options: string, { index, of }: Part): Promise<void> {
  const stage = await start(t, options)
  const { proxy } = stage
  t.equal(await askAnew(stage.port), 200, 'it serves')
  const hooks = HOOK_IDS.filter(hook => hook !== 'TS_LIFECYCLE_SHUTDOWN_HOOK')
  for (const hook of hooks.filter((_, i) => i % of === index)) {
    await failOn(stage, hook)
    t.equal(await askAnew(stage.port), 200, `it serves after ${hook}`)
  }
  stage.fail('TS_LIFECYCLE_SHUTDOWN_HOOK')
  proxy.child.kill('SIGTERM')
  t.equal(await proxy.child.exited(), 0, 'a signal ends it, in good order')
  t.notMatch(proxy.output(), /nothing caught|no worker says|FATAL|PTC_INTERNAL/, 'all of it was foreseen')
  const longest = Math.max(
    ...proxy
      .output()
      .split('\n')
      .map(line => line.length),
  )
  t.ok(longest < 20_000, `no line is long (${longest})`)
}
