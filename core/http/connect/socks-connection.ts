import { authorityText } from '../../base/authority.js'
import type { Current } from '../../base/current.js'
import { Deadline } from '../../base/deadline.js'
import { atEdge } from '../../base/edge.js'
import { ProxyError } from '../../base/errors.js'
import { NO_LOGIN, WITH_LOGIN } from '../../base/socks.js'
import { type ClientLink, endGently, type LinkSink } from '../../vconn/link.js'
import { type ClientHost, type Drainable, firstRequestTimeout } from '../listener/client-host.js'
import type { ClientInfo } from '../listener/client-info.js'
import { ClientRequest, type ConnectAnswers } from '../listener/client-request.js'
import { type Admit, whenAdmitted } from '../listener/listener.js'
import { refusedSummary, type Summary } from '../transaction/summary.js'
import {
  loginBytes,
  methodBytes,
  REPLY,
  type Reply,
  readGreeting,
  readLogin,
  readRequest,
  replyBytes,
  replyOf,
  type SocksRequest,
} from './socks-messages.js'

export interface SocksOptions {
  /** The address of the client, and its name and password if it must have them. */
  readonly admit: Admit
  /** The same of a client that has logged in: a reload may have come since. */
  readonly admitAgain: Admit
  /** How clients log in; `other`: in ways that SOCKS has not, so that none gets in. */
  readonly login: Current<'none' | 'password' | 'other'>
  /** Milliseconds in which a client must have asked for a tunnel. */
  readonly timeout: Current<number>
  /** Takes a client that asks for a tunnel. */
  readonly onConnect: (req: ClientRequest, link: ClientLink, early: Buffer, answers: ConnectAnswers) => void
  /** Called for a client that was refused before its request. */
  readonly onRefused: (summary: Summary) => void
}

/** Bytes that are stored while an answer is awaited; no message is that long. */
const MAX_BYTES = 65_536

const SOCKS_ANSWERS: ConnectAnswers = {
  establish: link => void link.write(replyBytes(REPLY.succeeded)),
  refuse: (_req, link, error) => {
    link.write(replyBytes(replyOf(error)))
    endGently(link)
  },
}

/**
 * SOCKS 5 with one client, up to its request. A tunnel to be is a CONNECT from there on: the same rules, plugins and log.
 *
 *     greeting -> (login ->) request -> left: handed over, refused or gone
 */
export class SocksConnection implements LinkSink, Drainable {
  readonly #link: ClientLink
  readonly #client: ClientInfo
  readonly #options: SocksOptions
  readonly #host: Pick<ClientHost, 'onLeft' | 'isDraining'>
  readonly #deadline = new Deadline({
    onFault: why => this.#link.destroy(why),
    onTime: () => this.destroy(),
  })
  readonly #startedAt = performance.now()
  #at: 'greeting' | 'login' | 'request' | 'left' = 'greeting'
  #bytes: Buffer = EMPTY
  /** A password is being checked. */
  #isChecking = false

  constructor(
    link: ClientLink,
    client: ClientInfo,
    options: SocksOptions,
    host: Pick<ClientHost, 'onLeft' | 'isDraining'>,
  ) {
    this.#link = link
    this.#client = client
    this.#options = options
    this.#host = host
  }

  start(): void {
    this.#setDeadline()
    this.#link.attach(this)
    if (this.#at !== 'left') this.#link.resume()
  }

  drain(): void {
    this.#setDeadline()
  }

  /** While the host drains, each message has to come soon; the check of a password has its time. */
  #setDeadline(): void {
    if (this.#at === 'left') return
    const usual = this.#options.timeout()
    this.#deadline.set(this.#isChecking ? usual : firstRequestTimeout(this.#host, usual))
  }

  destroy(why?: ProxyError): void {
    this.#link.destroy(why)
    this.#leave()
  }

  onData(bytes: Buffer): void {
    if (this.#at === 'left') return
    this.#bytes = Buffer.concat([this.#bytes, bytes])
    if (this.#isChecking && this.#bytes.length > MAX_BYTES) this.#link.pause()
    this.#atEdge(() => this.#read())
  }

  onDrain(): void {
    // Answers are far below any high-water mark.
  }

  onEnd(): void {
    if (this.#at !== 'left') this.destroy()
  }

  onClose(): void {
    this.#leave()
  }

  #atEdge(work: () => void): void {
    atEdge('a client of a socks port', work, this.#onFault)
  }

  readonly #onFault = (why: ProxyError): void => this.destroy(why)

  /** As a loop, because a client may send its messages without waiting for the answers. */
  #read(): void {
    while (!this.#isChecking && this.#at !== 'left') {
      const end = this.#readNext()
      if (end === 'more') return
      if (end === 'malformed') return this.destroy()
      if (this.#host.isDraining) this.#setDeadline()
    }
  }

  #readNext(): 'more' | 'malformed' | 'read' {
    if (this.#at === 'greeting') {
      const greeting = readGreeting(this.#bytes)
      if (typeof greeting === 'string') return greeting
      this.#bytes = this.#bytes.subarray(greeting.end)
      this.#choose(greeting.methods)
    } else if (this.#at === 'login') {
      const login = readLogin(this.#bytes)
      if (typeof login === 'string') return login
      this.#bytes = this.#bytes.subarray(login.end)
      this.#check(login)
    } else {
      const asked = readRequest(this.#bytes)
      if (typeof asked === 'string') return asked
      this.#bytes = this.#bytes.subarray(asked.end)
      this.#ask(asked.request)
    }
    return 'read'
  }

  #choose(methods: readonly number[]): void {
    const login = this.#options.login()
    const wanted = login === 'none' ? NO_LOGIN : WITH_LOGIN
    if (methods.includes(wanted) && login !== 'other') {
      this.#at = wanted === WITH_LOGIN ? 'login' : 'request'
      this.#link.write(methodBytes(wanted))
      return
    }
    this.#link.write(methodBytes())
    this.#refused(
      new ProxyError('PTC_PROXY_AUTH_REQUIRED', 'the client offers no way to log in that is wanted'),
    )
  }

  /** A name and password are checked as those of an HTTP client are. */
  #check({ name, password }: { readonly name: Buffer; readonly password: Buffer }): void {
    const basic = Buffer.concat([name, Buffer.from(':'), password]).toString('base64')
    const req = this.#request('', ['Proxy-Authorization', `Basic ${basic}`])
    this.#whenAdmitted(req, this.#options.admit, refusal => {
      this.#link.write(loginBytes(refusal === undefined))
      if (refusal !== undefined) return this.#refused(refusal, req)
      this.#client.identity = req.identity
      this.#at = 'request'
      if (this.#host.isDraining) this.#setDeadline()
      this.#link.resume()
      this.#read()
    })
  }

  #ask(request: SocksRequest): void {
    if ('reply' in request) return this.#end(request.reply)
    const authority = authorityText(request.host, request.port)
    const req = this.#request(authority, ['Host', authority])
    const { admit, admitAgain } = this.#options
    this.#whenAdmitted(req, this.#client.identity === undefined ? admit : admitAgain, refusal => {
      if (refusal === undefined) return this.#handOver(req)
      this.#link.write(replyBytes(replyOf(refusal)))
      this.#refused(refusal, req)
    })
  }

  #whenAdmitted(req: ClientRequest, admit: Admit, then: (refusal: ProxyError | undefined) => void): void {
    this.#isChecking = true
    const go = (refusal: ProxyError | undefined): void => {
      this.#isChecking = false
      if (this.#at !== 'left') then(refusal)
    }
    whenAdmitted(admit, req, go, this.#onFault)
  }

  /** The same request as by HTTP. */
  #request(url: string, rawHeaders: readonly string[]): ClientRequest {
    const handOver = () => ({ link: this.#link, early: EMPTY })
    const source = { flow: () => {}, halt: () => {}, handOver }
    const head = { method: 'CONNECT', url, httpVersion: '1.1', rawHeaders, isUpgrade: false }
    const req = new ClientRequest(this.#client, source, head)
    req.complete([])
    return req
  }

  #handOver(req: ClientRequest): void {
    const early = this.#bytes
    this.#link.pause()
    this.#leave()
    this.#options.onConnect(req, req.takeOver().link, early, SOCKS_ANSWERS)
  }

  #refused(error: ProxyError, req?: ClientRequest): void {
    const { remoteAddress } = this.#client
    const took = performance.now() - this.#startedAt
    this.#options.onRefused(refusedSummary(req, error.status, took, error, remoteAddress))
    this.#end()
  }

  #end(reply?: Reply): void {
    if (reply !== undefined) this.#link.write(replyBytes(reply))
    this.#leave()
    endGently(this.#link)
  }

  #leave(): void {
    if (this.#at === 'left') return
    this.#at = 'left'
    this.#bytes = EMPTY
    this.#deadline.stop()
    this.#host.onLeft(this)
  }
}

const EMPTY = Buffer.alloc(0)
