/** What the receivers heard. */
import { request } from 'undici';

export interface Message {
  readonly receivedAt: number;
  /** All words of the message. */
  readonly text: string;
  readonly color: string;
}

interface Kept {
  readonly receivedAt: number;
  readonly body: {
    readonly attachments: readonly {
      readonly author_name: string;
      readonly color: string;
      readonly text: string;
      readonly fields: readonly { readonly title: string; readonly value: string }[];
    }[];
  };
}

/** `receiver` is its address. */
export async function messagesIn(receiver: string, channel: string): Promise<readonly Message[]> {
  const { body } = await request(`${receiver}/slack/${channel}`);
  const kept = (await body.json()) as readonly Kept[];
  return kept.flatMap(({ receivedAt, body: { attachments } }) =>
    attachments.map(({ author_name, color, text, fields }) => ({
      receivedAt,
      color,
      text: unescaped(
        [author_name, text, ...fields.map(({ title, value }) => `${title}: ${value}`)].join('\n'),
      ),
    })),
  );
}

/** Slack shows three characters as they were before they were escaped. */
function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}

export interface GateState {
  readonly answer: string;
  readonly asked: number;
}

export async function gate(receiver: string, name: string): Promise<GateState> {
  const { body } = await request(`${receiver}/gate/${name}`);
  return (await body.json()) as GateState;
}

/** `200`, `403`, any status, or `silence`. */
export async function tellGate(receiver: string, name: string, answer: string): Promise<void> {
  const { body } = await request(`${receiver}/gate/${name}`, { method: 'PUT', body: answer });
  await body.dump();
}
