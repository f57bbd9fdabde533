/** gRPC between Python's grpcio on both sides, which takes the proxy from its environment. */
import { test } from 'tap'
import { reject } from '../../core/api/verdict.js'
import { MODES, startForClients } from '../kit/client-programs.js'
import { testRoot } from '../kit/connecting.js'
import { grpcOrigin } from '../kit/grpc-origin.js'
import { requireProgram } from '../kit/programs.js'

const HOST = 'grpc.test'
const issued = async () => (await testRoot()).issue({ cn: HOST, sans: [HOST] })

/** Prints one object of JSON. Bidirectional: each message is sent when the answer to the one before has come. */
const CLIENT = `
import json, queue, sys
import grpc

target, ca = sys.argv[1:3]
channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(open(ca, 'rb').read()))
at = '/echo.Echo/'
got = {}

large = b'x' * 3000000
answer, call = channel.unary_unary(at + 'Unary').with_call(large, timeout=60, metadata=(('x-asked', 'a'),))
last = dict(call.trailing_metadata())
got['unary'] = [answer == large, dict(call.initial_metadata())['x-first'], last['x-last'], last['x-bin'] == bytes(range(256))]

got['server'] = [m.decode() for m in channel.unary_stream(at + 'ServerStream')(b'n', timeout=60)][-1]
got['client'] = channel.stream_unary(at + 'ClientStream')(iter([b'x' * 100000] * 20), timeout=60).decode()

sending = queue.Queue()
answers = channel.stream_stream(at + 'BothWays')(iter(sending.get, None), timeout=60)
got['both'] = []
for word in (b'one', b'two', b'x' * 200000, b''):
    sending.put(word)
    got['both'].append(len(next(answers)))
sending.put(None)
got['end'] = [len(list(answers)), answers.code().name]

def failing(call):
    try:
        return ['answered', str(call())]
    except grpc.RpcError as error:
        return [error.code().name, error.details()]

got['failed'] = failing(lambda: channel.unary_unary(at + 'Fail')(b'tea', timeout=60))
half = channel.unary_stream(at + 'Half')(b'first', timeout=60)
got['half'] = [next(half).decode(), *failing(lambda: next(half))]
got['unknown'] = failing(lambda: channel.unary_unary(at + 'Nothing')(b'', timeout=60))[0]

late = channel.unary_stream(at + 'Hang')(b'begin', timeout=3)
got['deadline'] = [next(late).decode(), failing(lambda: next(late))[0]]
left = channel.unary_stream(at + 'Hang')(b'begin', timeout=60)
next(left)
left.cancel()
ask = channel.unary_unary(at + 'AwaitCancelled')
got['told'] = [ask(b'', timeout=60).decode() for _ in range(2)]
print(json.dumps(got))
`

for (const mode of MODES) {
  test(`gRPC in ${mode} mode: the four kinds of calls, metadata, failures, deadline and cancellation`, async t => {
    const origin = await grpcOrigin(end => t.teardown(end), await issued())
    const { run, proxyUrl, trustFile } = await startForClients(t, mode, [HOST])
    const args = ['-c', CLIENT, `${HOST}:${origin.port}`, trustFile]
    const got = await run(requireProgram('python3-grpcio'), args, { https_proxy: proxyUrl })
    t.equal(got.code, 0, got.stderr)
    t.strictSame(JSON.parse(got.stdout), {
      unary: [true, 'a', 'sum', true],
      server: 'n49',
      client: '2000000',
      both: [3, 3, 200_000, 0],
      end: [0, 'OK'],
      failed: ['NOT_FOUND', 'there is no tea'],
      half: ['first', 'DATA_LOSS', 'in the middle'],
      unknown: 'UNIMPLEMENTED',
      deadline: ['begin', 'DEADLINE_EXCEEDED'],
      told: ['True', 'True'],
    })
  })

  test(`a gRPC client learns in ${mode} mode that its origin was rejected, and the origin of no call`, async t => {
    const origin = await grpcOrigin(end => t.teardown(end), await issued())
    const stage = await startForClients(t, mode, [HOST], event => void event.reenable(reject('policy')))
    const script = `
import sys, grpc
channel = grpc.secure_channel(sys.argv[1], grpc.ssl_channel_credentials(open(sys.argv[2], 'rb').read()))
try:
    channel.unary_unary('/echo.Echo/Unary')(b'secret', timeout=60)
except grpc.RpcError as error:
    print(error.code().name)
`
    const args = ['-c', script, `${HOST}:${origin.port}`, stage.trustFile]
    const env = { https_proxy: stage.proxyUrl }
    const got = await stage.run(requireProgram('python3-grpcio'), args, env)
    t.match(got, { code: 0, stdout: 'UNAVAILABLE\n' }, got.stderr)
    t.strictSame(origin.calls(), [])
  })
}
