/** Results as the harness prints them, for tests. */
export type Sample = Readonly<Record<string, unknown>>

const line = (sample: Sample): string => JSON.stringify(sample)

export const handshakes = (contestant: string, round: number, micros: number, more: Sample = {}): string =>
  line({
    test: 'hs',
    contestant,
    mode: contestant === 'nginx-fwd' ? 'none' : 'hook',
    round: String(round),
    dur: '4',
    warm: '1.5',
    rps: Math.round(1e6 / micros),
    proxy_cpu_us_per_req: micros,
    foreign: { proxy_cpu: 0.01, load_cpu: 0.02 },
    ...more,
  })

export const storm = (contestant: string, round: number, kb: number, more: Sample = {}): string =>
  line({
    test: 'susp',
    contestant,
    mode: 'hook',
    round: String(round),
    n: 1000,
    ok: 1000,
    before_delay: 0,
    proxy_alive_after: true,
    proxy_alive_end: true,
    kb_per_susp_total: kb,
    proxy_cpu_ms_per_susp: 1.5,
    probe: { during: { p50: 8, p99: 300 }, settled: null },
    control: { during: { p50: 0.3, p99: 100 } },
    ...more,
  })
