/** A gRPC server by Python's grpcio, which has HTTP/2 of its own: an echo in the four kinds of calls, and calls that fail. */
import { type Child, startChild } from './child.js'
import type { Issued } from './pki.js'
import { requireProgram } from './programs.js'
import { makeTempDir } from './temp-dir.js'

/** Messages are plain bytes, so that no compiled protocol is needed. */
const SERVER = `
import sys, threading
from concurrent import futures
import grpc

cancelled = threading.Semaphore(0)

def unary(message, context):
    asked = dict(context.invocation_metadata())
    context.send_initial_metadata((('x-first', asked.get('x-asked', '')),))
    context.set_trailing_metadata((('x-last', 'sum'), ('x-bin', bytes(range(256)))))
    return message

def server_stream(message, context):
    for n in range(50):
        yield message + str(n).encode()

def client_stream(messages, context):
    return str(sum(len(message) for message in messages)).encode()

def both_ways(messages, context):
    for message in messages:
        yield message

def fail(message, context):
    context.abort(grpc.StatusCode.NOT_FOUND, 'there is no ' + message.decode())

def half(message, context):
    yield message
    context.abort(grpc.StatusCode.DATA_LOSS, 'in the middle')

def hang(message, context):
    context.add_callback(cancelled.release)
    yield message
    threading.Event().wait(30)

def await_cancelled(message, context):
    return str(cancelled.acquire(timeout=30)).encode()

calls = {
    'Unary': grpc.unary_unary_rpc_method_handler(unary),
    'ServerStream': grpc.unary_stream_rpc_method_handler(server_stream),
    'ClientStream': grpc.stream_unary_rpc_method_handler(client_stream),
    'BothWays': grpc.stream_stream_rpc_method_handler(both_ways),
    'Fail': grpc.unary_unary_rpc_method_handler(fail),
    'Half': grpc.unary_stream_rpc_method_handler(half),
    'Hang': grpc.unary_stream_rpc_method_handler(hang),
    'AwaitCancelled': grpc.unary_unary_rpc_method_handler(await_cancelled),
}

class Log(grpc.ServerInterceptor):
    def intercept_service(self, continuation, details):
        print('call', details.method, flush=True)
        return continuation(details)

server = grpc.server(futures.ThreadPoolExecutor(8), interceptors=(Log(),), options=(('grpc.so_reuseport', 0),))
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler('echo.Echo', calls),))
key, chain = (open(file, 'rb').read() for file in sys.argv[1:3])
port = server.add_secure_port('127.0.0.1:0', grpc.ssl_server_credentials(((key, chain),)))
server.start()
print('port', port, flush=True)
sys.stdin.read()
server.stop(0).wait()
`

export interface GrpcOrigin {
  readonly port: number
  /** The calls that it has received, such as `/echo.Echo/Unary`. */
  calls(): string[]
}

/** @throws ProgramMissing without grpcio */
export async function grpcOrigin(
  later: (end: () => void | Promise<void>) => void,
  { keyPem, chainPem }: Issued,
): Promise<GrpcOrigin> {
  const python = requireProgram('python3-grpcio')
  const dir = makeTempDir()
  later(dir.remove)
  const files = [dir.file('key.pem', keyPem), dir.file('chain.pem', chainPem)]
  const child: Child = await startChild(python, ['-c', SERVER, ...files])
  later(child.stop)
  const found = await child.until(() => /^port (\d+)$/m.exec(child.stdout()) ?? undefined, 'the port')
  return {
    port: Number(found[1]),
    calls: () => [...child.stdout().matchAll(/^call (\S+)$/gm)].map(([, name = '']) => name),
  }
}
