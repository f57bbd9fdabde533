/** What shows that a reload takes over the records about parent proxies. */

import { get } from '../kit/client.js'
import { deafPort } from '../kit/deaf-port.js'
import { type ParentProxy, parentProxy } from '../kit/parent-proxy.js'
import { HOST, type ReloadCases, type Stage, stranger } from '../kit/reloading.js'
import { listen } from '../kit/tcp-server.js'

/** Two parents. */
interface Parents {
  readonly one: ParentProxy
  readonly two: ParentProxy
}

const parents = async (later: Stage['later']): Promise<Parents> => {
  const [one, two] = [await parentProxy(), await parentProxy()]
  later(one.stop)
  later(two.stop)
  return { one, two }
}

/** Which parent is asked, and with what credentials. */
const asked = async (stage: Stage): Promise<unknown> => {
  const { one, two } = stage.made as Parents
  const before = [one.asked.length, two.asked.length]
  const { status } = await get(stage.proxy.port, `${stage.http}/`)
  if (one.asked.length > (before[0] ?? 0))
    return `one ${one.headers.at(-1)?.['proxy-authorization'] ?? ''}`.trim()
  return two.asked.length > (before[1] ?? 0) ? 'two' : `none, ${status}`
}

const line = (port: number, more = ''): string => `dest_domain=. parent="127.0.0.1:${port}" ${more}\n`
const NOWHERE = '127.0.0.1:1'

/** How many of these parents, none of which listens, are tried for a request. */
const tried = async ({ proxy, http }: Stage): Promise<unknown> => (await get(proxy.port, `${http}/`)).status

export const PARENT_CASES: ReloadCases<
  | 'proxy.config.http.parent_proxy.file'
  | 'proxy.config.http.parent_proxies'
  | 'proxy.config.http.parent_proxies.credentials'
  | 'proxy.config.http.parent_from_env'
  | 'proxy.config.http.parent_proxy.fail_threshold'
  | 'proxy.config.http.parent_proxy.retry_time'
  | 'proxy.config.http.parent_proxy.total_connect_attempts'
  | 'proxy.config.http.parent_proxy.connect_attempts_timeout'
  | 'proxy.config.http.parent_proxy.CA.cert.filename'
  | 'proxy.config.http.proxy_protocol_out'
  | 'proxy.config.http.no_dns_just_forward_to_parent'
> = {
  'proxy.config.http.parent_proxy.file': {
    from: 'one.config',
    to: 'two.config',
    make: parents,
    conf: ({ one, two }: Parents) => ({
      files: { 'one.config': line(one.port), 'two.config': line(two.port) },
    }),
    probe: asked,
    expect: ['one', 'two'],
  },
  'proxy.config.http.parent_proxies': {
    from: null,
    to: ({ two }: Parents) => `127.0.0.1:${two.port}`,
    make: parents,
    probe: asked,
    expect: ['none, 200', 'two'],
  },
  'proxy.config.http.parent_proxies.credentials': {
    from: null,
    to: 'login',
    make: parents,
    conf: ({ one }: Parents) => ({
      records: { 'proxy.config.http.parent_proxies': `127.0.0.1:${one.port}` },
      files: { login: 'bearer t0ken\n' },
    }),
    probe: asked,
    expect: ['one', 'one Bearer t0ken'],
  },
  'proxy.config.http.parent_from_env': {
    from: 0,
    to: 1,
    make: parents,
    conf: ({ one }: Parents) => ({ env: { http_proxy: `http://ann:secret@127.0.0.1:${one.port}` } }),
    probe: asked,
    expect: ['none, 200', 'one Basic YW5uOnNlY3JldA=='],
  },
  'proxy.config.http.parent_proxy.fail_threshold': {
    from: 100,
    to: 1,
    make: async later => {
      const made = await parents(later)
      return { ...made, down: 0 }
    },
    conf: ({ one }: Parents) => ({
      files: { 'parent.config': `dest_domain=. parent="${NOWHERE};127.0.0.1:${one.port}"\n` },
    }),
    probe: async stage => {
      const before = /is down/.test(stage.proxy.output())
      await asked(stage)
      return [before, /is down/.test(stage.proxy.output())]
    },
    expect: [
      [false, false],
      [false, true],
    ],
  },
  'proxy.config.http.parent_proxy.retry_time': {
    from: 300,
    to: 0,
    make: parents,
    conf: ({ one }: Parents) => ({
      records: { 'proxy.config.http.parent_proxy.fail_threshold': 2 },
      files: { 'parent.config': `dest_domain=. parent="${NOWHERE};127.0.0.1:${one.port}"\n` },
    }),
    probe: async stage => {
      for (let i = 0; i < 3; i++) await get(stage.proxy.port, `${stage.http}/`)
      return /tried last for (\d+) s/.exec(
        stage.proxy.output().split('configuration reloaded').at(-1) ?? '',
      )?.[1]
    },
    expect: ['300', undefined],
  },
  'proxy.config.http.parent_proxy.total_connect_attempts': {
    from: 2,
    to: 1,
    make: parents,
    conf: ({ one }: Parents) => ({
      files: { 'parent.config': `dest_domain=. parent="${NOWHERE};127.0.0.1:${one.port}" go_direct=false\n` },
    }),
    probe: tried,
    expect: [200, 502],
  },
  'proxy.config.http.parent_proxy.connect_attempts_timeout': {
    from: 60,
    to: 1,
    make: async later => {
      const deaf = await deafPort()
      later(deaf.stop)
      return deaf
    },
    conf: ({ port }: { readonly port: number }) => ({
      files: { 'parent.config': `dest_domain=. parent="127.0.0.1:${port}" go_direct=false\n` },
    }),
    probe: async stage =>
      Promise.race([tried(stage), new Promise(resolve => setTimeout(() => resolve('waits'), 4000).unref())]),
    expect: ['waits', 502],
  },
  'proxy.config.http.parent_proxy.CA.cert.filename': {
    from: null,
    to: 'parents.pem',
    make: async later => {
      const leaf = await stranger.issue({ cn: '127.0.0.1', sans: ['127.0.0.1'] })
      const made = await parentProxy({ tls: { certPem: leaf.chainPem, keyPem: leaf.keyPem } })
      later(made.stop)
      return made
    },
    conf: ({ port }: ParentProxy) => ({
      files: {
        'parents.pem': stranger.certPem,
        'parent.config': `dest_domain=. parent="https://127.0.0.1:${port}" go_direct=false\n`,
      },
    }),
    probe: tried,
    expect: [502, 200],
  },
  'proxy.config.http.proxy_protocol_out': {
    from: -1,
    to: 1,
    make: async later => {
      const said: string[] = []
      const server = await listen(socket =>
        socket.once('data', bytes => {
          said.push(bytes.toString('latin1'))
          socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        }),
      )
      later(server.stop)
      return { said, port: server.port }
    },
    probe: async stage => {
      const { said, port } = stage.made as { readonly said: string[]; readonly port: number }
      await get(stage.proxy.port, `http://${HOST}:${port}/`)
      return said.at(-1)?.slice(0, 10)
    },
    expect: ['GET / HTTP', 'PROXY TCP4'],
  },
  'proxy.config.http.no_dns_just_forward_to_parent': {
    from: 1,
    to: 0,
    make: parents,
    conf: ({ one }: Parents) => ({ files: { 'parent.config': line(one.port) } }),
    probe: async stage => {
      const { one } = stage.made as Parents
      await get(stage.proxy.port, `https://${HOST}:${stage.secure.port}/`)
      return one.asked.at(-1)?.replace(/:\d+$/, '')
    },
    expect: [`CONNECT ${HOST}`, 'CONNECT 127.0.0.1'],
  },
}
