/** What Linux tells of a process. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Resident memory, KB. */
export function residentOf(pid: number): number {
  const [, kb = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kb)
}

/** The processes that a process has started and that have not ended. */
export const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)

/** The ports of the clients whose connections with a port of 127.0.0.1 a process has open. */
export function clientPortsOf(pid: number, port: number): ReadonlySet<number> {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map(fd => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]),
  )
  const ports = new Set<number>()
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, local = '', remote = '', , , , , , , inode] = line.trim().split(/\s+/)
    if (portIn(local) === port && inodes.has(inode)) ports.add(portIn(remote))
  }
  return ports
}

const portIn = (address: string): number => Number.parseInt(address.split(':')[1] ?? '', 16)

/** A descriptor may have been closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
