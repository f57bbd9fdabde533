/** SOCKS servers and TLS relays that others wrote, as parents. */
import { type Child, startChild } from './child.js'
import { freePort } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'

export interface RunningParent {
  readonly port: number
  readonly child: Child
  stop(): Promise<void>
}

/** microsocks, which has no log line for its port: it is tried until it answers. */
export async function microsocks(login?: { user: string; password: string }): Promise<RunningParent> {
  const port = await freePort()
  const auth = login === undefined ? [] : ['-u', login.user, '-P', login.password]
  const child = await startChild('microsocks', ['-i', '127.0.0.1', '-p', String(port), ...auth])
  await answers(port)
  return { port, child, stop: () => child.stop() }
}

/** stunnel in front of a port of this machine. */
export async function stunnel(
  to: number,
  { chainPem, keyPem }: { readonly chainPem: string; readonly keyPem: string },
): Promise<RunningParent> {
  const dir = makeTempDir()
  const port = await freePort()
  const config = dir.file(
    'stunnel.conf',
    `foreground = yes
pid =
debug = notice
[parent]
accept = 127.0.0.1:${port}
connect = 127.0.0.1:${to}
cert = ${dir.file('cert.pem', chainPem)}
key = ${dir.file('key.pem', keyPem)}
`,
  )
  const child = await startChild('stunnel', [config])
  await answers(port)
  return {
    port,
    child,
    stop: async () => {
      await child.stop()
      dir.remove()
    },
  }
}

/** Until the port takes a connection. */
async function answers(port: number): Promise<void> {
  const { connect } = await import('node:net')
  for (let i = 0; i < 200; i++) {
    const isOpen = await new Promise<boolean>(resolve => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (isOpen) return
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  throw new Error(`nothing listens on ${port}`)
}
