import type { VConn } from '../api/vconn.js'

/**
 * Which VConn a client's connection has. Whoever takes a client over (CONNECT) finds the one that plugins know already:
 * there is one for each TCP connection, however many protocols follow one another on it.
 */
export type ClientVConns = WeakMap<object, VConn>
