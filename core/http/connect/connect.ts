import { authorityText } from '../../base/authority.js'
import { toProxyError } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { describe } from '../../base/thrown.js'
import { type ClientLink, endGently } from '../../vconn/link.js'
import type { PumpResult } from '../../vconn/pump.js'
import type { ClientInfo } from '../listener/client-info.js'
import type { ClientRequest, ConnectAnswers } from '../listener/client-request.js'
import type { OpenTunnels } from '../listener/open-tunnels.js'
import { WaitingClient } from '../listener/waiting-client.js'
import type { Pages } from '../pages/templates.js'
import { TxnHooks, type TxnPoints } from '../transaction/hooks.js'
import { refusedSummary, type Summary } from '../transaction/summary.js'
import { type ConnectRequest, HTTP_ANSWERS, readConnectRequest, refuseConnect } from './request.js'

/**
 * Has plugins asked about a host that a tunnel turned out to be for.
 * @throws {ProxyError} a refusal, or the signal's reason
 */
export type AskAbout = (host: string, signal: AbortSignal) => Promise<void>

/**
 * Serves a CONNECT whose port is allowed. Resolves when the connection has ended, or is HTTP's again.
 * @param ask undefined where no plugin would be asked
 */
export type ConnectServer = (
  request: ConnectRequest,
  ask: AskAbout | undefined,
) => Promise<PumpResult | undefined>

export interface ConnectOptions {
  /** proxy.config.http.connect_ports. */
  readonly isPortAllowed: (port: number) => boolean
  readonly serve: ConnectServer
  /** Whether a message with this Via field has passed this proxy before: it came back by a parent proxy. */
  readonly isLoop?: (via: string) => boolean
  /** The plugins on transactions. */
  readonly hooks?: () => TxnPoints | undefined
  /** The operator's error pages. */
  readonly pages?: () => Pages
  /** Where the tunnels are kept that a reload may cut. */
  readonly tunnels?: OpenTunnels
  /** Logs why a tunnel was refused or cut after its 200: the client gets no reply then. */
  readonly warn: (message: string) => void
  /** Called exactly once per CONNECT. */
  readonly onDone?: (summary: Summary) => void
}

/** Takes CONNECT requests, and keeps hold of their clients until they have ended. */
export class ConnectHandler {
  readonly #options: ConnectOptions
  readonly #clients = new Set<ClientInfo>()

  constructor(options: ConnectOptions) {
    this.#options = options
  }

  /** Clients behind a CONNECT, tunnels being prepared included. */
  get open(): number {
    return this.#clients.size
  }

  /** Never throws: what goes wrong is the answer, or the end of the tunnel. */
  readonly handle = (
    req: ClientRequest,
    link: ClientLink,
    early: Buffer,
    answers: ConnectAnswers = HTTP_ANSWERS,
  ): void => {
    const { client } = req
    this.#clients.add(client)
    client.whenClosed(() => this.#clients.delete(client))
    void this.#serve(req, link, early, answers)
  }

  /** Ends all tunnels at once. */
  destroyAll(): void {
    for (const client of this.#clients) client.destroy()
  }

  async #serve(req: ClientRequest, link: ClientLink, early: Buffer, answers: ConnectAnswers): Promise<void> {
    const startedAt = performance.now()
    let request: ConnectRequest | undefined
    let hooks: TxnHooks | undefined
    let result: PumpResult | undefined
    let error: ProxyError | undefined
    const login = this.#options.tunnels?.login(req)
    try {
      request = readConnectRequest(req, link, early, answers)
      const { host, port } = request
      if (!this.#options.isPortAllowed(port)) throw portDenied(port)
      if (this.#options.isLoop?.(req.headers.via ?? '')) throw loop()
      const points = this.#options.hooks?.()
      if (points !== undefined) {
        hooks = TxnHooks.of(points, req, 'CONNECT', authorityText(host, port))
        if (points.readRequest !== undefined) request = await asked(hooks, request, answers)
      }
      request.login = login
      request.asking = req.asking({ id: hooks?.id, method: 'CONNECT', url: authorityText(host, port) })
      const ask = points?.readRequest && this.#askAbout(request, hooks)
      result = await this.#options.serve(request, ask)
      error = result?.cause
    } catch (cause) {
      error = toProxyError(cause, `CONNECT could not be served: ${describe(cause)}`)
      if (request?.isEstablished) endGently(link)
      else refuseConnect(req, link, error, answers, this.#options.pages?.())
    }
    const isEstablished = request?.isEstablished === true
    if (isEstablished && error !== undefined) this.#tell(req, error)
    const status = isEstablished ? 200 : error?.code === 'PTC_CLIENT_GONE' ? 0 : (error?.status ?? 0)
    this.#options.onDone?.({
      ...refusedSummary(req, status, performance.now() - startedAt, error),
      url: req.url,
      bytesUp: result?.bytesUp ?? 0,
      bytesDown: result?.bytesDown ?? 0,
      tunnel: request?.origin,
      tunnelHost: request?.judgement?.host ?? request?.host,
      sni: request?.judgement?.announced,
      hooked: hooks,
    })
  }

  /** The same transaction, under another host. The plugins are those of now: a reload may have come since. */
  #askAbout({ req, port }: ConnectRequest, hooks: TxnHooks | undefined): AskAbout {
    return async (host, signal) => {
      const points = this.#options.hooks?.()
      if (points?.readRequest === undefined) return
      const authority = authorityText(host, port)
      const again = TxnHooks.of(points, req, 'CONNECT', authority, hooks)
      await askConnect(again, forAuthority(req.shownHeaders, authority), signal)
    }
  }

  /** Clients and origins that leave are the common end of a tunnel, and no news. */
  #tell({ url, client: { remoteAddress } }: ClientRequest, error: ProxyError): void {
    if (QUIET.has(error.code)) return
    this.#options.warn(
      `tunnel of ${remoteAddress ?? 'a client'} to ${url} refused or cut: ${error.code}: ${error.message}`,
    )
  }
}

/** The client is read meanwhile, so that its leaving is noticed. The same request, with what has come put back. */
async function asked(
  hooks: TxnHooks,
  { req, link, early }: ConnectRequest,
  answers: ConnectAnswers,
): Promise<ConnectRequest> {
  const client = new WaitingClient(link, early)
  try {
    await askConnect(hooks, req.shownHeaders, client.signal)
    return readConnectRequest(req, client.release(), Buffer.alloc(0), answers)
  } catch (cause) {
    client.discard()
    throw cause
  }
}

const QUIET: ReadonlySet<string> = new Set(['PTC_CLIENT_GONE', 'PTC_ORIGIN_CLOSED'])

const portDenied = (port: number): ProxyError =>
  new ProxyError(
    'PTC_REQUEST_DENIED',
    `CONNECT to port ${port} is not allowed (proxy.config.http.connect_ports)`,
  )

const loop = (): ProxyError =>
  new ProxyError('PTC_LOOP_DETECTED', 'the CONNECT has been here before: its Via says so')

/**
 * Has plugins asked about a CONNECT, or about another host that its tunnel turned out to be for.
 * @param rawHeaders of the request
 * @param signal aborts when the client leaves
 * @throws {ProxyError} a refusal, or the signal's reason
 */
async function askConnect(
  hooks: TxnHooks,
  rawHeaders: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  hooks.begin()
  try {
    await new Promise<void>((resolve, reject) => {
      const onGone = (): void => {
        hooks.abandon()
        reject(signal.reason)
      }
      if (signal.aborted) return onGone()
      signal.addEventListener('abort', onGone, { once: true })
      hooks.readRequest(rawHeaders, why => {
        signal.removeEventListener('abort', onGone)
        if (why === undefined) resolve()
        else reject(why)
      })
    })
  } finally {
    hooks.over() // nothing more of a CONNECT is asked about
  }
}

/** The fields as if the client had asked for another authority. */
const forAuthority = (rawHeaders: readonly string[], authority: string): readonly string[] =>
  rawHeaders.map((text, i) => (i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host' ? authority : text))
