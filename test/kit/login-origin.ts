/** An origin that authenticates connections: after a login it serves every request on that connection. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { type RawClient, rawClient, type TimedResponse } from './client.js'
import { type NodeOrigin, type NodeOriginOptions, nodeOrigin } from './node-origin.js'
import { authenticate, authenticated, challenge, negotiate, typeOf } from './ntlm.js'
import { type ProxyConf, type ProxyHere, startProxyHere } from './proxy.js'

/** What a connection has come to. */
interface Login {
  nonce?: Buffer
  user?: string | undefined
}

export interface LoginOriginOptions extends Pick<NodeOriginOptions, 'tls'> {
  /** What it names in its challenges; default NTLM. */
  readonly schemes?: readonly string[]
  /** Called before an answer is given. @returns whether it has answered itself */
  readonly before?: (request: IncomingMessage, response: ServerResponse) => boolean
}

/**
 * NTLM by itself and under Negotiate, checked; under any other scheme whatever `login NAME` says. Paths below `/public/`
 * ask for no login. The answer names the user, and how many bytes of a body have come.
 */
export async function loginOrigin(options: LoginOriginOptions = {}): Promise<NodeOrigin> {
  const { schemes = ['NTLM'], before = () => false } = options
  const logins = new WeakMap<Socket, Login>()
  return nodeOrigin({
    ...(options.tls && { tls: options.tls }),
    keepAliveTimeout: 60_000,
    handler: (request, response) => {
      const login = logins.get(request.socket) ?? {}
      logins.set(request.socket, login)
      let size = 0
      request.on('data', (part: Buffer) => {
        size += part.length
      })
      request.on('end', () => {
        const asked = schemes.map(scheme => stepOf(scheme, login, request.headers.authorization))
        if (before(request, response)) return
        const isPublic = request.url?.startsWith('/public/') === true
        if (login.user === undefined && !isPublic) {
          response.writeHead(401, { 'WWW-Authenticate': asked, 'Content-Length': 6 }).end('login\n')
        } else response.end(`${login.user ?? 'nobody'} ${size}\n`)
      })
    },
  })
}

/** Takes in what the client has sent under a scheme. @returns the origin's challenge */
function stepOf(scheme: string, login: Login, credentials = ''): string {
  if (!credentials.toLowerCase().startsWith(`${scheme.toLowerCase()} `)) return scheme
  const token = credentials.slice(scheme.length + 1).trim()
  const isNtlm = scheme === 'NTLM' || scheme === 'Negotiate'
  if (!isNtlm) {
    login.user = /^login=(\w+)$/.exec(token)?.[1] ?? login.user
    return scheme
  }
  const bytes = Buffer.from(token, 'base64')
  if (typeOf(bytes) === 1) {
    const made = challenge()
    login.nonce = made.nonce
    delete login.user
    return `${scheme} ${made.bytes.toString('base64')}`
  }
  if (login.nonce !== undefined) {
    const user = authenticated(bytes, login.nonce)
    if (user !== undefined) login.user = user
    delete login.nonce // a challenge holds for one answer
  }
  return scheme
}

/** What a request of a login carries, and what becomes of it. */
export interface LoginRequest {
  readonly method?: string
  readonly fields?: readonly string[]
  readonly body?: string
}

/** The three messages of a login, on a client that speaks to the proxy or through it. */
export class LoginClient {
  readonly #client: RawClient
  readonly target: string
  readonly host: string

  /** @param target what stands in a request's first line @param host its Host field */
  constructor(client: RawClient, target: string, host: string) {
    this.#client = client
    this.target = target
    this.host = host
  }

  async ask({ method = 'GET', fields = [], body = '' }: LoginRequest = {}): Promise<TimedResponse> {
    const lines = [
      `Host: ${this.host}`,
      ...(body === '' ? [] : [`Content-Length: ${body.length}`]),
      ...fields,
    ]
    this.#client.send(`${method} ${this.target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
    return this.#client.response(method)
  }

  /** Sends the first message. @returns what the origin wants a proof for */
  async begin(request: LoginRequest = {}, scheme = 'NTLM'): Promise<Buffer> {
    const first = negotiate().toString('base64')
    const answer = await this.ask(withCredentials(request, `${scheme} ${first}`))
    const wanted = answer.header('www-authenticate') ?? ''
    return Buffer.from(wanted.slice(scheme.length + 1), 'base64')
  }

  /** Sends the last one. */
  finish(user: string, wanted: Buffer, request: LoginRequest = {}, scheme = 'NTLM'): Promise<TimedResponse> {
    const proof = authenticate(user, wanted).toString('base64')
    return this.ask(withCredentials(request, `${scheme} ${proof}`))
  }

  async login(user: string, request: LoginRequest = {}, scheme = 'NTLM'): Promise<TimedResponse> {
    return this.finish(user, await this.begin(request, scheme), request, scheme)
  }
}

const withCredentials = (request: LoginRequest, credentials: string): LoginRequest => ({
  ...request,
  fields: [...(request.fields ?? []), `Authorization: ${credentials}`],
})

/** A proxy before an origin that authenticates connections, and clients that log in. */
export const HOST = 'intranet.test'

interface Stage {
  readonly proxy: ProxyHere
  readonly origin: NodeOrigin
  readonly authority: string
  readonly url: string
  /** A client of its own. */
  client(path?: string): Promise<LoginClient & { readonly raw: RawClient }>
}

export async function setUp(t: Test, options: LoginOriginOptions = {}, conf: ProxyConf = {}): Promise<Stage> {
  const origin = await loginOrigin(options)
  t.teardown(origin.stop)
  const proxy = await startProxyHere({ hosts: [HOST], ...conf })
  t.teardown(proxy.stop)
  const authority = `${HOST}:${origin.port}`
  const url = `http://${authority}`
  const client = async (path = '/') => {
    const raw = await rawClient(proxy.port)
    t.teardown(raw.stop)
    return Object.assign(new LoginClient(raw, url + path, authority), { raw })
  }
  return { proxy, origin, authority, url, client }
}

/** Which connections of the origin the requests came on. */
export const connectionsOf = (origin: NodeOrigin): number[] =>
  origin.requests.map(({ connection }) => connection)

export const open = (origin: NodeOrigin, count: number): Promise<true> =>
  origin.until(() => (origin.openConnections === count ? true : undefined), `${count} open connections`)
