/**
 * Tests that take long (5 seconds or more): seconds, as a run beside others on two processors measured them. The first run of a
 * checkout goes by them; later ones go by the last.
 */
const SECONDS = `
  60 flow/approval
  46 flow/approval-link
  43 flow/dashboard-storm
  33 flow/drain
  33 flow/fleet-tls
  30 flow/dashboard-views
  29 flow/http2-slow-sides
  28 core/cluster/shared-log
  26 bench/soak
  26 flow/reload-records
  26 kit/runner/runner
  26 flow/fleet-held
  26 flow/fleet
  24 flow/restart-records
  22 flow/client-refused
  20 flow/dashboard
  19 flow/dashboard-fleet
  19 flow/fleet-sessions
  18 flow/processes
  18 flow/fleet-verdicts
  17 flow/processes-ends
  16 flow/clients-packages
  16 kit/demo/demo
  16 flow/odd-failures-isolated-1
  15 plugins/approval
  15 plugins/session_store
  15 flow/held-decided
  14 plugins/exec
  14 flow/odd-failures-isolated-4
  14 flow/processes-logs
  14 flow/connect-plain
  14 plugins/revocation-hostile
  13 flow/clients-grpc
  13 bench/processes
  13 flow/policy-reload
  13 flow/policy-sessions
  13 core/cli/try
  13 packaging/debian
  13 bench/held
  13 flow/verifiers-together
  12 flow/odd-failures-1
  12 flow/plugins-isolate-spin
  12 core/tls/outbound/park
  11 flow/approval-bump
  11 flow/odd-failures-isolated-2
  10 flow/plugins-shared
  10 flow/admin-tls
  10 flow/guide
  10 flow/connect-bulk
  10 flow/hello-pieces
  10 flow/odd-failures-2
  10 core/tls/outbound/late-shadow
  10 plugins/sct
  9 flow/plugins-isolate-failures
  9 flow/plugins-reload-shadows
  9 flow/connect-bump-hooks
  9 flow/http2-web-sockets-programs
  9 core/http/untidy-responses
  9 flow/storm
  8 flow/timeouts
  8 core/tls/openssl/crl
  8 plugins/cert_validator
  8 flow/ctl-lists
  8 core/main
  8 core/http/turns
  8 flow/proof-of-concept
  8 flow/complete-chain
  8 flow/hold
  7 flow/client-hooks
  7 flow/parents-squid
  7 plugins/spiffe
  7 plugins/revocation-lists
  7 flow/shadow-modes
  7 flow/odd-failures-isolated-3
  7 flow/policy-timeouts
  7 plugins/known_hosts
  7 core/http/clients
  7 flow/early-answers
  7 flow/policy-matrix
  7 flow/clients-browser
  7 core/http/framing-fuzz
  7 flow/plugins-isolate-client
  7 core/http/transaction/transaction-time
  7 flow/plugins-reload
  6 flow/plugins-isolate
  6 flow/plugins-isolate-client-failures
  6 flow/signals
  6 flow/socks
  6 flow/plugins-isolate-transactions
  6 flow/groups
  6 flow/redials
  5 plugins/revocation
  5 core/plugin-host/isolate/topics
  5 flow/admin
  5 flow/http2-web-sockets-ends
  5 core/tls/openssl/inbound-engine
  5 plugins/policy
  5 core/cli/plugin-new
`

/** Milliseconds, by file. */
export const KNOWN_TIMES: ReadonlyMap<string, number> = new Map(
  SECONDS.trim()
    .split('\n')
    .map(line => line.trim().split(' '))
    .map(([seconds = '', name = '']) => [`dist/test/${name}.test.js`, Number(seconds) * 1000]),
)
