/** What becomes of the requests of Http11Probe, in the form in which clients send them to a proxy. */
import { testRequests } from '../../kit/published-requests.js'

testRequests('http11probe', [
  {
    why: 'the host of an absolute target counts and replaces Host (RFC 9112 section 3.2.2); an empty one is well-formed',
    cases: ['COMP-HOST-EMPTY-VALUE'],
  },
  {
    why: 'these are smaller than `proxy.config.http.request_header_max_size` (128 KiB): the origin may refuse them',
    cases: ['MAL-LONG-URL', 'MAL-LONG-HEADER-VALUE', 'MAL-MANY-HEADERS', 'MAL-LONG-HEADER-NAME'],
  },
])
