/** Pods that talk to each other, and a node that keeps nothing of those that are gone. */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FILES, NODE } from '../layout.ts';
import { assertReadyPodsLive, fetchProcesses } from './live.ts';
import { containerOf, isReady, Trial } from './trial.ts';

let trial: Trial;
beforeAll(async () => {
  trial = await Trial.begin('node-network');
});
afterAll(() => trial.end());

const server = {
  image: 'node-test/server:1',
  readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
};

describe('the network', () => {
  it('lets two pods have one port, and one Service reach both by its name', async () => {
    for (const name of ['a', 'b']) {
      await trial.pod(name, { ...server, metadata: { labels: { app: 'pair' } } });
    }
    await trial.make('services', 'pair', {
      spec: { selector: { app: 'pair' }, ports: [{ port: 80, targetPort: 8080 }] },
    });
    for (const name of ['a', 'b']) await trial.podWhen(name, isReady);
    const script = `const names = ['pair', 'pair.node-network', 'pair.node-network.svc.cluster.local'];
      const seen = new Set();
      for (let n = 0; seen.size < 2 && n < 600; n += 1) {
        try {
          const answer = await fetch('http://' + names[n % 3], { headers: { connection: 'close' } });
          seen.add((await answer.text()).trim());
        } catch { await new Promise((resolve) => setTimeout(resolve, 50)); }
      }
      console.log([...seen].sort().join(' '));`;
    await trial.pod('client', {
      image: 'node-test/server:1',
      command: ['/nodejs/bin/node', '--input-type=module', '-e', script],
    });
    await trial.podWhen('client', ({ status }) => status?.phase === 'Succeeded');
    expect(await trial.kubectl('logs', 'client')).toBe('a b\n');
  });

  it('lets any user have a low port', async () => {
    await trial.pod('low', {
      ...server,
      args: ['80'],
      readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 1 },
    });
    const { status } = await trial.podWhen('low', isReady);
    const answer = await fetch(`http://${status?.podIP}/`);
    expect(await answer.text()).toBe('low\n');
  });
});

describe('the node', () => {
  it('has a live process for every container of a Ready pod', async () => {
    await assertReadyPodsLive(trial.api, NODE, FILES.certificate);
    const processes = await fetchProcesses(NODE.address, FILES.certificate);
    const ours = processes.filter(({ namespace, alive }) => alive && namespace === 'node-network');
    expect(ours.map(({ pod }) => pod)).toEqual(expect.arrayContaining(['a', 'b', 'low']));
  });

  it('notices a process that was killed', async () => {
    await trial.pod('victim', { ...server, pod: { restartPolicy: 'Always' } });
    const before = await trial.podWhen('victim', isReady);
    const processes = await fetchProcesses(NODE.address, FILES.certificate);
    const victim = processes.find(({ uid }) => uid === before.metadata.uid);
    if (victim === undefined || victim.pid === 0) throw new Error('the victim has no process');
    process.kill(victim.pid, 'SIGKILL');
    const after = await trial.podWhen('victim', (pod) => containerOf(pod).restartCount === 1);
    expect(containerOf(after).lastState.terminated).toMatchObject({
      exitCode: 137,
      reason: 'Error',
    });
  });

  it('keeps nothing of pods that are gone', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `short-${index}`);
    await Promise.all(names.map((name) => trial.pod(name)));
    const marks: string[] = [];
    for (const name of names) {
      const { metadata, status } = await trial.podWhen(name, isReady);
      marks.push(metadata.uid ?? '', `${status?.podIP ?? ''} `);
    }
    expect(marksIn(traces(), marks)).toEqual(marks);
    await trial.kubectl('delete', 'pod', ...names);
    // The kernel takes namespaces apart a little later.
    await trial.until(
      async () => (marksIn(traces(), marks).length === 0 ? true : undefined),
      async () => marksIn(traces(), marks).join(),
    );
    expect(marksIn(traces(), marks)).toEqual([]);
  });
});

function marksIn(text: string, marks: readonly string[]): readonly string[] {
  return marks.filter((mark) => text.includes(mark));
}

/** Every place where something of a pod could stay: by its uid or its address. */
function traces(): string {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return [
    execFileSync('ip', ['route'], { encoding: 'utf8' }),
    readdirSync(`${FILES.node}/pods`).join('\n'),
    ...processes.map((pid) => textOf(`/proc/${pid}/cmdline`)),
    ...processes.map((pid) => textOf(`/proc/${pid}/mounts`)),
    ...processes.flatMap(filesOf),
  ].join('\n');
}

function filesOf(pid: string): readonly string[] {
  const folder = `/proc/${pid}/fd`;
  return orNothing(() => readdirSync(folder)).map((name) =>
    String(orNothing(() => [readlinkSync(`${folder}/${name}`)])[0]),
  );
}

const textOf = (file: string): string => orNothing(() => [readFileSync(file, 'utf8')]).join('');

/** Processes end while they are looked at. */
function orNothing(read: () => readonly string[]): readonly string[] {
  try {
    return read();
  } catch {
    return [];
  }
}
