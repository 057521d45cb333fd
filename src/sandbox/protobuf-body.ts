/**
 * Reads the few protobuf bodies that `kubectl create namespace|configmap|secret|…` sends.
 *
 * kubectl's generators speak only protobuf to built-in kinds. The kinds they make are described here by
 * their field numbers; a field that is not described is refused, never dropped.
 */

type Scalar = 'text' | 'int' | 'keptInt' | 'keptFlag' | 'bytes' | 'time' | 'intOrText';

interface Field {
  readonly name: string;
  readonly type: Scalar | Message;
  readonly many?: 'list' | 'map';
}

interface Message {
  readonly [number: number]: Field;
}

const text = (name: string): Field => ({ name, type: 'text' });
const texts = (name: string): Field => ({ name, type: 'text', many: 'list' });
const int = (name: string): Field => ({ name, type: 'int' });
/** A pointer in Go: zero is a value. */
const keptInt = (name: string): Field => ({ name, type: 'keptInt' });
const keptFlag = (name: string): Field => ({ name, type: 'keptFlag' });
const time = (name: string): Field => ({ name, type: 'time' });
const one = (name: string, type: Message): Field => ({ name, type });
const list = (name: string, type: Message): Field => ({ name, type, many: 'list' });
const map = (name: string, type: 'text' | 'bytes' = 'text'): Field => ({ name, type, many: 'map' });

const metadata: Message = {
  1: text('name'),
  2: text('generateName'),
  3: text('namespace'),
  5: text('uid'),
  6: text('resourceVersion'),
  8: time('creationTimestamp'),
  11: map('labels'),
  12: map('annotations'),
  14: texts('finalizers'),
};

const servicePort: Message = {
  1: text('name'),
  2: text('protocol'),
  3: int('port'),
  4: { name: 'targetPort', type: 'intOrText' },
  5: int('nodePort'),
  6: text('appProtocol'),
};

const container: Message = {
  1: text('name'),
  2: text('image'),
  3: texts('command'),
  4: texts('args'),
  5: text('workingDir'),
  6: list('ports', {
    1: text('name'),
    2: int('hostPort'),
    3: int('containerPort'),
    4: text('protocol'),
    5: text('hostIP'),
  }),
  8: one('resources', {}),
  13: text('terminationMessagePath'),
  14: text('imagePullPolicy'),
  20: text('terminationMessagePolicy'),
};

const podSpec: Message = {
  2: list('containers', container),
  3: text('restartPolicy'),
  4: keptInt('terminationGracePeriodSeconds'),
  6: text('dnsPolicy'),
  8: text('serviceAccountName'),
  9: text('serviceAccount'),
  10: text('nodeName'),
  19: text('schedulerName'),
};

const selector: Message = { 1: map('matchLabels') };

/** By apiVersion and kind. */
const KINDS: Readonly<Record<string, Message>> = {
  'v1 Namespace': { 1: one('metadata', metadata), 2: one('spec', {}), 3: one('status', {}) },
  'v1 ConfigMap': {
    1: one('metadata', metadata),
    2: map('data'),
    3: map('binaryData', 'bytes'),
    4: keptFlag('immutable'),
  },
  'v1 Secret': {
    1: one('metadata', metadata),
    2: map('data', 'bytes'),
    3: text('type'),
    4: map('stringData'),
    5: keptFlag('immutable'),
  },
  'v1 ServiceAccount': { 1: one('metadata', metadata) },
  'v1 Service': {
    1: one('metadata', metadata),
    2: one('spec', {
      1: list('ports', servicePort),
      2: map('selector'),
      3: text('clusterIP'),
      4: text('type'),
      7: text('sessionAffinity'),
      10: text('externalName'),
    }),
    3: one('status', { 1: one('loadBalancer', {}) }),
  },
  'apps/v1 Deployment': {
    1: one('metadata', metadata),
    2: one('spec', {
      1: keptInt('replicas'),
      2: one('selector', selector),
      3: one('template', { 1: one('metadata', metadata), 2: one('spec', podSpec) }),
      4: one('strategy', { 1: text('type') }),
      5: int('minReadySeconds'),
    }),
    3: one('status', {}),
  },
};

const MAGIC = Buffer.from('k8s\0', 'latin1');

/** Throws with a sentence when the body is of a kind or holds a field that is not described above. */
export function readProtobuf(body: Buffer): Readonly<Record<string, unknown>> {
  if (!body.subarray(0, 4).equals(MAGIC)) throw new Error('the protobuf body has no envelope');
  let type: Record<string, unknown> = {};
  let raw = NO_BYTES;
  for (const { number, bytes } of entries(body.subarray(4))) {
    if (number === 1) type = readMessage(bytes, { 1: text('apiVersion'), 2: text('kind') }, 'type');
    if (number === 2) raw = bytes;
  }
  const name = `${String(type['apiVersion'])} ${String(type['kind'])}`;
  const message = KINDS[name];
  if (message === undefined) throw new Error(`protobuf is not read for ${name}: send JSON`);
  return { ...type, ...readMessage(raw, message, name) };
}

interface Entry {
  readonly number: number;
  readonly value: number;
  readonly bytes: Buffer;
}

const NO_BYTES: Buffer = Buffer.alloc(0);

function* entries(buffer: Buffer): Generator<Entry> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; at < buffer.length; shift *= 128) {
      const byte = buffer[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    throw new Error('the protobuf body is cut short');
  };
  while (at < buffer.length) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (tag % 8 === 0) yield { number, value: varint(), bytes: NO_BYTES };
    else if (tag % 8 === 2) {
      const length = varint();
      yield { number, value: 0, bytes: buffer.subarray(at, at + length) };
      at += length;
    } else throw new Error(`protobuf wire type ${tag % 8} is not read`);
  }
}

function readMessage(buffer: Buffer, message: Message, where: string): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (const entry of entries(buffer)) {
    const field = message[entry.number];
    if (field === undefined) refuseUnlessEmpty(entry, where);
    else put(object, field, entry, `${where}.${field.name}`);
  }
  return object;
}

/** Go writes empty structures and zeros too. */
function refuseUnlessEmpty({ number, value, bytes }: Entry, where: string): void {
  if (value === 0 && bytes.every((byte) => byte === 0)) return;
  if (value === 0 && isHollow(bytes)) return;
  throw new Error(`protobuf field ${number} of ${where} is not read: send JSON`);
}

/** Nothing but empty structures all the way down. */
function isHollow(bytes: Buffer): boolean {
  try {
    return [...entries(bytes)].every((entry) => entry.value === 0 && isHollow(entry.bytes));
  } catch {
    return false;
  }
}

function put(object: Record<string, unknown>, field: Field, entry: Entry, where: string): void {
  const { name, type, many } = field;
  if (many === 'map') {
    const { key, value } = readMessage(
      entry.bytes,
      { 1: text('key'), 2: { name: 'value', type } },
      where,
    );
    const before = object[name];
    const known = typeof before === 'object' && before !== null ? before : {};
    object[name] = { ...known, [typeof key === 'string' ? key : '']: value ?? '' };
    return;
  }
  const value =
    typeof type === 'string' ? scalar(type, entry) : readMessage(entry.bytes, type, where);
  if (value === undefined) return;
  if (many === undefined) object[name] = value;
  else object[name] = [...(Array.isArray(object[name]) ? object[name] : []), value];
}

function scalar(type: Scalar, { value, bytes }: Entry): unknown {
  switch (type) {
    case 'text':
      return bytes.length === 0 ? undefined : bytes.toString('utf8');
    case 'bytes':
      return bytes.toString('base64');
    case 'int':
      return value === 0 ? undefined : value;
    case 'keptInt':
      return value;
    case 'keptFlag':
      return value !== 0;
    case 'time':
      return undefined; // the server sets the times of what is created
    case 'intOrText': {
      const parts = readMessage(
        bytes,
        { 1: int('type'), 2: int('number'), 3: text('text') },
        'port',
      );
      return parts['type'] === 1 ? parts['text'] : parts['number'];
    }
  }
}
