/** What the benchmark of the hook compares: no continuation, one that approves, a verdict that is remembered. */
export const HOOK_CASES = ['none', 'approve', 'remembered'] as const

export type HookCase = (typeof HOOK_CASES)[number]

/** CPU microseconds, a figure for each block: of a whole handshake, and of the hook's turn alone. */
export interface HookCosts {
  readonly handshakes: Readonly<Record<HookCase, readonly number[]>>
  readonly turns: Readonly<Record<HookCase, readonly number[]>>
}
