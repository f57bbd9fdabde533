import { type Child, startChild } from './child.js'
import { freePort } from './tcp-server.js'
import { makeTempDir } from './temp-dir.js'

export interface NginxOriginOptions {
  readonly chainPem: string
  readonly keyPem: string
  /** Lines for both servers, `location` blocks for instance. Default: a short text for any path. */
  readonly server?: string
  /** Lines for the HTTPS server, `ssl_protocols TLSv1.2;` for instance. */
  readonly https?: string
  /** Whether the HTTPS server speaks HTTP/2, too. */
  readonly http2?: true
  /** Whether the HTTPS server wants a header of the PROXY protocol on each connection. */
  readonly announced?: true
  /** Where the HTTPS server listens; default: 127.0.0.1. */
  readonly addresses?: readonly string[]
  /** Lines for the http block. */
  readonly http?: string
  /** Files that `root .` finds, by name: how many bytes each has. */
  readonly files?: Readonly<Record<string, number>>
}

/** nginx in a directory of its own, with an HTTP and an HTTPS port. */
export interface NginxOrigin {
  readonly httpPort: number
  readonly httpsPort: number
  readonly child: Child
  stop(): Promise<void>
}

/** nginx cannot ask for a free port; when another program took one in between, another pair is tried. */
export async function nginxOrigin(options: NginxOriginOptions): Promise<NginxOrigin> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(options)
    } catch (cause) {
      if (attempt === 3) throw cause
    }
  }
}

async function start(options: NginxOriginOptions): Promise<NginxOrigin> {
  const dir = makeTempDir()
  const [httpPort, httpsPort] = await Promise.all([freePort(), freePort()])
  dir.file('cert.pem', options.chainPem)
  dir.file('key.pem', options.keyPem)
  for (const [name, size] of Object.entries(options.files ?? {})) dir.file(name, 'x'.repeat(size))
  const common = options.server ?? 'location / { return 200 "hello from nginx\\n"; }'
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(kind => `${kind}_temp_path ${kind};`)
  const listen = (options.addresses ?? ['127.0.0.1'])
    .map(
      address =>
        `listen ${address}:${httpsPort} ssl${options.http2 ? ' http2' : ''}${options.announced ? ' proxy_protocol' : ''};`,
    )
    .join(' ')
  const config = dir.file(
    'nginx.conf',
    `daemon off; master_process off; pid nginx.pid; error_log stderr notice;
events { worker_connections 2048; }
http {
  access_log off; ${temp.join(' ')} ${options.http ?? ''}
  server { listen 127.0.0.1:${httpPort}; ${common} }
  server {
    ${listen}
    ssl_certificate cert.pem; ssl_certificate_key key.pem; ssl_ciphers DEFAULT@SECLEVEL=0;
    ${options.https ?? ''} ${common}
  }
}
`,
  )
  const child = await startChild('nginx', ['-p', dir.path, '-c', config, '-e', 'stderr'])
  const stop = async (): Promise<void> => {
    await child.stop()
    dir.remove()
  }
  try {
    // Printed after all ports have been opened.
    await child.until(
      () => child.stderr().includes('getrlimit(RLIMIT_NOFILE)') || undefined,
      'nginx to listen',
    )
    return { httpPort, httpsPort, child, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}
