/** Tests of curl's suite that cannot pass through this proxy, and why. */

export interface Exclusion {
  readonly why: string
  readonly tests: readonly number[]
}

export const EXCLUSIONS: readonly Exclusion[] = [
  {
    why: 'Host differs from the target; a proxy sends that of the absolute target (RFC 9112 section 3.2.2), in its canonical form',
    tests: [61, 62, 73, 329, 1121, 1258, 1292, 1318, 1322, 1561, 1563, 1629, 2504],
  },
  {
    why: 'the origin sends no well-formed HTTP/1.x, too much or nothing: a 502, where curl looks for an error of its own',
    tests: [
      ...[30, 37, 66, 129, 158, 178, 262, 393, 394, 398, 415, 471, 497, 498, 507, 768, 770, 771, 1144],
      ...[
        1172, 1174, 1266, 1267, 1416, 1430, 1431, 1432, 1433, 1479, 1480, 1665, 1704, 2101, 2105, 2106, 3025,
      ],
    ],
  },
  {
    why: 'a transfer coding other than chunked, or one beside a length: curl asks for it on its hop (TE), the proxy does not; a 502',
    tests: [
      ...[319, 365, 387, 418, 1122, 1123, 1124, 1125, 1171, 1277, 1482, 1483, 1493, 1494, 1495, 1496, 1546],
      ...[1617, 1677, 1722, 1723, 2119],
    ],
  },
  {
    why: 'a body whose chunk sizes end in a bare LF, which curl accepts; it is refused',
    tests: [36, 693, 1116, 1417],
  },
  {
    why: 'the origin neither says how long its response is nor ends the connection, although it has promised that',
    tests: [187, 357, 1056, 1090, 1641, 1642, 1643],
  },
  {
    why: 'Alt-Svc does not reach clients (proxy.config.http.alt_svc), because a client that follows it goes round the proxy',
    tests: [356, 437, 1908],
  },
  {
    why: 'a method that is not registered: 501',
    tests: [17, 60, 1571, 1572, 1573, 1574, 1575, 1576, 1577, 1578, 1579, 1580, 1581, 3228],
  },
  {
    why: 'a request that is not well-formed, or has no Host, a host name that is none, or raw UTF-8 or a blank in its target: 400',
    tests: [46, 461, 469, 470, 556, 696, 1147, 1294, 1298, 1543],
  },
  {
    why: 'curl tells about its own connection: ports, number of connections, size and number of header fields, all fields',
    tests: [
      193, 421, 435, 970, 972, 1089, 1164, 1223, 1506, 1510, 1542, 1671, 2082, 2084, 2085, 2086, 3014, 3015,
      3225,
    ],
  },
  {
    why: 'curl tells of its options or its allocations, and there is a proxy among them',
    tests: [1156, 1400, 1402, 1403, 1404, 1465, 3207],
  },
  {
    why: 'the suite has replaced the boundary within chunks, whose sizes do not fit any more',
    tests: [645, 650, 654, 667, 668],
  },
  { why: 'the same Content-Length twice is one behind the proxy', tests: [767] },
  { why: 'curl drops the empty query when it writes an absolute target', tests: [1721] },
  { why: 'curl resolves no names when it has a proxy', tests: [2100] },
  { why: 'curl dials port 1, and there is a proxy in its place that answers', tests: [1906] },
  {
    why: 'h2c by Upgrade (RFC 9113 has taken it back) is not spoken: the request is answered in HTTP/1.1',
    tests: [1700, 1702],
  },
  {
    why: 'curl goes on to send a body after the refusal of its request; the origin has closed that connection',
    tests: [1533],
  },
  { why: 'the origin is of HTTP/1.0 for curl; the proxy is of HTTP/1.1', tests: [1073] },
]
