/** The memory of a handshake that a plugin holds, with its connection and released. */
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startChild } from '../kit/child.js'
import { makeAuthority } from '../kit/pki.js'
import { startProxy } from '../kit/proxy.js'
import { makeTempDir } from '../kit/temp-dir.js'
import { machineText } from './machine.js'
import { residentOf } from './process-facts.js'

const HOST = 'held.test'
const HOLD = `export default ({ hookAdd }) => hookAdd('TS_SSL_CERT_VERIFY_HOOK', () => {})`

export interface HeldOptions {
  /** Handshakes that are held at once. */
  readonly count: number
  readonly print: (line: string) => void
}

/** Resident memory for each, in KB. */
export interface HeldFigures {
  readonly open: number
  readonly released: number
}

export async function benchHeld({ count, print }: HeldOptions): Promise<HeldFigures> {
  const root = await makeAuthority({ name: 'Root' })
  const dir = makeTempDir()
  const leaf = await root.issue({ cn: HOST })
  writeFileSync(join(dir.path, 'certificates.json'), JSON.stringify([leaf]))
  const file = fileURLToPath(new URL('handshake-origin.js', import.meta.url))
  const origin = await startChild(process.execPath, [file, join(dir.path, 'certificates.json')])
  try {
    const port = await origin.until(() => /port (\d+)/.exec(origin.stdout())?.[1], 'its port')
    const run = (release: number) => held(count, `https://${HOST}:${port}/`, root.certPem, release)
    const figures = { open: await run(0), released: await run(1) }
    print(machineText())
    print(`${count} handshakes held at once, resident memory for each, client's connection included:`)
    print(`  with the origin's connection  ${figures.open.toFixed(1)} KB`)
    print(`  released after a second       ${figures.released.toFixed(1)} KB`)
    return figures
  } finally {
    await origin.stop()
    dir.remove()
  }
}

/** @param release seconds until the connection with the origin is released; 0 for never */
async function held(count: number, url: string, ca: string, release: number): Promise<number> {
  const proxy = await startProxy({
    plugins: ['hold.mjs'],
    modules: { 'hold.mjs': HOLD },
    hosts: [HOST],
    ca,
    records: {
      'proxy.config.ssl.client.verify.release_after': release,
      'proxy.config.ssl.client.verify.deadline': 3_600_000,
      'proxy.config.admin.socket': 'ctl.sock',
    },
  })
  const clients: Socket[] = []
  try {
    await proxy.until(/managed through/)
    const state = () => stateOf(proxy.conf.path)
    const isHeld = async (wanted: number): Promise<void> => {
      for (;;) {
        const rows = await state()
        const done = release === 0 ? rows : rows.filter(({ connection }) => connection === 'released')
        if (done.length === wanted) return
        await sleep(500)
      }
    }
    // What the first ones need is needed once.
    for (let i = 0; i < 50; i++) clients.push(await ask(proxy.port, url))
    await isHeld(50)
    const before = residentOf(proxy.child.pid)
    for (let i = 50; i < count; i++) {
      clients.push(await ask(proxy.port, url))
      if (i % 200 === 0) await isHeld(clients.length)
    }
    await isHeld(count)
    await sleep(3000)
    return (residentOf(proxy.child.pid) - before) / (count - 50)
  } finally {
    for (const client of clients) client.destroy()
    await proxy.stop()
  }
}

async function ask(port: number, url: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  await once(socket, 'connect')
  socket.write(`GET ${url} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`)
  return socket
}

async function stateOf(confDir: string): Promise<readonly { readonly connection: string }[]> {
  const { sendTo } = await import('../../core/cli/ctl-client.js')
  const send = sendTo(join(confDir, 'ctl.sock'))
  return (await send<{ parked: readonly { connection: string }[] }>('GET', '/v1/parked')).parked
}
