import { words } from '../../../core/base/text.js'

/**
 * Tests that take long (8 seconds or more with two processors), the longest first: they begin first in the first run of a
 * checkout.
 */
export const SLOW_FILES: readonly string[] = words(`
  flow/approval
  flow/approval-link
  flow/drain
  flow/dashboard-views
  flow/fleet-verdicts
  flow/fleet
  flow/processes
  flow/fleet-sessions
  flow/reload-records
  bench/soak
  flow/dashboard
  core/cluster/shared-log
  flow/client-refused
  flow/odd-failures-isolated-1
  flow/processes-ends
  plugins/approval
  flow/dashboard-fleet
  flow/held-decided
  packaging/debian
  kit/runner/runner
  flow/odd-failures-1
  kit/demo/demo
  flow/odd-failures-isolated-3
  plugins/exec
  flow/admin-tls
  plugins/revocation-hostile
  flow/policy-sessions
  flow/connect-plain
  plugins/session_store
  flow/odd-failures-isolated-4
  flow/plugins-isolate-spin
  flow/approval-bump
  flow/odd-failures-isolated-2
  bench/held
  flow/odd-failures-2
  core/main
  core/tls/outbound/late-shadow
  flow/clients-grpc
  plugins/sct
  flow/plugins-shared
  flow/verifiers-together
  flow/timeouts
  flow/storm
  core/http/turns
  plugins/spiffe
  flow/proof-of-concept
  core/tls/openssl/crl
  flow/connect-bump-hooks
  plugins/cert_validator
  flow/policy-timeouts
`).map(name => `dist/test/${name}.test.js`)

export const isSlow = (file: string): boolean => SLOW_FILES.includes(file)
