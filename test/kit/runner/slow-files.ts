/**
 * Tests that take long (5 seconds or more): seconds, as a run beside others on two processors measured them. The first run of a
 * checkout goes by them; later ones go by the last.
 */
const SECONDS = `
  70 flow/approval
  68 flow/drain
  64 flow/fleet
  63 flow/processes
  59 flow/approval-link
  58 flow/dashboard-storm
  53 flow/fleet-held
  45 flow/fleet-tls
  39 flow/dashboard-views
  35 flow/restart-records
  26 core/cluster/shared-log
  26 flow/reload-records
  26 bench/soak
  23 flow/dashboard
  23 flow/fleet-verdicts
  23 flow/processes-ends
  22 flow/http2-slow-sides
  22 core/cli/try
  22 flow/client-refused
  22 flow/odd-failures-isolated-1
  21 kit/runner/runner
  20 flow/odd-failures-isolated-2
  20 flow/odd-failures-1
  19 flow/held-decided
  18 flow/fleet-sessions
  18 plugins/session_store
  18 plugins/approval
  17 kit/demo/demo
  16 flow/odd-failures-isolated-3
  16 plugins/revocation-hostile
  16 bench/processes
  15 flow/odd-failures-2
  15 flow/connect-plain
  15 flow/dashboard-fleet
  14 flow/odd-failures-isolated-4
  14 core/main
  14 plugins/policy
  14 flow/policy-sessions
  14 flow/admin-tls
  14 flow/approval-bump
  13 packaging/debian
  13 bench/held
  12 flow/processes-counters
  12 flow/plugins-isolate-spin
  12 plugins/policy-groups
  12 flow/clients-grpc
  12 core/tls/openssl/inbound-engine
  12 flow/clients-command-line
  12 plugins/exec
  11 plugins/revocation-mutations
  11 flow/complete-chain
  11 plugins/spiffe
  11 flow/client-sessions-taken
  11 flow/storm
  11 core/tls/outbound/ends
  11 plugins/cert_validator
  11 flow/ctl-lists
  10 flow/clients-browser
  10 core/tls/outbound/late-shadow
  10 flow/plugins-shared
  10 plugins/revocation-ocsp
  10 flow/proof-of-concept
  9 flow/plugins-isolate-failures
  9 flow/processes-logs
  9 flow/timeouts
  9 flow/connect-bulk
  9 flow/http2-web-sockets-ends
  9 core/cli/plugin-new
  9 flow/verifiers-together
  9 core/http/turns
  9 flow/connect-bump-hooks
  9 flow/shadow-modes
  8 flow/policy-timeouts
  8 flow/parents-squid
  8 flow/hold
  8 core/tls/openssl/crl
  8 flow/processes-debug
  8 flow/clients-packages
  8 flow/plugins-isolate-client
  8 plugins/known_hosts
  8 core/http/framing-fuzz
  7 plugins/sct
  7 plugins/revocation-lists
  7 flow/plugins-reload-shadows
  7 core/http/clients
  7 flow/socks
  7 flow/ctl
  7 flow/plugins-isolate-transactions
  7 core/plugin-host/isolate/topics
  7 core/tls/outbound/park
  7 flow/client-hooks
  7 core/http/untidy-responses
  7 flow/shares
  7 flow/ctl-config
  7 flow/signals
  7 flow/plugins-isolate-client-failures
  7 flow/guide
  6 core/program/wiring/outbound/contexts
  6 core/http/transaction/transaction-time
  6 flow/redials
  6 flow/secrets
  6 flow/early-answers
  6 plugins/revocation
  6 plugins/approval-peers
  6 flow/plugins-isolate
  6 flow/policy-reload
  6 core/tls/same-bytes
  6 flow/certificate-logins
  6 plugins/secrets-file
  6 flow/policy-matrix
  6 bench/forward
  6 flow/groups
  5 core/program/proxy
  5 core/origin/names/names
  5 core/config/traffic-server/unread
  5 flow/client-sessions
  5 flow/http2-web-sockets-programs
  5 flow/hello-pieces
  5 flow/shadow-bump
`

/** Milliseconds, by file. */
export const KNOWN_TIMES: ReadonlyMap<string, number> = new Map(
  SECONDS.trim()
    .split('\n')
    .map(line => line.trim().split(' '))
    .map(([seconds = '', name = '']) => [`dist/test/${name}.test.js`, Number(seconds) * 1000]),
)
