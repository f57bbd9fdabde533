// Longer than 250 lines because there is one case for each record.
/** What shows that a reload takes over the records about requests, connections and access. */

import { createServer } from 'node:http'
import { get, getOn } from '../kit/client.js'
import { type DeafPort, deafPort } from '../kit/deaf-port.js'
import { LoginClient, loginOrigin } from '../kit/login-origin.js'
import type { NodeOrigin } from '../kit/node-origin.js'
import { rawOrigin, scripts } from '../kit/raw-origin.js'
import {
  HOST,
  keeping,
  lateStatusOf,
  outcomeOf,
  plain,
  type ReloadCases,
  type Stage,
} from '../kit/reloading.js'
import { guardServer } from '../kit/tcp-server.js'

const viaOf = async (stage: Stage): Promise<unknown> => {
  await plain(stage)
  return stage.origin.requests.at(-1)?.headers.via?.replace(/^1\.1 |-[0-9a-f]{8}$/g, '')
}

/** What the origin receives of a request with these fields. */
const received =
  (name: string, fields: readonly string[] = []) =>
  async (stage: Stage): Promise<unknown> => {
    await get(stage.proxy.port, `${stage.http}/`, fields)
    return stage.origin.requests.at(-1)?.headers[name] ?? 'none'
  }
const removes = (field: string) =>
  ({ from: 0, to: 1, probe: received(field, [`${field}: x`]), expect: ['x', 'none'] }) as const

const hangs = lateStatusOf(({ http }) => `${http}/hang`)
const SLOW = { 'proxy.config.http.transaction_no_activity_timeout_out': 60 } as const

/** Whether a second connection, beside one that is open, gets an answer. */
const second = async (stage: Stage): Promise<'served' | 'refused'> => {
  const first = await stage.client()
  await getOn(first, `${stage.http}/`)
  const other = await stage.client()
  try {
    await getOn(other, `${stage.http}/`)
    return 'served'
  } catch {
    return 'refused'
  } finally {
    first.stop()
    other.stop()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

export const HTTP_CASES: ReloadCases<
  | 'proxy.config.proxy_name'
  | 'proxy.config.http.insert_request_via_str'
  | 'proxy.config.http.insert_response_via_str'
  | 'proxy.config.http.insert_squid_x_forwarded_for'
  | 'proxy.config.http.insert_client_ip'
  | 'proxy.config.http.insert_forwarded'
  | 'proxy.config.http.alt_svc'
  | 'proxy.config.http.anonymize_remove_from'
  | 'proxy.config.http.anonymize_remove_referer'
  | 'proxy.config.http.anonymize_remove_user_agent'
  | 'proxy.config.http.anonymize_remove_cookie'
  | 'proxy.config.http.anonymize_remove_client_ip'
  | 'proxy.config.http.anonymize_other_header_list'
  | 'proxy.config.http.request_header_max_size'
  | 'proxy.config.http.response_header_max_size'
  | 'proxy.config.http.origin_leniency'
  | 'proxy.config.http.connect_attempts_timeout'
  | 'proxy.config.http.connect_attempts_delay'
  | 'proxy.config.http.keep_alive_no_activity_timeout_in'
  | 'proxy.config.http.keep_alive_no_activity_timeout_out'
  | 'proxy.config.http.transaction_no_activity_timeout_in'
  | 'proxy.config.http.transaction_no_activity_timeout_out'
  | 'proxy.config.http.tunnel_no_activity_timeout'
  | 'proxy.config.http.transaction_active_timeout_in'
  | 'proxy.config.http.transaction_active_timeout_out'
  | 'proxy.config.websocket.no_activity_timeout'
  | 'proxy.config.http.origin_max_idle'
  | 'proxy.config.http.auth_server_session_private'
  | 'proxy.config.cache.ip_allow.filename'
  | 'proxy.config.http.deny_private_origins'
  | 'proxy.config.net.connections_throttle'
  | 'proxy.config.net.max_connections_in'
  | 'proxy.config.net.per_client.max_connections_in'
> = {
  'proxy.config.proxy_name': { from: 'one', to: 'two', probe: viaOf, expect: ['one', 'two'] },
  'proxy.config.http.insert_request_via_str': {
    from: 1,
    to: 0,
    conf: { records: { 'proxy.config.proxy_name': 'one' } },
    probe: viaOf,
    expect: ['one', undefined],
  },
  'proxy.config.http.insert_response_via_str': {
    from: 1,
    to: 0,
    probe: async ({ proxy, http }) => typeof (await get(proxy.port, `${http}/`)).header('via'),
    expect: ['string', 'undefined'],
  },
  'proxy.config.http.request_header_max_size': {
    from: 131_072,
    to: 2000,
    probe: async ({ proxy, http }) => (await get(proxy.port, `${http}/`, [`X: ${'x'.repeat(3000)}`])).status,
    expect: [200, 431],
  },
  'proxy.config.http.response_header_max_size': {
    from: 131_072,
    to: 1024,
    origin: { handler: (_, response) => void response.writeHead(200, { X: 'x'.repeat(3000) }).end('x') },
    probe: plain,
    expect: [200, 502],
  },
  'proxy.config.http.origin_leniency': {
    from: 1,
    to: 0,
    make: async later => {
      const origin = await rawOrigin(scripts.reply('HTTP/1.1 200 OK\nContent-Length: 0\n\n'))
      later(origin.stop)
      return origin
    },
    probe: async ({ proxy, made }) =>
      (await get(proxy.port, `http://${HOST}:${(made as { port: number }).port}/`)).status,
    expect: [200, 502],
  },
  'proxy.config.http.connect_attempts_timeout': {
    from: 1,
    to: 60,
    make: async later => {
      const deaf = await deafPort()
      later(deaf.stop)
      return deaf
    },
    probe: lateStatusOf(({ made }) => `http://${HOST}:${(made as DeafPort).port}/`),
    expect: [504, 'waits'],
  },
  'proxy.config.http.connect_attempts_delay': {
    from: 10,
    to: 10_000,
    make: async later => {
      const silent = await deafPort()
      later(silent.stop)
      const server = createServer((_, res) => res.setHeader('Connection', 'close').end())
      later((await guardServer(server, { host: '127.0.0.2', port: silent.port })).stop)
      return silent
    },
    conf: {
      records: { 'proxy.config.hostdb.host_file.path': 'hosts' },
      files: { hosts: '127.0.0.1 two.test\n127.0.0.2 two.test\n' },
    },
    probe: lateStatusOf(({ made }) => `http://two.test:${(made as DeafPort).port}/`),
    expect: [200, 'waits'],
  },
  'proxy.config.http.keep_alive_no_activity_timeout_in': {
    from: 120,
    to: 7,
    probe: async ({ proxy, http }) => (await get(proxy.port, `${http}/`)).header('keep-alive'),
    expect: ['timeout=120', 'timeout=7'],
  },
  'proxy.config.http.keep_alive_no_activity_timeout_out': {
    from: 120,
    to: 1,
    probe: keeping,
    expect: ['keeps', 'closes'],
  },
  'proxy.config.http.transaction_no_activity_timeout_in': {
    from: 1,
    to: 60,
    probe: async stage => {
      const client = await stage.client()
      client.send('GET ')
      return outcomeOf(client.response('GET', 30_000).then(({ status }) => status))
    },
    expect: [408, 'waits'],
  },
  'proxy.config.http.transaction_no_activity_timeout_out': {
    from: 1,
    to: 60,
    probe: hangs,
    expect: [504, 'waits'],
  },
  'proxy.config.http.tunnel_no_activity_timeout': {
    from: 60,
    to: 1,
    conf: {
      records: { 'proxy.config.http.connect.verify': 'tunnel', 'proxy.config.http.connect_ports': '*' },
    },
    make: async later => {
      const origin = await rawOrigin(async () => undefined)
      later(origin.stop)
      return origin
    },
    probe: async stage => {
      const { port } = stage.made as { port: number }
      const client = await stage.client()
      client.send(`CONNECT ${HOST}:${port} HTTP/1.1\r\nHost: x\r\n\r\n`)
      return outcomeOf(client.ended(30_000).then(() => 'closed'))
    },
    expect: ['waits', 'closed'],
  },
  'proxy.config.http.transaction_active_timeout_in': {
    from: 900,
    to: 1,
    conf: { records: SLOW },
    probe: hangs,
    expect: ['waits', 504],
  },
  'proxy.config.http.transaction_active_timeout_out': {
    from: 0,
    to: 1,
    conf: { records: SLOW },
    probe: hangs,
    expect: ['waits', 504],
  },
  'proxy.config.websocket.no_activity_timeout': {
    from: 60,
    to: 1,
    make: async later => {
      const origin = await rawOrigin(async connection => {
        await connection.untilBytes(1)
        connection.send('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n')
      })
      later(origin.stop)
      return origin
    },
    probe: async stage => {
      const { port } = stage.made as { port: number }
      const client = await stage.client()
      client.send(
        `GET http://${HOST}:${port}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`,
      )
      await client.response()
      return outcomeOf(client.ended(30_000).then(() => 'ends'))
    },
    expect: ['waits', 'ends'],
  },
  'proxy.config.http.origin_max_idle': { from: 64, to: 0, probe: keeping, expect: ['keeps', 'closes'] },
  'proxy.config.http.auth_server_session_private': {
    from: 1,
    to: 0,
    make: async later => {
      const origin = await loginOrigin()
      later(origin.stop)
      return origin
    },
    probe: async stage => {
      const { port } = stage.made as NodeOrigin
      const at = async () =>
        new LoginClient(await stage.client(), `http://${HOST}:${port}/`, `${HOST}:${port}`)
      await (await at()).login('alice')
      return (await (await at()).ask()).status
    },
    expect: [401, 200],
  },
  'proxy.config.cache.ip_allow.filename': {
    from: 'allow.yaml',
    to: 'deny.yaml',
    conf: {
      files: {
        'allow.yaml': 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: allow, methods: ALL}\n',
        'deny.yaml': 'ip_allow:\n  - {apply: in, ip_addrs: 127.0.0.1, action: deny, methods: ALL}\n',
      },
    },
    probe: plain,
    expect: [200, 403],
  },
  'proxy.config.http.deny_private_origins': { from: 0, to: 1, probe: plain, expect: [200, 403] },
  'proxy.config.http.insert_squid_x_forwarded_for': {
    from: 0,
    to: 1,
    probe: received('x-forwarded-for', ['X-Forwarded-For: 192.0.2.1']),
    expect: ['192.0.2.1', '192.0.2.1, 127.0.0.1'],
  },
  'proxy.config.http.insert_client_ip': {
    from: 0,
    to: 1,
    probe: received('client-ip'),
    expect: ['none', '127.0.0.1'],
  },
  'proxy.config.http.insert_forwarded': {
    from: 'for',
    to: 'for|by=ip|proto',
    probe: received('forwarded'),
    expect: ['for=127.0.0.1', 'for=127.0.0.1;by=127.0.0.1;proto=http'],
  },
  'proxy.config.http.alt_svc': {
    from: 'strip',
    to: 'keep',
    probe: received('alt-used', ['Alt-Used: other.test']),
    expect: ['none', 'other.test'],
  },
  'proxy.config.http.anonymize_remove_from': removes('from'),
  'proxy.config.http.anonymize_remove_referer': removes('referer'),
  'proxy.config.http.anonymize_remove_user_agent': removes('user-agent'),
  'proxy.config.http.anonymize_remove_cookie': removes('cookie'),
  'proxy.config.http.anonymize_remove_client_ip': removes('client-ip'),
  'proxy.config.http.anonymize_other_header_list': {
    from: 'X-Other',
    to: 'X-Other, X-Secret',
    probe: received('x-secret', ['X-Secret: x']),
    expect: ['x', 'none'],
  },
  'proxy.config.net.connections_throttle': {
    from: 30_000,
    to: 1,
    probe: second,
    expect: ['served', 'refused'],
  },
  'proxy.config.net.max_connections_in': {
    from: 30_000,
    to: 1,
    probe: second,
    expect: ['served', 'refused'],
  },
  'proxy.config.net.per_client.max_connections_in': {
    from: 0,
    to: 1,
    probe: second,
    expect: ['served', 'refused'],
  },
}
