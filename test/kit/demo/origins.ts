import { nodeOrigin } from '../node-origin.js'
import { makeAuthority } from '../pki.js'
import { tapRelay } from '../relay.js'
import type { Story } from './story.js'

/** An HTTPS origin on loopback that is known by a name of the demo, with a tap on the wire in front of it. */
export interface DemoOrigin {
  readonly host: string
  readonly port: number
  /** What reached it over its first connection; times are `performance.now()`. */
  seen(): Story['origin']
  stop(): Promise<void>
}

export async function demoOrigins(
  hosts: readonly string[],
): Promise<{ readonly origins: readonly DemoOrigin[]; readonly caPem: string }> {
  const ca = await makeAuthority({ name: 'Demo CA' })
  const origins = await Promise.all(
    hosts.map(async host => {
      const { chainPem, keyPem } = await ca.issue({ cn: host })
      return demoOrigin(host, chainPem, keyPem)
    }),
  )
  return { origins, caPem: ca.certPem }
}

async function demoOrigin(host: string, chainPem: string, keyPem: string): Promise<DemoOrigin> {
  const origin = await nodeOrigin({
    tls: { chainPem, keyPem },
    handler: (_, response) => void response.end(`Hello from ${host}\n`),
  })
  const tap = await tapRelay(origin.port)
  return {
    host,
    port: tap.port,
    seen: () => {
      const [hello, next] = tap.connections[0]?.fromClient.chunks ?? []
      const alert = alertName(origin.failures[0])
      return {
        ...(hello === undefined ? {} : { helloAt: hello.at }),
        ...(next === undefined ? {} : { nextAt: next.at }),
        ...(alert === undefined ? {} : { alert }),
        hasFinished: origin.handshakes.length > 0,
        requests: origin.requests.length,
      }
    },
    stop: async () => {
      await tap.stop()
      await origin.stop()
    },
  }
}

/** Node's code for a failed handshake, as RFC 8446 names the alert: ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE. */
function alertName(code: string | undefined): string | undefined {
  return code === undefined ? undefined : (/_ALERT_(\w+)$/.exec(code)?.[1] ?? code).toLowerCase()
}
