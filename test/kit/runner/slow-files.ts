import { words } from '../../../core/base/text.js'

/**
 * Tests that take long (6 seconds or more with two processors), the longest first: they begin first in the first run of a
 * checkout.
 */
export const SLOW_FILES: readonly string[] = words(`
  flow/odd-failures-isolated-1
  flow/reload-records
  flow/processes
  flow/client-refused
  flow/approval
  flow/odd-failures-isolated-2
  flow/odd-failures-isolated-3
  flow/fleet
  flow/odd-failures-isolated-4
  flow/connect-plain
  flow/approval-link
  flow/policy-sessions
  bench/held
  flow/plugins-isolate-spin
  plugins/revocation-hostile
  flow/odd-failures-1
  plugins/exec
  flow/time-limits
  flow/shadow-modes
  core/main
  flow/connect-bump-hooks
  core/tls/outbound/late-shadow
  core/tls/openssl/crl
  core/cli/try
  flow/plugins-shared
  flow/odd-failures-2
  plugins/sct
  flow/timeouts
  flow/proof-of-concept
  core/cli/plugin-new
  kit/demo/demo
  flow/storm
  flow/plugins-isolate-failures
  plugins/cert_validator
  flow/secrets
  flow/parents-squid
  flow/admin
  flow/policy-timeouts
  flow/clients-packages
  flow/plugins-reload-shadows
  core/cluster/shared-log
  packaging/debian
  kit/runner/runner
  flow/approval-bump
  flow/hold
  flow/shadow-bump
  flow/connect-bulk
  flow/complete-chain
  flow/signals
  plugins/known_hosts
  flow/clients-browser
  core/tls/outbound/park
  flow/processes-logs
  core/tls/openssl/inbound-engine
  core/http/turns
  core/http/framing-fuzz
  flow/plugins-isolate-transactions
  flow/plugins-isolate-client
  flow/admin-port
`).map(name => `dist/test/${name}.test.js`)

export const isSlow = (file: string): boolean => SLOW_FILES.includes(file)
