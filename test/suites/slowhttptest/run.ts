/**
 * Runs slowhttptest against the plain port, an `ssl` port and the inside of bumped tunnels, and asks for something else all the while:
 *
 *     node dist/test/suites/slowhttptest/run.js [CONNECTIONS [SECONDS [PART-OF-A-CASE'S-NAME]]]
 */
import { execFile } from 'node:child_process'
import { createServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { stripVTControlCharacters } from 'node:util'
import { createAuthority } from '../../../core/tls/inbound/authority.js'
import { residentOf } from '../../bench/process-facts.js'
import { answer, nodeOrigin } from '../../kit/node-origin.js'
import { makeAuthority } from '../../kit/pki.js'
import { startProxy } from '../../kit/proxy.js'
import { ask } from '../../kit/running-listener.js'
import { guardServer } from '../../kit/tcp-server.js'
import { tunnelsTo } from '../tunnels.js'

const [connections = '400', seconds = '60', only = ''] = process.argv.slice(2)
/** 127.0.0.1 for slowhttptest, which finds the tunnels there; the proxy finds the origin, on the same port. */
const HOST = 'localhost'
const ORIGIN_ADDRESS = '127.0.0.2'
/** The option, and a path whose answer waits for what is slow. */
const MODES = {
  'slow headers': ['-H', ''],
  'slow body': ['-B', 'echo'],
  'slow read': ['-X', 'bytes/1000000'],
} as const

const root = await makeAuthority({ name: 'Root' })
const leaf = await root.issue({ cn: HOST, sans: [HOST, '127.0.0.1'] })
const bump = await createAuthority('Bump CA')
const plain = await nodeOrigin()
const secure = await guardServer(createServer({ cert: leaf.chainPem, key: leaf.keyPem }, answer), {
  host: ORIGIN_ADDRESS,
  port: 0,
})
const proxy = await startProxy({
  ca: root.certPem,
  hosts: [],
  records: {
    'proxy.config.http.server_ports': '0:ip-in=127.0.0.1 0:ssl:ip-in=127.0.0.1',
    'proxy.config.http.connect_ports': '*',
    'proxy.config.http.connect.verify': 'bump',
  },
  files: {
    hosts: `${ORIGIN_ADDRESS} ${HOST}\n`,
    'proxy.pem': leaf.chainPem,
    'proxy.key': leaf.keyPem,
    'ssl_multicert.config': 'ssl_cert_name=proxy.pem ssl_key_name=proxy.key\n',
    'bump-ca.pem': bump.certPem,
    'bump-ca.key': bump.keyPem,
  },
})
const [, securePort = ''] = await proxy.until(/listens on \S+:\d+\n(?:.*\n)*?.*listens on \S+:(\d+)/)
const through = ['-d', `127.0.0.1:${proxy.port}`]

const tunnels = await tunnelsTo(`${HOST}:${secure.port}`, proxy.port, secure.port)
const TARGETS: Readonly<Record<string, readonly string[]>> = {
  'plain port': [...through, '-u', `http://127.0.0.1:${plain.port}/`],
  'ssl port': ['-u', `https://127.0.0.1:${securePort}/`],
  'bumped tunnel': ['-u', `https://${HOST}:${tunnels.port}/`],
}

/** Mebibytes that the proxy has in memory. */
const memory = (): number => residentOf(proxy.child.pid) / 1024

for (const [port, target] of Object.entries(TARGETS)) {
  for (const [mode, [option, path]] of Object.entries(MODES)) {
    if (!`${port}, ${mode}`.includes(only)) continue
    const load = ['-c', connections, '-r', '200', '-i', '5', '-l', seconds, '-p', '3', '-v', '1']
    let isOver = false
    const output = new Promise<string>(resolve =>
      execFile(
        'slowhttptest',
        [option, ...load, ...target.slice(0, -1), `${target.at(-1)}${path}`],
        (_, stdout) => resolve(stdout),
      ),
    )
    void output.then(() => {
      isOver = true
    })
    const times: number[] = []
    let failed = 0
    let most = memory()
    while (!isOver) {
      const began = performance.now()
      const got = await ask(proxy.port, `http://127.0.0.1:${plain.port}/`).catch(() => undefined)
      if (got?.status === 200) times.push(performance.now() - began)
      else failed += 1
      most = Math.max(most, memory())
      await sleep(250)
    }
    const text = stripVTControlCharacters(await output)
    const [, end = '?'] = /Exit status:\s*(.+)/.exec(text) ?? []
    const left = ['pending', 'connected', 'error', 'closed', 'service available'].map(
      what => `${what} ${[...text.matchAll(new RegExp(`${what}:\\s*(\\S+)`, 'g'))].at(-1)?.[1] ?? '?'}`,
    )
    times.sort((a, b) => a - b)
    const at = (share: number): string => `${times[Math.floor((times.length - 1) * share)]?.toFixed(0)} ms`
    console.log(`${port}, ${mode}: ${end}; ${left.join(', ')}`)
    console.log(
      `  others: ${times.length} requests answered, ${failed} not; median ${at(0.5)}, slowest ${at(1)}; at most ${most.toFixed(0)} MiB`,
    )
  }
}
await proxy.stop()
await tunnels.stop()
await plain.stop()
await secure.stop()
