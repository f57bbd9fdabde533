/** Python's h2, which has nothing of nghttp2: by itself inside a bumped CONNECT, and as httpx has it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'tap'
import { startBumping } from '../kit/bumping.js'
import { startChild } from '../kit/child.js'
import { MODES, startForClients } from '../kit/client-programs.js'
import { testRoot } from '../kit/connecting.js'
import { answerHttp2, type Http2Answer, http2Origin } from '../kit/http2-origin.js'
import { answer } from '../kit/node-origin.js'
import { requireProgram } from '../kit/programs.js'
import { makeTempDir } from '../kit/temp-dir.js'

const HOST = 'www.google.com'

/** Asks on several streams at once, by its own flow control, and prints an object of JSON for each. */
const SCRIPT = `
import json, socket, ssl, sys
import h2.config, h2.connection, h2.events

proxy_port, host, port, ca = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4]
authority = f'{host}:{port}'
tcp = socket.create_connection(('127.0.0.1', proxy_port), 60)
tcp.sendall(f'CONNECT {authority} HTTP/1.1\\r\\nHost: {authority}\\r\\n\\r\\n'.encode())
head = b''
while not head.endswith(b'\\r\\n\\r\\n'):
    head += tcp.recv(1)
context = ssl.create_default_context(cafile=ca)
context.set_alpn_protocols(['h2', 'http/1.1'])
tls = context.wrap_socket(tcp, server_hostname=host)
assert tls.selected_alpn_protocol() == 'h2', tls.selected_alpn_protocol()

h2c = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding='utf-8'))
h2c.initiate_connection()
asked, uploads, answers = {}, {}, {}
for path, size in (('/bytes/200000', None), ('/echo', 300000), ('/trailers', None), ('/short', None)):
    stream = h2c.get_next_available_stream_id()
    asked[stream] = path
    answers[stream] = {'path': path, 'size': 0}
    method = 'GET' if size is None else 'POST'
    h2c.send_headers(stream, [(':method', method), (':scheme', 'https'), (':authority', authority),
        (':path', path), ('te', 'trailers')], end_stream=size is None)
    if size is not None:
        uploads[stream] = size

def upload():
    for stream in list(uploads):
        while uploads[stream] > 0:
            size = min(uploads[stream], h2c.local_flow_control_window(stream), h2c.max_outbound_frame_size)
            if size <= 0:
                break
            h2c.send_data(stream, b'x' * size)
            uploads[stream] -= size
        if uploads[stream] == 0:
            h2c.end_stream(stream)
            del uploads[stream]

while asked:
    upload()
    tls.sendall(h2c.data_to_send())
    data = tls.recv(65536)
    assert data, 'the connection has ended'
    for event in h2c.receive_data(data):
        if isinstance(event, h2.events.ResponseReceived):
            answers[event.stream_id]['status'] = dict(event.headers)[':status']
        elif isinstance(event, h2.events.DataReceived):
            answers[event.stream_id]['size'] += len(event.data)
            h2c.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            answers[event.stream_id]['trailer'] = dict(event.headers).get('x-sum')
        elif isinstance(event, h2.events.StreamReset):
            answers[event.stream_id]['reset'] = int(event.error_code)
            asked.pop(event.stream_id, None)
        elif isinstance(event, h2.events.StreamEnded):
            asked.pop(event.stream_id, None)
tls.sendall(h2c.data_to_send())
print(json.dumps(sorted(answers.values(), key=lambda answer: answer['path'])))
`

test('streams of Python h2 beside one another: bodies both ways by its own flow control, trailers', async t => {
  const python = requireProgram('python3-h2')
  const origin = await http2Origin(
    end => t.teardown(end),
    [HOST],
    await testRoot(),
    (req, res) => {
      if (req.url !== '/trailers') return answerHttp2(req, res)
      res.addTrailers({ 'x-sum': '42' })
      res.end('with trailers')
    },
  )
  const { proxy, trusted } = await startBumping(t, { hosts: [HOST] })
  const dir = makeTempDir()
  t.teardown(dir.remove)
  const args = [String(proxy.port), HOST, String(origin.port), dir.file('ca.pem', trusted)]
  const child = await startChild(python, ['-c', SCRIPT, ...args])
  t.teardown(child.stop)
  await child.exited()
  t.equal(child.stderr(), '')
  t.strictSame(JSON.parse(child.stdout() || '[]'), [
    { path: '/bytes/200000', size: 200_000, status: '200' },
    { path: '/echo', size: 300_000, status: '200' },
    { path: '/short', size: 'hello over 2.0'.length, status: '200' },
    { path: '/trailers', size: 'with trailers'.length, status: '200', trailer: '42' },
  ])
  t.equal(origin.connections, 1)
})

/** Several requests at once, then one whose answer breaks off. Prints path, version, status and size of each. */
const HTTPX = `
import asyncio, json, sys
import httpx

proxy, ca, url = sys.argv[1:4]

async def main():
    got = []
    async with httpx.AsyncClient(http2=True, proxies=proxy, verify=ca, timeout=60) as client:
        async def ask(method, path, size):
            body = b'x' * size if size else None
            async with client.stream(method, url + path, content=body) as answer:
                count = 0
                async for part in answer.aiter_raw():
                    count += len(part)
                got.append([path, answer.http_version, answer.status_code, count])
        await asyncio.gather(*(ask('GET', f'/bytes/{n * 100000}', 0) for n in range(1, 4)), ask('POST', '/echo', 300000))
        try:
            await ask('GET', '/broken', 0)
        except httpx.RemoteProtocolError as error:
            got.append(['broken', type(error).__name__])
    print(json.dumps(sorted(got)))

asyncio.run(main())
`

for (const mode of MODES) {
  test(`Python's httpx in ${mode} mode: HTTP/2 where the origin speaks it, else HTTP/1.1`, async t => {
    const python = requireProgram('python3-httpx')
    const { run, proxyUrl, trustFile, http, https } = await startForClients(t, mode, [HOST])
    const breaking: Http2Answer = (req, res) => {
      if (req.url !== '/broken') return answerHttp2(req, res)
      res.write('begin')
      setTimeout(() => res.stream.close(2), 50)
    }
    const handler = (req: IncomingMessage, res: ServerResponse): void => {
      if (req.url !== '/broken') return answer(req, res)
      res.write('begin')
      setTimeout(() => res.destroy(), 50)
    }
    const current = await http2Origin(end => t.teardown(end), [HOST], await testRoot(), breaking)
    const [plain, secure] = [await http({ handler }), await https([HOST], { handler })]
    for (const [version, scheme, port] of [
      ['HTTP/2', 'https', current.port],
      ['HTTP/1.1', 'https', secure.port],
      ['HTTP/1.1', 'http', plain.port],
    ] as const) {
      const url = `${scheme}://${HOST}:${port}`
      const got = await run(python, ['-c', HTTPX, proxyUrl, trustFile, url])
      t.equal(got.code, 0, got.stderr)
      t.strictSame(
        JSON.parse(got.stdout || '[]'),
        [
          ['/bytes/100000', version, 200, 100_000],
          ['/bytes/200000', version, 200, 200_000],
          ['/bytes/300000', version, 200, 300_000],
          ['/echo', version, 200, 300_000],
          ['broken', 'RemoteProtocolError'],
        ],
        url,
      )
    }
  })
}
