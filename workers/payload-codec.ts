import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { DataConverter, Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1; // the package has no named exports for Node

const ENCODING = Buffer.from('binary/encrypted');
const CIPHER = 'aes-256-gcm';
const IV_BYTES = 12; // the length that AES-GCM is specified for (NIST SP 800-38D §5.2.1.1)
const TAG_BYTES = 16;

/**
 * Encrypts each payload as a whole (AES-256-GCM, a fresh IV each). What the server, its database and its UI see is ciphertext
 * and the id of the key. Payloads that are not encrypted by us pass through on the way in.
 *
 * @param key  32 bytes, the same on every client and worker.
 */
export function createPayloadCodec(key: Buffer): PayloadCodec {
  const keyId = Buffer.from(createHash('sha256').update(key).digest('hex').slice(0, 16));
  return {
    async encode(payloads: Payload[]): Promise<Payload[]> {
      return payloads.map((payload) => {
        const iv = randomBytes(IV_BYTES);
        const cipher = createCipheriv(CIPHER, key, iv);
        const plain = PayloadMessage.encode(payload).finish();
        const data = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
        return { metadata: { encoding: ENCODING, 'encryption-key-id': keyId }, data };
      });
    },
    async decode(payloads: Payload[]): Promise<Payload[]> {
      return payloads.map((payload) => {
        const encoding = payload.metadata?.['encoding'];
        if (!encoding || !ENCODING.equals(encoding) || !payload.data) return payload;
        const data = Buffer.from(payload.data);
        const decipher = createDecipheriv(CIPHER, key, data.subarray(0, IV_BYTES));
        decipher.setAuthTag(data.subarray(data.length - TAG_BYTES));
        const plain = Buffer.concat([
          decipher.update(data.subarray(IV_BYTES, data.length - TAG_BYTES)),
          decipher.final(),
        ]);
        return PayloadMessage.decode(plain);
      });
    },
  };
}

/** The same on every client, worker and replay. */
export function dataConverter(codec: PayloadCodec): DataConverter {
  return {
    payloadCodecs: [codec],
    failureConverterPath: fileURLToPath(new URL('../workflows/failure-converter.ts', import.meta.url)),
  };
}
