import type { SignalDefinition } from '@temporalio/common';
import { describe, expectTypeOf, test } from 'vitest';
import type { DnsActivities } from '../../activities/dns.ts';
import type { ExchangeActivities } from '../../activities/exchange.ts';
import type { StoryActivities } from '../../activities/story.ts';
import type { TransferActivities } from '../../activities/transfer.ts';
import type { WaveActivities } from '../../activities/waves.ts';
import type { Json } from '../../domain/ports/store.ts';
import type { decisionSignal } from '../../workflows/desk.ts';
import type * as workflows from '../../workflows/index.ts';
import type { heldSignal, unheldSignal } from '../../workflows/mailbox-pass.ts';
import type { waveProgressSignal } from '../../workflows/mailbox-wave.ts';
import type { UpdateArguments, UpdateReceipt } from '../../workflows/names.ts';
import type { MigrationState } from '../../workflows/state.ts';
import type { openIssuesSignal, supportReportSignal } from '../../workflows/support.ts';

/**
 * The parts of a type that JSON changes or refuses; never when there is none. A bigint throws, a Date arrives as text, a Map as
 * {}, undefined in an array as null; unknown may be any of them. An optional property may be absent.
 */
type NotJson<T> = unknown extends T
  ? T
  : T extends Json
    ? never
    : T extends bigint | symbol | undefined | Exotic
      ? T
      : T extends readonly (infer Element)[]
        ? NotJson<Element>
        : { [Key in keyof T]-?: NotJson<Required<T>[Key]> }[keyof T];

type Exotic =
  | Date
  | Error
  | RegExp
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | Promise<unknown>
  | ((...args: never[]) => unknown);

type Call = (...args: never[]) => unknown;
/** What goes in and what comes out; a call may answer nothing. */
type Crossing<T> = {
  [Name in keyof T]: T[Name] extends Call
    ? NotJson<Parameters<T[Name]>[number]> | NotJson<Exclude<Awaited<ReturnType<T[Name]>>, void>>
    : never;
}[keyof T];
type SignalArguments<T> = T extends SignalDefinition<infer Args, string> ? Args[number] : unknown;

// Checked by the compiler: a signature that breaks this does not pass `tsc`, whatever these tests say when they run.
describe('what crosses Temporal is JSON', () => {
  test('into and out of activities', () => {
    expectTypeOf<Crossing<StoryActivities>>().toBeNever();
    expectTypeOf<Crossing<WaveActivities>>().toBeNever();
    expectTypeOf<Crossing<TransferActivities>>().toBeNever();
    expectTypeOf<Crossing<ExchangeActivities>>().toBeNever();
    expectTypeOf<Crossing<DnsActivities>>().toBeNever();
  });

  test('into and out of workflows', () => {
    expectTypeOf<Crossing<typeof workflows>>().toBeNever();
  });

  test('in updates and signals, and what the state query answers', () => {
    expectTypeOf<NotJson<UpdateArguments>>().toBeNever();
    expectTypeOf<NotJson<UpdateReceipt>>().toBeNever();
    expectTypeOf<NotJson<MigrationState>>().toBeNever();
    expectTypeOf<
      NotJson<
        SignalArguments<
          | typeof decisionSignal
          | typeof heldSignal
          | typeof unheldSignal
          | typeof waveProgressSignal
          | typeof openIssuesSignal
          | typeof supportReportSignal
        >
      >
    >().toBeNever();
  });

  test('and the check finds what is not', () => {
    expectTypeOf<NotJson<{ at: Date }>>().toEqualTypeOf<Date>();
    expectTypeOf<NotJson<{ sizes: readonly bigint[] }>>().toEqualTypeOf<bigint>();
    expectTypeOf<NotJson<{ deep: { ids: Set<string> }[] }>>().toEqualTypeOf<Set<string>>();
    expectTypeOf<NotJson<{ names: Map<string, string> }>>().toEqualTypeOf<Map<string, string>>();
    expectTypeOf<NotJson<(string | undefined)[]>>().toEqualTypeOf<undefined>();
    expectTypeOf<NotJson<{ note: string | undefined }>>().toEqualTypeOf<undefined>();
    expectTypeOf<NotJson<{ note?: string }>>().toBeNever();
    expectTypeOf<NotJson<{ raw: Uint8Array }>>().toEqualTypeOf<Uint8Array>();
    expectTypeOf<NotJson<{ any: unknown }>>().toBeUnknown();
    expectTypeOf<Crossing<{ read(input: { since: Date }): Promise<void> }>>().toEqualTypeOf<Date>();
    expectTypeOf<Crossing<{ read(id: string): Promise<{ size: bigint }> }>>().toEqualTypeOf<bigint>();
  });
});
