/** Numbers of SOCKS 5 (RFC 1928, RFC 1929), for both of its ends. */
export const SOCKS_VERSION = 5
/** The version in the messages of a login. */
export const LOGIN_VERSION = 1

/** Methods. */
export const NO_LOGIN = 0
export const WITH_LOGIN = 2
export const NO_METHOD = 0xff

/** The command that opens a connection. */
export const CONNECT = 1

/** Types of addresses. */
export const IPV4 = 1
export const NAME = 3
export const IPV6 = 4
