import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { describe, expect, test } from 'vitest';
import { createPayloadCodec } from './payload-codec.ts';

const codec = createPayloadCodec(Buffer.alloc(32, 1));
const plain = defaultPayloadConverter.toPayload({ note: 'Kanarienvogel' });

async function encrypted(): Promise<Payload & { data: Uint8Array }> {
  const [payload] = await codec.encode([plain]);
  if (!payload?.data) throw new Error('the codec gives one payload for one');
  return { ...payload, data: payload.data };
}

describe('the payload codec', () => {
  test('gives back what it was given, in order', async () => {
    const payloads = [1, 'two', null, { three: [3] }].map((value) => defaultPayloadConverter.toPayload(value));
    const back = await codec.decode(await codec.encode(payloads));
    expect(back.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual([
      1,
      'two',
      null,
      { three: [3] },
    ]);
  });

  test('leaves no plain text, and no trace of equal values', async () => {
    const [first, second] = [await encrypted(), await encrypted()];
    expect(Buffer.from(first.data).includes('Kanarienvogel')).toBe(false);
    expect(Buffer.from(first.data).equals(second.data)).toBe(false);
    expect(Buffer.from(first.metadata?.['encoding'] ?? '').toString()).toBe('binary/encrypted');
  });

  test('names its key by a digest that does not give the key away', async () => {
    const id = Buffer.from((await encrypted()).metadata?.['encryption-key-id'] ?? '').toString();
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(id).not.toContain(Buffer.alloc(8, 1).toString('hex'));
  });

  test('fails closed with another key', async () => {
    const other = createPayloadCodec(Buffer.alloc(32, 2));
    await expect(other.decode([await encrypted()])).rejects.toThrow();
  });

  test.each([0, 11, 27, 28, 40])('fails on what is cut to %i bytes', async (length) => {
    const payload = await encrypted();
    await expect(codec.decode([{ ...payload, data: payload.data.subarray(0, length) }])).rejects.toThrow();
  });

  test('fails on one changed bit, wherever it is', async () => {
    const payload = await encrypted();
    for (let at = 0; at < payload.data.length; at += 1) {
      const changed = Uint8Array.from(payload.data, (byte, index) => (index === at ? byte ^ 1 : byte));
      await expect(codec.decode([{ ...payload, data: changed }]), `byte ${at}`).rejects.toThrow();
    }
  });

  test('lets a payload pass that another encoding made', async () => {
    expect(await codec.decode([plain])).toEqual([plain]);
  });

  test('refuses a key of another length', async () => {
    await expect(createPayloadCodec(Buffer.alloc(16)).encode([plain])).rejects.toThrow();
  });
});
