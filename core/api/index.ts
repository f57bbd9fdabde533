/** What a plugin may import, as `portcullis/plugin`. The only barrel file of the project. */
export type { AskingClient, AskingTransaction } from './asking.js'
export type { BuiltInResult, Certificate, PeerEvidence } from './certificate.js'
export type {
  CertEvent,
  CertificatePems,
  ClientHelloEvent,
  ClientHelloFacts,
  ParkedClient,
  ServernameEvent,
  SessionEvent,
  SessionGetEvent,
  SessionNewEvent,
  SessionRemoveEvent,
  VerifyClientEvent,
} from './client-hooks.js'
export type { HandshakeStep, HandshakeSteps } from './diagnostics.js'
export type { FetchAnswer, FetchOptions, PluginFetch } from './fetch.js'
export type { Completing, Completion, Help } from './hooks.js'
export {
  type Continuation,
  HOOK_ALIASES,
  type HookAdd,
  type HookAlias,
  type HookEvents,
  type HookId,
  type HookOptions,
  type OutboundStartEvent,
  type PluginMsgEvent,
  type PortsReadyEvent,
  type ResolvedHook,
  type ShutdownEvent,
  type TxnCloseEvent,
  type VConnStartEvent,
  type VerifyServerEvent,
} from './hooks.js'
export type {
  Approval,
  ApprovalAnswer,
  ApprovalScope,
  ApprovalTopic,
  ApprovedOrigin,
  GivenAnswer,
  ManagedTopics,
  WaitsElsewhere,
} from './managed.js'
export type {
  Counter,
  Gauge,
  Histogram,
  HistogramOptions,
  MetricLabels,
  MetricOptions,
  PluginMetrics,
} from './metrics.js'
export type { OptionSchema, OptionsOf, OptionsSchema } from './options.js'
export type { Parked } from './parked.js'
export type {
  PluginContext,
  PluginInit,
  PluginPeers,
  PluginState,
  Revocation,
  StateOptions,
} from './plugin.js'
export type { ResponseSeal, Seal } from './seal.js'
export type {
  HeaderFields,
  ReadRequestEvent,
  ReadResponseEvent,
  SendRequestEvent,
  SendResponseEvent,
  TxnArgs,
  TxnEvent,
  TxnOrigin,
} from './transaction-hooks.js'
export type { VConn, VConnArgs } from './vconn.js'
export {
  type Accept,
  type AcceptOptions,
  accept,
  type Hold,
  postpone,
  type Reason,
  type Reject,
  reject,
  type Verdict,
  type VerdictScope,
} from './verdict.js'
export { X509_ERRORS, type X509ErrorName } from './x509-errors.js'
