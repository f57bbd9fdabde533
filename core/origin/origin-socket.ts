import { LastWordsSocket } from '../vconn/last-words-socket.js'

/** The socket of an origin: what the origin says before it closes is read, also when a write to it has failed. */
export class OriginSocket extends LastWordsSocket {}
