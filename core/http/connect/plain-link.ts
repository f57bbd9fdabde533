import { parseAuthority } from '../../base/authority.js'
import { ProxyError } from '../../base/errors.js'
import type { Link, LinkSink } from '../../vconn/link.js'
import { EMPTY, WatchedLink } from './guarded-link.js'
import { authoritiesOf, hiddenHost, MAX_HEAD, readOpening } from './opening.js'
import { PlainRequests } from './plain-requests.js'

/**
 * An origin's link in a tunnel without TLS. What the client sends is watched for as long as it may be HTTP: every request
 * names its hosts, and one for a host that may not be reached ends the tunnel before its head is complete at the origin.
 *
 * Life: opening -> http | opaque. Another protocol is opaque: it passes unseen.
 */
export class PlainLink extends WatchedLink {
  readonly #mayName: (host: string) => boolean
  #state: 'opening' | 'http' | 'opaque' = 'opening'
  /** All that the client has sent, while that is its opening. */
  #opening: Buffer[] = []
  /** How many bytes of it have gone on. */
  #passed = 0
  #isOpen = false
  #requests: PlainRequests | undefined

  /** @param mayName whether a request may be for this host */
  constructor(link: Link, mayName: (host: string) => boolean) {
    super(link)
    this.#mayName = mayName
  }

  override attach(sink: LinkSink): void {
    this.under.attach({
      onData: bytes => this.#onData(bytes, sink),
      onDrain: () => sink.onDrain(),
      onEnd: () => sink.onEnd(),
      onClose: cause => {
        this.#requests?.free()
        sink.onClose(cause)
      },
    })
  }

  override write(bytes: Uint8Array): boolean {
    if (this.#state === 'opaque') return this.under.write(bytes)
    const passed = this.guarded(() =>
      this.#pass(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)),
    )
    return passed.length === 0 || this.under.write(passed)
  }

  override end(): void {
    // The begin of a request line is the text of another protocol, if nothing more comes.
    const held = Buffer.concat(this.#opening).subarray(this.#passed)
    if (this.#state === 'opening' && held.length > 0 && !held.includes(LF)) this.under.write(held)
    super.end()
  }

  #onData(bytes: Buffer, sink: LinkSink): void {
    const requests = this.#requests
    if (this.#state !== 'http' || requests === undefined) return sink.onData(bytes)
    const released = this.guarded(() => requests.answered(bytes))
    if (this.under.isClosed) return
    if (requests.isSwitched) this.#leave()
    if (released.length > 0) this.under.write(released)
    sink.onData(bytes)
  }

  #pass(bytes: Buffer): Buffer {
    if (this.#requests !== undefined) return this.#requests.sent(bytes)
    this.#opening.push(bytes)
    // No line ends here, and no byte that is in none: nothing is known that was not known before.
    const isKnown = this.#isOpen && this.#passed + bytes.length <= MAX_HEAD
    if (isKnown && !bytes.includes(LF) && !bytes.includes(0)) return this.#unpassed(bytes, bytes.length)
    const all = Buffer.concat(this.#opening)
    this.#opening = [all]
    return this.#read(all)
  }

  #read(all: Buffer): Buffer {
    const opening = readOpening(all)
    if (opening === 'more') return EMPTY
    if (opening.kind === 'tls') throw hiddenHost('TLS begins after the origin has spoken')
    if (opening.kind === 'bad') throw hiddenHost(opening.why)
    if (opening.kind === 'http') {
      this.#state = 'http'
      this.#requests = new PlainRequests((target, hosts) => this.#judge(authoritiesOf(target, hosts)))
      const passed = this.#requests.sent(all).subarray(this.#passed)
      this.#opening = []
      return passed
    }
    this.#isOpen = opening.isOpen
    const rest = this.#unpassed(all, all.length - this.#passed)
    if (!opening.isOpen) this.#leave()
    return rest
  }

  /** The last bytes, which have not gone on yet. */
  #unpassed(bytes: Buffer, count: number): Buffer {
    this.#passed += count
    return bytes.subarray(bytes.length - count)
  }

  /** RFC 9112 section 3.2: an empty Host field names no host. */
  #judge(authorities: readonly string[]): void {
    for (const authority of authorities) {
      if (authority === '') continue
      const parsed = parseAuthority(authority)
      if ('wrong' in parsed) throw hiddenHost(`a request names what is no host: it ${parsed.wrong}`)
      if (!this.#mayName(parsed.host))
        throw new ProxyError(
          'PTC_MISDIRECTED',
          `a request for ${parsed.host} in a tunnel that was not opened for it`,
        )
    }
  }

  #leave(): void {
    this.#state = 'opaque'
    this.#opening = []
    this.#requests?.free()
    this.#requests = undefined
  }
}

const LF = 10
