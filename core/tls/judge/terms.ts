/** The terms on which an origin is accepted: the records of proxy.config.ssl.client.verify.server, combined. */
export interface Terms {
  /** `nothing`: every origin is accepted without a check, because the operator wants it (verify.server 0). */
  readonly verify: 'nothing' | 'origin'
  /** The plugins on the hook, in order; none when only the built-in check is used (verify.server 1). */
  readonly plugins: readonly string[]
  /** How many of them, the first ones, are asked about incomplete chains only: they complete chains, and decide nothing. */
  readonly completers: number
  /** Whether shadow plugins are asked, too: their verdicts are only counted (`@mode=shadow`). */
  readonly hasShadows: boolean
  /** What the built-in check covers. */
  readonly properties: Properties
  /** ENFORCED binds, PERMISSIVE advises, DISABLED or no properties: off. */
  readonly builtIn: 'binds' | 'advises' | 'off'
  /** Whether plugins are asked about, and may overrule, a built-in check that failed. */
  readonly isOverridable: boolean
  /** When acceptances end at the latest, milliseconds since the epoch: with the first revocation list. */
  readonly endsAt: number | undefined
  /** The setting that limits how long plugins may take together. */
  readonly limit: string
}

/** The values of the records that make up the terms. */
export interface TermsRecords {
  readonly verify: 0 | 1 | 2
  readonly policy: 'ENFORCED' | 'PERMISSIVE' | 'DISABLED'
  readonly properties: Properties
  readonly override: 0 | 1
}

/** Which halves of the built-in check count. */
export type Properties = 'ALL' | 'SIGNATURE' | 'NAME' | 'NONE'

const BUILT_IN = { ENFORCED: 'binds', PERMISSIVE: 'advises', DISABLED: 'off' } as const

/**
 * @param plugins the names of the plugins on the hook, in order, completers first
 * @param hasPins whether a rule has pins or limits, which the built-in check covers whatever the properties say
 * @param endsAt when the first of the revocation lists of the check ends
 * @param limit the setting that limits how long plugins may take together
 */
export function makeTerms(
  records: TermsRecords,
  plugins: readonly string[],
  hasPins = false,
  hasShadows = false,
  endsAt?: number,
  limit = 'proxy.config.ssl.client.verify.deadline',
  completers = 0,
): Terms {
  const { verify, policy, properties, override } = records
  return {
    verify: verify === 0 ? 'nothing' : 'origin',
    plugins: verify === 2 ? plugins : [],
    completers: verify === 2 ? completers : 0,
    hasShadows: verify === 2 && hasShadows,
    properties,
    builtIn: properties === 'NONE' && !hasPins ? 'off' : BUILT_IN[policy],
    isOverridable: override === 1,
    endsAt,
    limit,
  }
}

/**
 * What decides about an origin, and what is checked. The machine, its log lines, warnings and `try` all use
 * {@link decisionOf}.
 */
export type Decision =
  | { readonly by: 'plugins' }
  /** `unchecked`: the halves of the built-in check that do not count. */
  | { readonly by: 'built-in'; readonly unchecked: readonly ('chain' | 'name')[] }
  /** Nothing is verified: every certificate is accepted; or none, when everything is off without verify.server 0. */
  | { readonly by: 'nobody'; readonly accepts: 'every' | 'none'; readonly because: 'verify' | 'policy' }

const UNCHECKED = {
  ALL: [],
  SIGNATURE: ['name'],
  NAME: ['chain'],
  NONE: ['chain', 'name'],
} as const satisfies Record<Properties, readonly ('chain' | 'name')[]>

export function decisionOf({ verify, plugins, completers, builtIn, properties }: Terms): Decision {
  if (verify === 'nothing') return { by: 'nobody', accepts: 'every', because: 'verify' }
  if (plugins.length > completers) return { by: 'plugins' }
  switch (builtIn) {
    case 'binds':
      return { by: 'built-in', unchecked: UNCHECKED[properties] }
    case 'advises':
      return { by: 'nobody', accepts: 'every', because: 'policy' }
    case 'off':
      return { by: 'nobody', accepts: 'none', because: 'policy' }
  }
}
