/**
 * What `openssl s_server -msg` prints, read as it arrives: a line per message with a hex dump below it.
 *
 *     <<< TLS 1.3, Handshake [length 0200], ClientHello
 *         01 00 01 fc …
 */

export interface TlsMessage {
  /** Seen from the server: `in` came from the client. */
  readonly direction: 'in' | 'out'
  /** `TLS 1.3`, as the server understood the message. */
  readonly version: string
  readonly kind: 'Handshake' | 'Alert' | 'ChangeCipherSpec' | 'ApplicationData'
  /** `ClientHello`, `fatal certificate_expired`; for the other kinds the kind. */
  readonly name: string
  /** When it was printed, `performance.now()`. */
  readonly at: number
}

const LINE = /^(<<<|>>>) ([^,]+), (\w+)(?: \[length [0-9a-f]+\])?(?:, (.+))?$/
const APPLICATION_DATA = '17'

/** Takes output in any pieces, collects messages. Application data is recognised by the content type in the dump. */
export class MessageReader {
  readonly messages: TlsMessage[] = []
  #rest = ''
  /** The version of the last handshake message; in TLS 1.3 every protected record looks like application data. */
  #version = ''
  #last: RegExpExecArray | undefined

  push(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
  }

  #line(line: string): void {
    const head = LINE.exec(line)
    if (head !== null) return this.#head(head)
    const last = this.#last
    this.#last = undefined
    if (last === undefined || !line.trimStart().startsWith(APPLICATION_DATA)) return
    const isData = last[3] === 'InnerContent' || (last[3] === 'RecordHeader' && this.#version !== 'TLS 1.3')
    if (isData) this.#add(last, 'ApplicationData', 'ApplicationData')
  }

  #head(head: RegExpExecArray): void {
    this.#last = head
    const [, , version = '', kind, name] = head
    if (kind === 'Handshake') this.#version = version
    if (kind === 'Handshake' || kind === 'Alert') this.#add(head, kind, name ?? '')
    if (kind === 'ChangeCipherSpec') this.#add(head, kind, kind)
  }

  #add(head: RegExpExecArray, kind: TlsMessage['kind'], name: string): void {
    const direction = head[1] === '<<<' ? 'in' : 'out'
    this.messages.push({ direction, version: this.#version, kind, name, at: performance.now() })
  }
}
