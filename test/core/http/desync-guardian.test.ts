/** What becomes of the requests of http-desync-guardian (Amazon). */
import { testRequests } from '../../kit/published-requests.js'

testRequests('desync-guardian', [
  {
    why: 'codings other than chunked are not decoded; a request with one is refused with 501 (RFC 9112 section 6.1)',
    cases: [
      'rfc-compliant/9',
      'rfc-compliant/10',
      'more-compliant-tests/6',
      'more-compliant-tests/8',
      'more-compliant-tests/9',
    ],
  },
  {
    why: 'chunked has no parameters (RFC 9112 section 7.1)',
    cases: ['rfc-compliant/11', 'more-compliant-tests/10'],
  },
  { why: 'a request-target has no fragment (RFC 9112 section 3.2)', cases: ['rfc-compliant/12'] },
  { why: 'what is not ASCII must be percent-encoded in a target (RFC 3986)', cases: ['rfc-compliant/13'] },
])
