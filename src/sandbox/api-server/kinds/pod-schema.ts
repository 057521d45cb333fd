/** Pods and the templates they are made from. Rarely used parts are taken as they come. */

import {
  choice,
  conditions,
  fields,
  flag,
  int,
  intOrText,
  list,
  listBy,
  long,
  open,
  text,
  textMap,
  texts,
  time,
} from '../schema/describe.ts';
import type { SchemaNode } from '../schema/schema-node.ts';

const quantities = (description: string): SchemaNode => ({
  type: 'object',
  description,
  additionalProperties: { 'x-kubernetes-int-or-string': true },
});

const handler = {
  exec: fields('Runs a command in the container; 0 is success.', {
    command: texts('The command and its arguments.'),
  }),
  httpGet: fields('Asks over HTTP.', {
    path: text('Path to ask for.'),
    port: intOrText('Number or name of the port.'),
    host: text('Host name to connect to; the pod itself by default.'),
    scheme: text('HTTP or HTTPS.', { default: 'HTTP' }),
    httpHeaders: list(
      'Headers to send.',
      fields('One header.', { name: text('Its name.'), value: text('Its value.') }),
    ),
  }),
  tcpSocket: fields('Opens a TCP connection.', {
    port: intOrText('Number or name of the port.'),
    host: text('Host to connect to.'),
  }),
  grpc: fields('Asks the gRPC health service.', {
    port: int('Number of the port.'),
    service: text('Name of the service asked about.', { default: '' }),
  }),
};

const probe = (description: string): SchemaNode =>
  fields(description, {
    ...handler,
    initialDelaySeconds: int('Seconds after the start before the first try.'),
    timeoutSeconds: int('Seconds after which a try has failed.', { default: 1 }),
    periodSeconds: int('Seconds between two tries.', { default: 10 }),
    successThreshold: int('Successes in a row that make it succeed.', { default: 1 }),
    failureThreshold: int('Failures in a row that make it fail.', { default: 3 }),
    terminationGracePeriodSeconds: long('Seconds to stop in when this probe failed.'),
  });

const lifecycleHandler = (description: string) =>
  fields(description, { ...handler, sleep: fields('Waits.', { seconds: long('How long.') }) });

const keyRef = (description: string) =>
  fields(description, {
    name: text('Name of the object.', { default: '' }),
    key: text('Key in it.'),
    optional: flag('Go on when it does not exist.'),
  });

const env = fields(
  'One environment variable.',
  {
    name: text('Name of the variable.'),
    value: text('Its value; $(OTHER) is replaced.'),
    valueFrom: fields('Takes the value from elsewhere.', {
      fieldRef: fields('A field of the pod.', {
        apiVersion: text('Version of the path.', { default: 'v1' }),
        fieldPath: text('Path of the field.'),
      }),
      resourceFieldRef: open('A resource of the container.'),
      configMapKeyRef: keyRef('A key of a ConfigMap.'),
      secretKeyRef: keyRef('A key of a Secret.'),
      fileKeyRef: open('A key of a file.'),
    }),
  },
  { required: ['name'] },
);

const containerPort = fields('One port the container listens on.', {
  name: text('Name that Services may refer to.'),
  containerPort: int('Number of the port.'),
  hostPort: int('Port of the node that leads here.'),
  hostIP: text('Address of the node to bind.'),
  protocol: text('TCP, UDP or SCTP.', { default: 'TCP' }),
});

const containerFields: Readonly<Record<string, SchemaNode>> = {
  name: text('Unique among the containers of the pod.'),
  image: text('Image to run.'),
  command: texts('Replaces the entry point of the image.'),
  args: texts('Arguments of the entry point.'),
  workingDir: text('Working directory.'),
  ports: listBy('containerPort', 'Ports the container listens on.', containerPort),
  env: listBy('name', 'Environment variables.', env),
  envFrom: list(
    'ConfigMaps and Secrets whose keys all become variables.',
    fields('One source.', {
      prefix: text('Put before each key.'),
      configMapRef: open('A ConfigMap.'),
      secretRef: open('A Secret.'),
    }),
  ),
  resources: fields(
    'What the container needs and may use.',
    {
      limits: quantities('At most this much.'),
      requests: quantities('At least this much.'),
      claims: list('Dynamic resources.', open('One claim.')),
    },
    { default: {} },
  ),
  resizePolicy: list('What a change of resources leads to.', open('One policy.')),
  restartPolicy: text('Restart behaviour of this container alone.'),
  restartPolicyRules: list('Restart rules by exit code.', open('One rule.')),
  volumeMounts: listBy(
    'mountPath',
    'Where volumes appear in the file system.',
    fields('One mount.', {
      name: text('Name of the volume.'),
      mountPath: text('Where it appears.'),
      subPath: text('Part of the volume.'),
      subPathExpr: text('Part of the volume, with variables.'),
      readOnly: flag('Without writing.'),
      recursiveReadOnly: text('Without writing, further down too.'),
      mountPropagation: text('Whether later mounts are seen.'),
    }),
  ),
  volumeDevices: listBy('devicePath', 'Raw block devices.', open('One device.')),
  livenessProbe: probe('When it fails, the container is restarted.'),
  readinessProbe: probe('While it fails, the pod gets no traffic.'),
  startupProbe: probe('Until it succeeds, the other probes wait.'),
  lifecycle: fields('Called when the container starts and stops.', {
    postStart: lifecycleHandler('After the start.'),
    preStop: lifecycleHandler('Before the stop.'),
    stopSignal: text('Signal that stops it.'),
  }),
  terminationMessagePath: text('File with the last words.', { default: '/dev/termination-log' }),
  terminationMessagePolicy: text('File or FallbackToLogsOnError.', { default: 'File' }),
  imagePullPolicy: choice('When the image is fetched.', ['Always', 'IfNotPresent', 'Never']),
  securityContext: open('Rights of the container.'),
  stdin: flag('Keeps standard input open.'),
  stdinOnce: flag('Closes standard input after the first client.'),
  tty: flag('Allocates a terminal.'),
};

const container = fields('One container.', containerFields, { required: ['name'] });
const ephemeral = fields(
  'One debugging container.',
  { ...containerFields, targetContainerName: text('Whose processes it sees.') },
  { required: ['name'] },
);

const volume: SchemaNode = {
  ...open('One volume; its kind is the name of its second field.'),
  properties: {
    name: text('Name that mounts refer to.'),
    emptyDir: open('An empty directory.'),
    configMap: open('Keys of a ConfigMap as files.'),
    secret: open('Keys of a Secret as files.'),
  },
  'x-kubernetes-patch-strategy': 'retainKeys',
};

export const podSpec: SchemaNode = fields(
  'What runs, and how.',
  {
    containers: listBy('name', 'At least one container.', container),
    initContainers: listBy('name', 'Run one after another before the others.', container),
    ephemeralContainers: listBy('name', 'Added to a running pod for debugging.', ephemeral),
    volumes: listBy('name', 'Volumes that containers may mount.', volume, {
      'x-kubernetes-patch-strategy': 'merge,retainKeys',
    }),
    restartPolicy: choice('When containers are restarted.', ['Always', 'OnFailure', 'Never'], {
      default: 'Always',
    }),
    terminationGracePeriodSeconds: long('Seconds between the polite and the final signal.', {
      default: 30,
    }),
    activeDeadlineSeconds: long('Seconds the pod may run.'),
    dnsPolicy: text('How names are resolved.', { default: 'ClusterFirst' }),
    dnsConfig: open('Details of name resolution.'),
    nodeSelector: textMap('Labels the node must have.'),
    nodeName: text('The node it runs on.'),
    serviceAccountName: text('Account it acts as.'),
    serviceAccount: text('Old name of serviceAccountName.'),
    automountServiceAccountToken: flag('Whether a token is mounted.'),
    hostNetwork: flag('Uses the network of the node.'),
    hostPID: flag('Sees the processes of the node.'),
    hostIPC: flag('Shares IPC with the node.'),
    hostUsers: flag('Shares user ids with the node.'),
    hostnameOverride: text('Host name, whatever the others say.'),
    shareProcessNamespace: flag('Containers see each other’s processes.'),
    securityContext: open('Rights of the pod.', { default: {} }),
    imagePullSecrets: listBy(
      'name',
      'Secrets to fetch images with.',
      fields('A Secret.', { name: text('Its name.', { default: '' }) }),
    ),
    hostname: text('Host name of the pod.'),
    subdomain: text('Domain of the pod.'),
    setHostnameAsFQDN: flag('Uses the long host name.'),
    affinity: open('Preferred and required neighbours.'),
    schedulerName: text('Who picks the node.', { default: 'default-scheduler' }),
    tolerations: list('Taints it can live with.', open('One toleration.')),
    hostAliases: listBy('ip', 'Lines for /etc/hosts.', open('One line.')),
    priorityClassName: text('Class of its priority.'),
    priority: int('Its priority.'),
    preemptionPolicy: text('Whether it pushes others out.'),
    readinessGates: list(
      'Further conditions for readiness.',
      fields('One condition.', { conditionType: text('Its type.') }),
    ),
    runtimeClassName: text('Which runtime runs it.'),
    enableServiceLinks: flag('Whether Services become variables.'),
    overhead: quantities('What the runtime itself needs.'),
    topologySpreadConstraints: listBy('topologyKey', 'How pods spread.', open('One constraint.')),
    os: open('Operating system.'),
    schedulingGates: listBy('name', 'What scheduling waits for.', open('One gate.')),
    resourceClaims: listBy('name', 'Dynamic resources.', open('One claim.')),
    resources: open('Resources of the whole pod.'),
    workloadRef: open('The workload it belongs to.'),
  },
  { required: ['containers'] },
);

/** The metadata of a template: a name has no meaning there, the rest is ordinary. */
export const templateMetadata: SchemaNode = fields('Metadata of the pods made from it.', {
  name: text('Without meaning here.'),
  namespace: text('Without meaning here.'),
  generateName: text('Without meaning here.'),
  creationTimestamp: time('Without meaning here.'),
  labels: textMap('Labels of the pods.'),
  annotations: textMap('Annotations of the pods.'),
  finalizers: texts('Finalizers of the pods.'),
});

export const podTemplate: SchemaNode = fields('What pods are made from.', {
  metadata: templateMetadata,
  spec: podSpec,
});

const containerStatus = open('State of one container.', {
  properties: {
    name: text('Name of the container.'),
    ready: flag('Whether it passes its readiness probe.'),
    restartCount: int('How often it was restarted.'),
    started: flag('Whether it passed its startup probe.'),
    image: text('Image it runs.'),
    imageID: text('Digest of the image.'),
    containerID: text('Id at the runtime.'),
    state: open('What it is doing.'),
    lastState: open('What it did before.'),
  },
});

const podStatus: SchemaNode = open('What is known of the pod.', {
  properties: {
    phase: text('Pending, Running, Succeeded, Failed or Unknown.'),
    conditions: conditions('Where it stands.'),
    message: text('Why it is where it is.'),
    reason: text('Why, in one word.'),
    hostIP: text('Address of the node.'),
    podIP: text('Address of the pod.'),
    podIPs: listBy('ip', 'All addresses.', fields('One address.', { ip: text('The address.') })),
    startTime: time('When the node accepted it.'),
    containerStatuses: list('One for each container.', containerStatus),
    initContainerStatuses: list('One for each init container.', containerStatus),
    observedGeneration: long('Generation the node has seen.'),
    qosClass: text('Quality of service.'),
  },
});

export const podSchema: SchemaNode = fields('A group of containers on one node.', {
  spec: podSpec,
  status: podStatus,
});
