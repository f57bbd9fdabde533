/**
 * Serves a CONNECT in every mode:
 *
 *     judged by the CONNECT's host -> tunnel: dialled       \
 *                                     probe: dialled, verified > 200 -> the opening is read -> judged by all hosts
 *                                     bump: nothing yet      /
 *       -> tunnel: relayed      -> probe: verified under the ClientHello's name, relayed      -> bump: TLS ends here
 *
 * An origin that does not answer the ClientHello of the probe for 5 s may not speak TLS: then the opening is read beside the
 * probe, so that a plain request is answered.
 *
 * The second judgement may be stricter than the first, and is never less strict. After the 200 the client gets an alert as
 * its refusal. Where another protocol than TLS may pass, the client may stay silent for an hour. Its tunnel then holds no
 * generation while it waits for the opening. The generation in force when the opening arrives judges the tunnel.
 */
import type { Current } from '../../base/current.js'
import { ProxyError } from '../../base/errors.js'
import type { VerifiedAddress } from '../../origin/prober.js'
import { ACCESS_DENIED, INTERNAL_ERROR } from '../../tls/alerts.js'
import { VerifyRejected } from '../../tls/judge/verdict.js'
import { whyNoGrease } from '../../tls/sniff/encrypted-hello.js'
import { fatalAlert } from '../../tls/sniff/record-layer.js'
import type { PumpResult } from '../../vconn/pump.js'
import { PluginRefused } from '../../wait/refusal.js'
import { WaitingClient } from '../listener/waiting-client.js'
import { errorReply, replyBytes } from '../pages/replies.js'
import type { Pages } from '../pages/templates.js'
import type { BumpedConnections, EndTls } from './bump.js'
import type { AskAbout, ConnectServer } from './connect.js'
import { GuardedLink } from './guarded-link.js'
import { encryptedHello, hiddenHost, notTls, type Opening } from './opening.js'
import { PlainLink } from './plain-link.js'
import { type ConnectRequest, checkLogin, withdrawn } from './request.js'
import { blindTunnel, relay, TunnelWay, type WayOptions } from './tunnel.js'
import { judgeTunnel, type TunnelJudgement, type TunnelRules } from './tunnel-judgement.js'
import { stillVerified, verifiedUnder } from './verified-names.js'

/** Origins on this port usually speak plain HTTP, and may leave a ClientHello unanswered. */
const PLAIN_PORT = 80

export interface ServeOptions extends WayOptions {
  readonly bumped: Pick<BumpedConnections, 'take'>
  /** Milliseconds in which a ClientHello must be complete. */
  readonly helloTimeout: Current<number>
  /** proxy.config.http.connect.verify.non_tls. */
  readonly nonTls: Current<'refuse' | 'tunnel'>
  /** proxy.config.http.connect.verify.ech. */
  readonly ech: Current<'allow' | 'refuse'>
  /** The operator's error pages. */
  readonly pages: Current<Pages>
  readonly rules: Current<ServeRules>
}

/** How one generation judges tunnels. */
export interface ServeRules extends TunnelRules {
  /** Whether a rule or a plugin could give any host another mode than `tunnel`. */
  readonly canDiffer: boolean
  /** Keeps the generation, over reloads too, until the returned function is called. */
  readonly hold: () => () => void
  /** Ends the TLS of clients whose tunnel the generation has judged; to be called while it is held. */
  readonly endTls: EndTls
}

export function connectServer(options: ServeOptions): ConnectServer {
  return async (request, ask) => {
    const rules = options.rules()
    const first = judgeTunnel({ connect: request.host }, rules)
    request.judgement = first
    if (first.mode === 'tunnel' && ask === undefined && !rules.canDiffer) return blindTunnel(request, options)
    return new Serving(request, options, rules, ask).serve(first)
  }
}

const SILENT = 'silent'

/** What happens before the 200. */
interface Prepared {
  readonly prepared: Promise<VerifiedAddress | undefined>
  /** Resolves where the origin is silent. */
  readonly silence: Promise<typeof SILENT>
}

class Serving {
  readonly #request: ConnectRequest
  readonly #options: ServeOptions
  #rules: ServeRules
  readonly #ask: AskAbout | undefined

  constructor(request: ConnectRequest, options: ServeOptions, rules: ServeRules, ask: AskAbout | undefined) {
    this.#request = request
    this.#options = options
    this.#rules = rules
    this.#ask = ask
  }

  async serve(begin: TunnelJudgement): Promise<PumpResult | undefined> {
    const request = this.#request
    const { link, early, host, isAddress } = request
    let first = begin
    const isOpen = this.#mayBePlain(first)
    const client = new WaitingClient(link, early, isOpen)
    const abort = new AbortController()
    client.signal.addEventListener('abort', () => abort.abort(client.signal.reason), { once: true })
    const way = new TunnelWay(request, this.#options, abort.signal)
    let opening: Opening | undefined
    let isAnswered = false
    let leave = this.#rules.hold()
    try {
      const { prepared, silence } = this.#prepare(first, way)
      let verified = await Promise.race([prepared, silence])
      await checkLogin(request, client.signal)
      request.establish()
      if (isOpen) way.watch(client.originSpoke)
      if (isOpen) leave() // the client may be silent for an hour
      opening = await client.readOpening(isOpen ? this.#options.idleTimeout() : this.#options.helloTimeout())
      if (isOpen) {
        this.#rules = this.#options.rules()
        leave = this.#rules.hold()
        first = judgeTunnel({ connect: host }, this.#rules)
      }
      const judgement = judgeTunnel({ connect: host, opening, ...way.reached }, this.#rules)
      request.judgement = judgement
      this.#check(opening, judgement)
      if (verified === SILENT) verified = await prepared
      for (const other of judgement.others) await this.#ask?.(other, client.signal)
      const isLate = first.mode === 'probe' && verified === undefined && opening.kind === 'tls'
      if (isLate && judgement.host !== host && !isAddress) verified = await way.verified(host)
      const isBumped = judgement.mode === 'bump' && opening.kind === 'tls'
      if (isBumped && verified) await stillVerified(verified, () => way.verifiedAnew(host))
      isAnswered = isBumped
      const { endTls } = this.#rules
      if (isAnswered) return await this.#options.bumped.take(request, client, judgement, endTls, way.left())
      leave() // the tunnel may last
      return await this.#relay(client, way, judgement, opening, verified)
    } catch (cause) {
      if (!isAnswered) this.#tell(opening, cause)
      client.discard()
      abort.abort(cause)
      way.destroy()
      throw cause
    } finally {
      leave()
    }
  }

  /** Whether another protocol than TLS may pass. Its client may be silent as long as an open tunnel may be idle. */
  #mayBePlain({ mode }: TunnelJudgement): boolean {
    return mode === 'tunnel' || this.#options.nonTls() === 'tunnel'
  }

  /** Whether the ClientHello may have an encrypted name (ECH). In a bumped tunnel no origin reads the client's ClientHello. */
  #mayEncrypt({ mode }: TunnelJudgement): boolean {
    return mode !== 'probe' || this.#options.ech() === 'allow'
  }

  /**
   * What happens before the 200. A tunnel to bump is dialled when the name is known. The proxy first waits for the client's
   * bytes where it knows no name for a certificate yet (a CONNECT to an address), and where they may be another protocol
   * than TLS. It then verifies the name in the ClientHello as well.
   */
  #prepare(first: TunnelJudgement, way: TunnelWay): Prepared {
    let onSilent: () => void = () => {}
    const silence = new Promise<typeof SILENT>(resolve => {
      onSilent = () => resolve(SILENT)
    })
    const prepared = this.#before(first, way, onSilent)
    prepared.catch(() => {}) // where the opening is waited for meanwhile
    return { prepared, silence }
  }

  async #before(
    first: TunnelJudgement,
    way: TunnelWay,
    onSilent: () => void,
  ): Promise<VerifiedAddress | undefined> {
    const { host, isAddress, port } = this.#request
    if (first.mode === 'tunnel') await way.started(host)
    else if (this.#mayBePlain(first)) await way.dial()
    else if (first.mode === 'probe') {
      if (!isAddress && port !== PLAIN_PORT) return way.verified(host, undefined, onSilent)
      await way.dial()
    }
    return undefined
  }

  /** @throws {ProxyError} PTC_TUNNEL_NOT_TLS, PTC_TUNNEL_HIDDEN, PTC_TUNNEL_HELLO, PTC_TUNNEL_ECH */
  #check(opening: Opening, judgement: TunnelJudgement): void {
    if (opening.kind === 'tls' && !this.#mayEncrypt(judgement)) {
      const why = whyNoGrease(opening.hello, this.#request.host)
      if (why !== undefined) throw encryptedHello(why)
    }
    if (opening.kind === 'bad') {
      if (opening.alert === undefined) throw (this.#mayBePlain(judgement) ? hiddenHost : notTls)(opening.why)
      throw new ProxyError('PTC_TUNNEL_HELLO', `the ClientHello is refused: ${opening.why}`)
    }
    if (opening.kind === 'tls' || this.#mayBePlain(judgement)) return
    throw notTls(opening.kind === 'http' ? 'it sent an HTTP request' : opening.why)
  }

  async #relay(
    client: WaitingClient,
    way: TunnelWay,
    judgement: TunnelJudgement,
    opening: Opening,
    before: VerifiedAddress | undefined,
  ): Promise<PumpResult> {
    const { mode, host, announced } = judgement
    if (mode === 'tunnel' || opening.kind !== 'tls') {
      const tcp = await way.started(host)
      await checkLogin(this.#request, client.signal)
      if (!way.holds) throw withdrawn()
      const link =
        opening.kind === 'tls'
          ? new GuardedLink(tcp, undefined, { ...opening.hello, maySealAnew: true })
          : new PlainLink(tcp, other => this.#mayFollow(other, judgement))
      return relay(this.#request, client.release(), link, this.#options)
    }
    const verified = await verifiedUnder({ host, announced }, this.#request.host, way, before)
    await checkLogin(this.#request, client.signal)
    if (!verified.holds()) throw withdrawn()
    const { tcp, acceptance, forget } = verified
    const first = { ...opening.hello, maySealAnew: this.#mayEncrypt(judgement) }
    const guarded = new GuardedLink(tcp, acceptance.leafSha256, first)
    const result = await relay(this.#request, client.release(), guarded, this.#options)
    if (result.cause?.code === 'PTC_TUNNEL_CUT') forget()
    return result
  }

  /** Whether a plain request for this host may pass in a tunnel that is open. Plugins are asked before it is open only. */
  #mayFollow(host: string, { others }: TunnelJudgement): boolean {
    if (host === this.#request.host || others.includes(host)) return true
    return this.#ask === undefined && this.#mayBePlain(judgeTunnel({ connect: host }, this.#rules))
  }

  /** Tells the client in its own protocol why its tunnel ends. */
  #tell(opening: Opening | undefined, cause: unknown): void {
    const { link, host } = this.#request
    if (opening === undefined || link.isClosed || !(cause instanceof ProxyError)) return
    if (opening.kind === 'tls') link.write(fatalAlert(isRefusal(cause) ? ACCESS_DENIED : INTERNAL_ERROR))
    else if (opening.kind === 'http')
      link.write(replyBytes(errorReply(cause, { host }, {}, this.#options.pages())))
    else if (opening.kind === 'bad' && opening.alert !== undefined) link.write(fatalAlert(opening.alert))
  }
}

const isRefusal = (cause: ProxyError): boolean =>
  cause instanceof VerifyRejected || cause instanceof PluginRefused || REFUSALS.has(cause.code)

const REFUSALS: ReadonlySet<string> = new Set(['PTC_TUNNEL_ECH', 'PTC_LOGIN_ENDED', 'PTC_CLIENT_DENIED'])
