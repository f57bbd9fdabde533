import type { AskingClient, AskingTransaction } from './asking.js'
import type { PeerEvidence } from './certificate.js'
import type {
  CertEvent,
  ClientHelloEvent,
  ServernameEvent,
  SessionEvent,
  VerifyClientEvent,
} from './client-hooks.js'
import type { Parked } from './parked.js'
import type {
  ReadRequestEvent,
  ReadResponseEvent,
  SendRequestEvent,
  SendResponseEvent,
  TxnArgs,
} from './transaction-hooks.js'
import type { VConn } from './vconn.js'

/** Further certificates for a second check: help to build a path, and never an anchor. */
export interface Help {
  /** DER, in any order, at most 32 of at most 65,536 bytes each. */
  readonly intermediates: readonly Uint8Array[]
}

/**
 * What the built-in check says of the same leaf with further certificates: the same trust anchors, lists and rules. It has
 * no effect until it is passed to `complete` of the event that it came from.
 */
export interface Completion extends Pick<PeerEvidence, 'builtChain' | 'builtIn' | 'checks'> {}

/** How a plugin completes a chain whose origin has left out an issuer. */
export interface Completing {
  /**
   * Runs the built-in check once more, with further certificates as untrusted help. At most 16 times in a turn.
   *
   * Rejects with a {@link ProxyError} PTC_PLUGIN_CALL when the turn is over, or for what is no list of certificates;
   * PTC_CERTIFICATE_UNREADABLE for one that is not whole.
   */
  readonly verifyAgain: (help: Help) => Promise<Completion>
  /**
   * Makes a result of `verifyAgain` the one that later plugins, `try`, the log and the enforcement see. The turn goes on
   * until `reenable`. An event keeps what it has shown.
   *
   * @throws {ProxyError} PTC_PLUGIN_CALL when the turn is over, for a second call, for what did not come from this event, when the
   *   built-in check did not miss an issuer, when it still fails with these certificates, and with `coalesce`. In a worker
   *   the last three are found out when the answer has arrived, and are then a failure of the plugin. In shadow mode it
   *   has no effect
   */
  readonly complete: (completion: Completion) => void
}

/** What a continuation on TS_SSL_CERT_VERIFY_HOOK receives: the evidence, and the right to end the wait. */
export interface VerifyServerEvent extends PeerEvidence, Parked, Completing {
  /** The connection to the origin. */
  readonly vconn: VConn
  /** The origin's port. */
  readonly port: number
  /**
   * The client for which the origin is asked; undefined where there is none (`portcullis try`), and with `coalesce`. An acceptance by a
   * plugin that has read it, or `transaction`, is for this client alone: it is not remembered, its session is not kept,
   * and other clients do not get its connection.
   */
  readonly client: AskingClient | undefined
  /** The client's request; undefined where `client` is. */
  readonly transaction: AskingTransaction | undefined
}

/** What a continuation on TS_VCONN_START_HOOK receives. A rejection closes the connection; the client gets no byte. */
export interface VConnStartEvent extends Parked {}

/**
 * What a continuation on TS_VCONN_OUTBOUND_START_HOOK receives: once for each TCP connection to an origin, those of
 * tunnels and probes included. A rejection closes it, and the client is answered 502.
 */
export interface OutboundStartEvent extends Parked {
  /** As in the URL, or in the CONNECT request: a name or an address, IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

/** What a continuation on TS_HTTP_TXN_CLOSE_HOOK receives: a request and its response, or a tunnel, that are over. */
export interface TxnCloseEvent {
  readonly method: string
  /** The request-target as received; inside a bumped CONNECT the whole URL. */
  readonly url: string
  readonly clientAddress: string | undefined
  /** The name under which the client had logged in to the proxy; undefined without a login. */
  readonly user: string | undefined
  /** The groups of that name, sorted; empty without a login. */
  readonly groups: readonly string[]
  /** What the client was answered; 0 if it left before. */
  readonly status: number
  /** Bytes of the body from the client, and to it. */
  readonly bytesUp: number
  readonly bytesDown: number
  readonly milliseconds: number
  /** The code of the error that ended it; undefined when none did. */
  readonly error: string | undefined
  /** As the other hooks of the transaction had it; undefined where none was asked. */
  readonly id: number | undefined
  /** What plugins have kept on it. */
  readonly args: Partial<TxnArgs>
}

/** What a continuation on TS_LIFECYCLE_PORTS_READY_HOOK receives. */
export interface PortsReadyEvent {
  /** Where clients may connect, in the order of proxy.config.http.server_ports. */
  readonly ports: readonly { readonly address: string; readonly port: number }[]
}

/** What a continuation on TS_LIFECYCLE_SHUTDOWN_HOOK receives. */
export interface ShutdownEvent {
  /** Milliseconds for which requests in flight may go on. */
  readonly grace: number
}

/** What a continuation on TS_LIFECYCLE_MSG_HOOK receives: what an operator sent with `portcullis ctl plugin msg`. */
export interface PluginMsgEvent {
  /** Tells which plugin, and which of its messages: every plugin on the hook hears them all. */
  readonly tag: string
  readonly data: string | undefined
}

/** Every hook id, and what a continuation on it receives. Add an id here and in `core/hooks/hook-ids.ts`. */
export interface HookEvents {
  /** An origin's certificate has arrived; the handshake is parked. */
  TS_SSL_CERT_VERIFY_HOOK: VerifyServerEvent
  /** A connection to an origin is open, and nothing has been sent on it; it is parked. */
  TS_VCONN_OUTBOUND_START_HOOK: OutboundStartEvent
  /** A connection to an origin has ended; called exactly once, also when it ended while parked. */
  TS_VCONN_OUTBOUND_CLOSE_HOOK: VConn
  /** A client has connected, and nothing of what it says has been looked at; it is parked. */
  TS_VCONN_START_HOOK: VConnStartEvent
  /** A client's connection has ended; called exactly once. */
  TS_VCONN_CLOSE_HOOK: VConn
  /** The ClientHello of a client of an ssl port has arrived, and has not been answered; the handshake is parked. */
  TS_SSL_CLIENT_HELLO_HOOK: ClientHelloEvent
  /** The certificate for a client's name has been looked up. Does not park. */
  TS_SSL_SERVERNAME_HOOK: ServernameEvent
  /** A certificate is about to be shown to a client; the handshake is parked. */
  TS_SSL_CERT_HOOK: CertEvent
  /** A client offers to resume a session (parked), one has been made, or one is to be forgotten. */
  TS_SSL_SESSION_HOOK: SessionEvent
  /** A client has shown a certificate; it is held before its first byte is read. */
  TS_SSL_VERIFY_CLIENT_HOOK: VerifyClientEvent
  /** A request has come, CONNECT included; it is parked before its origin is chosen. */
  TS_HTTP_READ_REQUEST_HDR_HOOK: ReadRequestEvent
  /** A request is about to be sent to an origin; it is parked. */
  TS_HTTP_SEND_REQUEST_HDR_HOOK: SendRequestEvent
  /** The head of an origin's response has come; it is parked, and its body waits. */
  TS_HTTP_READ_RESPONSE_HDR_HOOK: ReadResponseEvent
  /** A response is about to be sent to a client; it is parked. */
  TS_HTTP_SEND_RESPONSE_HDR_HOOK: SendResponseEvent
  /** A request has been answered, or a tunnel has ended; once each. Does not park. */
  TS_HTTP_TXN_CLOSE_HOOK: TxnCloseEvent
  /** The ports are open; of a plugin that came with a reload, they were before. Does not park. */
  TS_LIFECYCLE_PORTS_READY_HOOK: PortsReadyEvent
  /** The proxy takes no new clients and will end. Does not park. */
  TS_LIFECYCLE_SHUTDOWN_HOOK: ShutdownEvent
  /** An operator has sent a message (TSPluginMsg). Does not park. */
  TS_LIFECYCLE_MSG_HOOK: PluginMsgEvent
}

export type HookId = keyof HookEvents

/** Returning, or resolving, ends the call but not the wait: only `reenable` resumes a parked connection. */
export type Continuation<H extends HookId> = (event: HookEvents[H]) => unknown

/** What a plugin says about its continuation. */
export interface HookOptions {
  /**
   * True: one answer serves every handshake that asks the same at the same time. The same means everything in the event
   * but `vconn` and `deadline`: host, port, SNI, chain, checks, stapled response, protocol, and the rules in force.
   *
   * Say so only if the answer does not depend on the connection, nor on the client (`client` and `transaction` are undefined): `vconn` and its args are those of the first handshake,
   * which may have ended while others still wait. `signal` aborts when the last of them has gone. A rejection, and a
   * failure, is one for all handshakes that share it. Has a meaning on TS_SSL_CERT_VERIFY_HOOK alone.
   */
  readonly coalesce?: boolean
  /**
   * `incomplete`: the continuation is asked only where the built-in check found no issuer (X509_V_ERR codes 2, 20 and 21),
   * whatever `proxy.config.ssl.client.verify.server.override` says, and before all other continuations. It can
   * {@link VerifyServerEvent.complete} the chain, and reject it. Its acceptance overrules nothing: a chain that is still
   * incomplete is judged as if it had not been asked. On TS_SSL_CERT_VERIFY_HOOK alone; not asked with `@mode=shadow`.
   */
  readonly sees?: 'incomplete'
}

/** Puts a continuation on a hook. Only during init. Order of calls is the order of lines in plugin.config. */
export type HookAdd = <I extends HookId | HookAlias>(
  id: I,
  continuation: Continuation<ResolvedHook<I>>,
  options?: HookOptions,
) => void

/** Other names for the same hooks; Traffic Server and the proof of concept used them. */
export const HOOK_ALIASES = {
  TS_SSL_VERIFY_SERVER_HOOK: 'TS_SSL_CERT_VERIFY_HOOK',
  TS_SSL_SERVER_VERIFY_HOOK: 'TS_SSL_CERT_VERIFY_HOOK',
  TS_VCONN_PRE_ACCEPT_HOOK: 'TS_VCONN_START_HOOK',
  TS_SSL_SNI_HOOK: 'TS_SSL_CERT_HOOK',
} as const satisfies Record<string, HookId>

export type HookAlias = keyof typeof HOOK_ALIASES

/** The hook that an id or an alias stands for. */
export type ResolvedHook<I extends HookId | HookAlias> = I extends HookAlias
  ? (typeof HOOK_ALIASES)[I]
  : Extract<I, HookId>
