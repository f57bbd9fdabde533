import type { Socket } from 'node:net'
import type { Diags } from '../base/diags.js'
import { describe, ProxyError } from '../base/errors.js'
import type { FairQueue } from '../base/fair-queue.js'
import type { Records } from '../config/records-table.js'
import { ask } from '../hooks/ask.js'
import type { Hooked, HookRegistry } from '../hooks/registry.js'
import type { SecurePort } from '../http/secure-listener.js'
import { ClientHandshake, type ServerAskers, type ServerSettings } from '../tls/server.js'
import { LinkDuplex } from '../tls/server-duplex.js'
import type { ServerTerms } from '../tls/server-handshake.js'
import type { Link } from '../vconn/link.js'
import { TcpLink } from '../vconn/tcp-link.js'
import type { TurnAsker, TurnObserver } from '../vconn/turn.js'
import { SESSION_TIMEOUT, type ServerCertificates } from './server-certificates.js'
import type { VConns } from './vconns.js'

const SECOND = 1000
/** What is offered to clients by ALPN, and all that is spoken with them. */
const ALPN = ['http/1.1']

/** What of a setup a handshake with a client needs. */
interface SecureSetup {
  readonly records: Records
  readonly certificates: ServerCertificates | undefined
  readonly vconns: VConns
  readonly clientHooks: ClientHooks
}

/** The plugins on the hooks of the client's side, as the handshake machine asks them. */
export interface ClientHooks {
  readonly terms: ServerTerms
  readonly askers: ServerAskers
  /** Whether plugins keep the sessions of clients. */
  readonly keepSessions: boolean
}

const SESSION = 'TS_SSL_SESSION_HOOK'

/** Plugins in shadow mode have no say here, and are not asked: what they would say of a parked client binds nobody. */
export function makeClientHooks(registry: HookRegistry): ClientHooks {
  const hello = enforced(registry.on('TS_SSL_CLIENT_HELLO_HOOK'))
  const session = enforced(registry.on(SESSION))
  const certificate = enforced(registry.on('TS_SSL_CERT_HOOK'))
  const client = enforced(registry.on('TS_SSL_VERIFY_CLIENT_HOOK'))
  return {
    keepSessions: session.length > 0,
    terms: {
      hello: namesOf(hello),
      session: namesOf(session),
      certificate: namesOf(certificate),
      client: namesOf(client),
    },
    askers: {
      hello: hello.map(on =>
        toAsker(on, (e, refuse) => ask<'TS_SSL_CLIENT_HELLO_HOOK'>(on.continuation, e, refuse)),
      ),
      session: session.map(on => toAsker(on, (e, refuse) => ask<typeof SESSION>(on.continuation, e, refuse))),
      certificate: certificate.map(on =>
        toAsker(on, (e, refuse) => ask<'TS_SSL_CERT_HOOK'>(on.continuation, e, refuse)),
      ),
      client: client.map(on =>
        toAsker(on, (e, refuse) => ask<'TS_SSL_VERIFY_CLIENT_HOOK'>(on.continuation, e, refuse)),
      ),
    },
  }
}

const enforced = <T extends Pick<Hooked<never>, 'plugin'>>(all: readonly T[]): readonly T[] =>
  all.filter(({ plugin }) => plugin.mode === 'enforce')

const namesOf = (all: readonly Pick<Hooked<never>, 'plugin'>[]): readonly string[] =>
  all.map(({ plugin }) => plugin.name)

function toAsker<E>({ plugin }: Pick<Hooked<never>, 'plugin'>, call: TurnAsker<E>['ask']): TurnAsker<E> {
  return { plugin: plugin.name, deadline: plugin.deadline, ask: call }
}

/** TLS with clients, on what is configured when they connect; their failures are debug lines of the tag `ssl`. */
export function securePort(
  setup: () => SecureSetup,
  { diags, handshakes, queue }: { diags: Diags; handshakes: TurnObserver; queue: FairQueue },
): SecurePort {
  return {
    accept: (socket, take) => {
      const { remoteAddress, remotePort, localAddress, localPort } = socket
      const addresses = { remoteAddress, remotePort, localAddress, localPort }
      const current = setup()
      const { certificates, vconns } = current
      if (certificates === undefined) {
        // A reload cannot add a port; it can take the certificates away from one that is open.
        diags.error(`client ${remoteAddress}: there is no certificate for an ssl port; ssl_multicert.config`)
        socket.destroy()
        return { abandon: () => {} }
      }
      const tcp = new TcpLink(socket, 'client')
      const vconn = vconns.open('inbound', tcp)
      tcp.whenClosed(() => vconn.close())
      const leave = certificates.enter()
      const onOpen = (link: Link): void => {
        leave()
        take(new LinkDuplex(link, addresses))
      }
      const onFailed = (why: ProxyError): void => {
        leave()
        const text = `client ${remoteAddress}: ${describe(why)}`
        if (why.code === 'PTC_CLIENT_HANDSHAKE') diags.debug('ssl', text)
        else diags.warning(text)
      }
      const settings = settingsFor(socket, current, certificates, handshakes, queue)
      try {
        const handshake = new ClientHandshake(tcp, vconn.shown, settings, onOpen, onFailed)
        handshake.start()
        return handshake
      } catch (cause) {
        socket.destroy()
        onFailed(new ProxyError('PTC_INTERNAL', describe(cause), { cause }))
        return { abandon: () => {} }
      }
    },
  }
}

function settingsFor(
  { localAddress = '' }: Socket,
  { records, vconns, clientHooks }: SecureSetup,
  certificates: ServerCertificates,
  observer: TurnObserver,
  queue: FairQueue,
): ServerSettings {
  return {
    context: certificates.choose(undefined, localAddress),
    choose: sni => certificates.choose(sni, localAddress),
    named: name => certificates.named(name),
    makeContext: pems => certificates.makeContext(pems),
    terms: clientHooks.terms,
    askers: clientHooks.askers,
    tellServername: event => void vconns.tell('TS_SSL_SERVERNAME_HOOK', event),
    tellSession: event => void vconns.tell(SESSION, event),
    alpn: ALPN,
    timeout: records['proxy.config.ssl.handshake_timeout_in'] * SECOND,
    sessionLifetime: SESSION_TIMEOUT * SECOND,
    observer,
    queue,
  }
}
