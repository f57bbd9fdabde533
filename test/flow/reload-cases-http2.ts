/** What shows that a reload takes over the records about HTTP/2. */
import { once } from 'node:events'
import type { Http2ServerResponse, Settings } from 'node:http2'
import { FRAME } from '../../core/http2/frames.js'
import { get } from '../kit/client.js'
import { Http2Client, tlsSocket } from '../kit/http2-client.js'
import { FLOODS, frame, HEAD, rawHttp2 } from '../kit/http2-frames.js'
import { type Http2Origin, http2Origin } from '../kit/http2-origin.js'
import type { ProxyConf } from '../kit/proxy.js'
import { HOST, OTHER, outcomeOf, type ReloadCases, root, type Stage } from '../kit/reloading.js'

const leaf = await root.issue({ cn: 'one.example' })

const onSsl = (records: ProxyConf['records'] = {}): ProxyConf => ({
  records: {
    'proxy.config.http.server_ports': '0:ssl:ip-in=127.0.0.1',
    'proxy.config.http2.enabled': 1,
    ...records,
  },
  files: { 'ssl_multicert.config': 'ssl_cert_name=one.pem\n', 'one.pem': leaf.chainPem + leaf.keyPem },
})

const negotiated = async (stage: Stage): Promise<string | false | null> => {
  const socket = await tlsSocket(stage.proxy.port, { ca: root.certPem, servername: 'one.example' })
  stage.later(() => socket.destroy())
  return socket.alpnProtocol
}

const speak = async (stage: Stage): Promise<Http2Client> => {
  const socket = await tlsSocket(stage.proxy.port, { ca: root.certPem, servername: 'one.example' })
  const client = new Http2Client(socket)
  stage.later(client.stop)
  return client
}

/** What the proxy announces to a client. */
const announced =
  (name: keyof Settings) =>
  async (stage: Stage): Promise<unknown> => {
    const { session } = await speak(stage)
    await once(session, 'remoteSettings')
    return session.remoteSettings[name]
  }

/** An origin of HTTP/2, which answers a request for `/pair` when two are there, and a proxy that speaks it with origins. */
const TO_ORIGIN = {
  make: (later: Stage['later']) => {
    const pair: Http2ServerResponse[] = []
    return http2Origin(later, [HOST, OTHER], root, (req, res) => {
      if (req.url !== '/pair') return void res.end('ok')
      if (pair.push(res) === 2) for (const each of pair.splice(0)) each.end('ok')
    })
  },
  conf: {
    records: {
      'proxy.config.http2.enabled': 1,
      'proxy.config.ssl.client.alpn_protocols': 'h2,http/1.1',
    },
  } satisfies ProxyConf,
}

const closeOf = (session: Http2Origin['sessions'][number] | undefined): Promise<unknown> =>
  session === undefined ? Promise.reject(new Error('no session')) : once(session, 'close')

const ask = (stage: Stage, path: string) =>
  get(stage.proxy.port, `https://${HOST}:${(stage.made as Http2Origin).port}${path}`)

/** How many connections the proxy opens for what `request` asks, beside the one that is open. */
async function newConnections(
  stage: Stage,
  request: (origin: Http2Origin) => Promise<unknown>,
): Promise<number> {
  const origin = stage.made as Http2Origin
  await ask(stage, '/')
  const before = origin.connections
  await request(origin)
  return origin.connections - before
}

/** Whether three frames of a kind in a minute end the connection. */
const flooding = (kind: keyof typeof FLOODS) =>
  ({
    from: 2,
    to: 200,
    conf: onSsl(),
    probe: async (stage: Stage) => {
      const raw = await rawHttp2(stage.proxy.port, root.certPem, 'one.example')
      stage.later(raw.stop)
      raw.send(Buffer.concat(FLOODS[kind](3)))
      return outcomeOf(raw.closed.then(() => 'ends'))
    },
    expect: ['ends', 'waits'],
  }) as const

export const HTTP2_CASES: ReloadCases<
  | 'proxy.config.http2.incomplete_header_timeout_in'
  | 'proxy.config.http2.max_empty_frames_per_minute'
  | 'proxy.config.http2.max_continuation_frames_per_minute'
  | 'proxy.config.http2.max_rst_stream_frames_per_minute'
  | 'proxy.config.http2.max_priority_frames_per_minute'
  | 'proxy.config.http2.max_ping_frames_per_minute'
  | 'proxy.config.http2.max_settings_frames_per_minute'
  | 'proxy.config.http2.enabled'
  | 'proxy.config.http2.max_concurrent_streams_in'
  | 'proxy.config.http2.initial_window_size_in'
  | 'proxy.config.http2.max_frame_size'
  | 'proxy.config.http2.max_concurrent_streams_out'
  | 'proxy.config.http2.initial_window_size_out'
  | 'proxy.config.http2.no_activity_timeout_out'
  | 'proxy.config.http2.header_table_size'
  | 'proxy.config.http2.max_header_list_size'
  | 'proxy.config.http2.no_activity_timeout_in'
  | 'proxy.config.http2.connection_coalescing_out'
> = {
  'proxy.config.http2.connection_coalescing_out': {
    from: 1,
    to: 0,
    ...TO_ORIGIN,
    probe: stage => newConnections(stage, ({ port }) => get(stage.proxy.port, `https://${OTHER}:${port}/`)),
    expect: [0, 1],
  },
  'proxy.config.http2.enabled': {
    from: 0,
    to: 1,
    conf: onSsl(),
    probe: negotiated,
    expect: ['http/1.1', 'h2'],
  },
  'proxy.config.http2.max_concurrent_streams_in': {
    from: 7,
    to: 100,
    conf: onSsl(),
    probe: announced('maxConcurrentStreams'),
    expect: [7, 100],
  },
  'proxy.config.http2.initial_window_size_in': {
    from: 2000,
    to: 100_000,
    conf: onSsl(),
    probe: announced('initialWindowSize'),
    expect: [2000, 100_000],
  },
  'proxy.config.http2.max_frame_size': {
    from: 16_384,
    to: 32_768,
    conf: onSsl(),
    probe: announced('maxFrameSize'),
    expect: [16_384, 32_768],
  },
  'proxy.config.http2.header_table_size': {
    from: 0,
    to: 8192,
    conf: onSsl(),
    probe: announced('headerTableSize'),
    expect: [0, 8192],
  },
  'proxy.config.http2.max_header_list_size': {
    from: 5000,
    to: 4_294_967_295,
    conf: onSsl(),
    probe: announced('maxHeaderListSize'),
    expect: [5000, 131_072],
  },
  'proxy.config.http2.no_activity_timeout_in': {
    from: 1,
    to: 60,
    conf: onSsl(),
    probe: async stage => {
      const client = await speak(stage)
      await client.ask({ ':authority': `${HOST}:${stage.origin.port}`, ':scheme': 'http', ':path': '/' })
      return outcomeOf(client.closed.then(() => 'ends'))
    },
    expect: ['ends', 'waits'],
  },
  'proxy.config.http2.max_concurrent_streams_out': {
    from: 1,
    to: 100,
    ...TO_ORIGIN,
    probe: stage => newConnections(stage, () => Promise.all([ask(stage, '/pair'), ask(stage, '/pair')])),
    expect: [1, 0],
  },
  'proxy.config.http2.initial_window_size_out': {
    from: 2000,
    to: 100_000,
    ...TO_ORIGIN,
    probe: async stage => {
      await ask(stage, '/')
      const session = (stage.made as Http2Origin).sessions.at(-1)
      const window = session?.remoteSettings.initialWindowSize
      session?.destroy() // what is open keeps its window
      return window
    },
    expect: [2000, 100_000],
  },
  'proxy.config.http2.no_activity_timeout_out': {
    from: 1,
    to: 60,
    ...TO_ORIGIN,
    probe: async stage => {
      await ask(stage, '/')
      const session = (stage.made as Http2Origin).sessions.at(-1)
      return outcomeOf(closeOf(session).then(() => 'ends'))
    },
    expect: ['ends', 'waits'],
  },
  'proxy.config.http2.max_settings_frames_per_minute': flooding('settings'),
  'proxy.config.http2.max_ping_frames_per_minute': flooding('ping'),
  'proxy.config.http2.max_priority_frames_per_minute': flooding('priority'),
  'proxy.config.http2.max_rst_stream_frames_per_minute': flooding('rst_stream'),
  'proxy.config.http2.max_continuation_frames_per_minute': flooding('continuation'),
  'proxy.config.http2.max_empty_frames_per_minute': flooding('empty'),
  'proxy.config.http2.incomplete_header_timeout_in': {
    from: 1,
    to: 60,
    conf: onSsl(),
    probe: async stage => {
      const raw = await rawHttp2(stage.proxy.port, root.certPem, 'one.example')
      stage.later(raw.stop)
      raw.send(frame(FRAME.headers, 0, 1, HEAD))
      return outcomeOf(raw.closed.then(() => 'ends'))
    },
    expect: ['ends', 'waits'],
  },
}
