import { createHash } from 'node:crypto'
import { Memo } from '../../../base/memo.js'
import { Mistakes } from '../../../base/mistakes.js'
import { findRule, PIN_KEYS, type Rule } from '../../../config/rules.js'
import type { ParentSettings, VerificationSettings } from '../../../settings/origins.js'
import type { NameRules } from '../../../tls/judge/names.js'
import type { Pins } from '../../../tls/judge/pins.js'
import { sanMatcher } from '../../../tls/judge/san-matcher.js'
import { makeTerms, type TermsRecords } from '../../../tls/judge/terms.js'
import type { OutboundSettings } from '../../../tls/outbound/settings.js'
import type { Askers } from './askers.js'
import type { OutboundContexts } from './contexts.js'

/** What holds for an origin: the settings, as far as no rule of sni.yaml says otherwise. */
export interface Policy {
  readonly rule: Rule | undefined
  readonly settings: OutboundSettings
  /** Milliseconds; `connect` is undefined where the general one holds. */
  readonly timeouts: { readonly connect: number | undefined; readonly total: number | undefined }
  /** Hash of everything that shapes a verdict: connections verified under another one are not used again. */
  readonly digest: string
}

/** What is the same for every origin. */
export interface SharedSettings
  extends Pick<
    OutboundSettings,
    'openVConn' | 'observer' | 'held' | 'queue' | 'shadowTurns' | 'revocations'
  > {
  readonly askers: Askers
  /** Stands for the plugins' lines and code on every machine of a fleet; undefined where nothing is shared. */
  readonly fingerprint?: string | undefined
}

const RECORD = 'proxy.config.ssl.client.verify.deadline'

/** Hosts whose policy is remembered; the others are looked up again. */
const REMEMBERED = 10_000

let generation = 0

/** Every policy of one generation, made when it is read: a rule that cannot be followed is an error then. */
export class Policies {
  readonly general: Policy
  readonly #ofParents: Policy
  readonly #rules: readonly Rule[]
  readonly #byRule: ReadonlyMap<Rule, Policy>
  readonly #byHost = new Memo<string, Policy>(REMEMBERED)

  /** @throws {ProxyError} PTC_TLS_CONTEXT, PTC_CRL_UNUSABLE that name the rule and the file */
  constructor(
    general: VerificationSettings,
    connectTimeout: number,
    rules: readonly Rule[],
    contexts: OutboundContexts,
    shared: SharedSettings,
    parentAnchors?: ParentSettings['anchors'],
  ) {
    const plugins = generation++
    const make = (rule: Rule | undefined): Policy =>
      makePolicy({ general, connectTimeout, contexts, shared, plugins }, rule)
    this.#rules = rules
    this.general = make(undefined)
    this.#ofParents = parentAnchors === undefined ? this.general : make(ruleOfParents(parentAnchors))
    const mistakes = new Mistakes()
    const made = rules.map(rule => [rule, mistakes.read(() => make(rule))] as const)
    mistakes.check()
    this.#byRule = new Map(made.flatMap(([rule, policy]) => (policy === undefined ? [] : [[rule, policy]])))
  }

  /** @param host a name in ASCII or an address */
  of(host: string): Policy {
    const known = this.#byHost.get(host)
    if (known !== undefined) return known
    const rule = findRule(this.#rules, host)
    const policy = (rule && this.#byRule.get(rule)) ?? this.general
    this.#byHost.set(host, policy)
    return policy
  }

  /** @param host of an https parent: a rule for it counts before what holds for parents in general */
  ofParent(host: string): Policy {
    const own = this.of(host)
    return own.rule === undefined ? this.#ofParents : own
  }

  get all(): readonly Policy[] {
    return [this.general, ...this.#byRule.values()]
  }
}

/** What holds for https parents, in the form of a rule. */
const ruleOfParents = ({ path, by }: NonNullable<ParentSettings['anchors']>): Rule => ({
  fqdn: '*',
  verify_server_ca: path,
  where: by,
})

/** What all policies of one generation are made of. */
interface PolicyParts {
  readonly general: VerificationSettings
  readonly connectTimeout: number
  readonly contexts: OutboundContexts
  readonly shared: SharedSettings
  /** Differs in each generation. */
  readonly plugins: number
}

function makePolicy(
  { general, connectTimeout, contexts, shared, plugins }: PolicyParts,
  rule: Rule | undefined,
): Policy {
  const says = termsRecords(general.terms, rule)
  const { context, digest: contextDigest } = rule === undefined ? contexts.general : contexts.for(rule)
  const pins = rule && pinsOf(rule)
  const alpnWithHttp2 = offersHttp2(general.http2, rule) ? WITH_HTTP2 : undefined
  const names = rule === undefined ? {} : nameRules(rule)
  const deadline = rule?.verify_deadline_ms ?? general.deadline
  const limit =
    rule?.verify_deadline_ms === undefined ? RECORD : `verify_deadline_ms of the rule for ${rule.fqdn}`
  const shadows = shared.askers.shadows(deadline)
  const hasPins = pins !== undefined
  const { names: asked, completers } = shared.askers
  const hasShadows = shadows.length > 0
  const terms = makeTerms(says, asked, hasPins, hasShadows, context.endsAt, limit, completers)
  const shaping = [
    contextDigest,
    says,
    names,
    PIN_KEYS.map(key => rule?.[key] ?? null),
    alpnWithHttp2 ?? null,
  ]
  // Plugins that were loaded again may decide differently.
  const digest = digestOf([...shaping, terms.plugins.length > 0 ? plugins : null])
  const { fingerprint, ...parts } = shared
  const fleet = fingerprint && digestOf([...shaping, terms.plugins, completers, fingerprint])
  const { sessions: cache } = contexts
  const { isSynchronous, isReverified, redials, releaseAfter } = general
  const settings: OutboundSettings = {
    ...parts,
    askers: shared.askers.under({ digest, fleet }).map(asker => ({ ...asker, isSynchronous })),
    shadows,
    sessions: cache && { cache, digest, isReverified, fleet },
    context,
    alpnWithHttp2,
    terms,
    checks: { properties: says.properties, pins },
    names,
    deadline,
    redials,
    releaseAfter,
    originTimeout: rule?.handshake_timeout_ms ?? general.handshakeTimeout,
  }
  return {
    rule,
    settings,
    timeouts: timeoutsOf(connectTimeout, rule),
    digest,
  }
}

const digestOf = (parts: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64url')

const WITH_HTTP2 = Object.freeze(['h2', 'http/1.1'])

/** Where nothing says otherwise, HTTP/2 is offered to origins whose clients can be offered it: those that are bumped. */
function offersHttp2(
  { isOn, isOffered, connectMode }: VerificationSettings['http2'],
  rule: Rule | undefined,
): boolean {
  if (!isOn) return false
  const said = rule?.client_alpn?.includes('h2') ?? isOffered
  return said ?? (rule?.connect_verify ?? connectMode) === 'bump'
}

/** The TCP connection is part of what `total_timeout_ms` is about. */
function timeoutsOf(general: number, rule: Rule | undefined): Policy['timeouts'] {
  const { connect_timeout_ms: own, total_timeout_ms: total } = rule ?? {}
  return { connect: total === undefined ? own : Math.min(own ?? general, total), total }
}

function termsRecords(general: TermsRecords, rule: Rule | undefined): TermsRecords {
  return {
    verify: rule?.verify_server ?? general.verify,
    policy: rule?.verify_server_policy ?? general.policy,
    properties: rule?.verify_server_properties ?? general.properties,
    override: rule?.verify_server_override ?? general.override,
  }
}

function nameRules({ client_sni, client_sni_policy, verify_server_name: alternative }: Rule): NameRules {
  const fixed = client_sni_policy?.startsWith('@') ? client_sni_policy.slice(1) : undefined
  const sni = client_sni === '' || client_sni === null ? null : (client_sni ?? fixed)
  return {
    ...(sni === undefined ? {} : { sni }),
    ...(alternative === undefined ? {} : { alternative }),
  }
}

function pinsOf(rule: Rule): Pins | undefined {
  if (PIN_KEYS.every(key => rule[key] === undefined)) return undefined
  const sans = rule.verify_server_san ?? []
  const ways = ['exact', 'prefix', 'suffix', 'regex'] as const
  return {
    sans: sans.flatMap(san =>
      ways.flatMap(way => (san[way] === undefined ? [] : [sanMatcher(san.type, way, san[way])])),
    ),
    spkiPins: new Set(rule.verify_server_spki),
    certPins: new Set(rule.verify_server_cert_sha256?.map(pin => pin.replaceAll(':', '').toLowerCase())),
    minRsaBits: rule.verify_server_min_rsa_bits ?? 0,
    minEcBits: rule.verify_server_min_ec_bits ?? 0,
  }
}
