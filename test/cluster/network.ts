/** The one node's own network: its address, and a way for packets to Services to reach kube-proxy's rules. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

import { NODE, SERVICE_CIDR } from './layout.ts';

export function setUpNetwork(): void {
  ip('link', 'set', 'lo', 'up');
  ip('addr', 'add', `${NODE.address}/32`, 'dev', 'lo');
  // Without a route no packet is made, and nothing is there to be translated.
  ip('route', 'add', SERVICE_CIDR, 'dev', 'lo', 'src', NODE.address);
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}
