import { describe, expect, test } from 'vitest';
import { collect } from '../../domain/collect.ts';
import { MigrationError } from '../../domain/errors.ts';
import { DELTA, INITIAL, mailText, newMemoryWorld } from '../support/memory-world.ts';

describe('a copy', () => {
  test('T31, T32, T33, T35: brings mail without headers, twins and mail in two folders, each as often as it is', async () => {
    const world = newMemoryWorld();
    for (const raw of ['', '\r\n', 'no header at all\r\n', mailText('twin'), mailText('twin')]) {
      world.source.addMessage(['INBOX'], raw);
    }
    world.source.addMessage(['Sent'], mailText('twin'), ['\\Draft']);
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 6, moved: 6, refused: 0, folders: 2 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(5);
    expect(world.target.getFolder(['Sent']).messages).toMatchObject([{ flags: ['\\Draft'] }]);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0, seen: 6 });
  });

  test('T36: brings nothing the second time', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    await world.copy(INITIAL);
    expect(await world.copy(DELTA)).toMatchObject({ moved: 0, unchanged: 1, bytes: 0 });
  });

  test.each([true, false])(
    'T28: goes on after a message that the target refuses, and names it (%s)',
    async (appendsMany) => {
      const world = newMemoryWorld({ appendsMany });
      for (const subject of ['one', 'poison', 'three']) world.source.addMessage(['INBOX'], mailText(subject));
      world.target.refuse = ({ raw }) => {
        if (raw.includes('poison')) throw new MigrationError('MESSAGE_TOO_LARGE', 'over 1 MB');
      };
      expect(await world.copy(INITIAL)).toMatchObject({ copied: 2, refused: 1 });
      expect(await collect(world.ledger.listExceptions(world.mailboxId))).toMatchObject([
        { uid: 2, state: 'refused', code: 'MESSAGE_TOO_LARGE', detail: 'over 1 MB' },
      ]);
      expect(await world.copy(DELTA)).toMatchObject({ moved: 0, refused: 0 });
      world.target.refuse = () => {};
      expect(await world.copy({ kind: 'delta', number: 3 }, { retryRefused: true })).toMatchObject({ copied: 1 });
      expect(world.target.getFolder(['INBOX']).messages).toHaveLength(3);
    },
  );

  test('T26: names a message that the source cannot deliver whole', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'two']) world.source.addMessage(['INBOX'], mailText(subject));
    world.source.before = (operation, detail) => {
      if (operation === 'findMessage' && detail.endsWith(' 1')) throw new MigrationError('MESSAGE_DAMAGED', 'short');
    };
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 1, refused: 1 });
  });

  test('T44: takes a message that is announced and not there for vanished', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'hole']) world.source.addMessage(['INBOX'], mailText(subject));
    world.source.before = (operation, detail) => {
      if (operation === 'readMessages' && detail.endsWith('2,1')) world.source.removeMessage(['INBOX'], 2);
    };
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 1, vanished: 1 });
    expect((await world.ledger.tallyFolders(world.mailboxId))[0]).toMatchObject({
      exists: 2,
      unfinished: 0,
      tally: { copied: 1, vanished: 1 },
    });
  });

  test('T53: sends the same message again after a throttle, and none after it is marked as failed', async () => {
    const world = newMemoryWorld({ appendsMany: false });
    for (const subject of ['one', 'two', 'three']) world.source.addMessage(['INBOX'], mailText(subject));
    let appends = 0;
    world.target.before = (operation) => {
      if (operation === 'append' && ++appends === 2) {
        throw new MigrationError('THROTTLED', 'slow down', { retryAfterMs: 299_961 });
      }
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'THROTTLED', retryAfterMs: 299_961 });
    expect(await world.ledger.listIntended(world.mailboxId)).toEqual([]);
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 2 });
    expect(world.target.getFolder(['INBOX']).messages.map(({ raw }) => raw.toString())).toEqual(
      ['one', 'two', 'three'].map(mailText),
    );
  });

  test('T37, T51: finds a message whose answer was lost, and does not send it again', async () => {
    const world = newMemoryWorld({ appendsMany: false });
    for (const subject of ['one', 'two', 'three']) world.source.addMessage(['INBOX'], mailText(subject));
    let appends = 0;
    world.target.after = (operation) => {
      if (operation === 'append' && ++appends === 2) throw new MigrationError('CONNECTION_LOST', 'reset');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 2 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(3);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('T37: finds all that one APPEND of many brought when its answer was lost', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'twin', 'twin']) world.source.addMessage(['INBOX'], mailText(subject));
    world.target.after = (operation) => {
      if (operation === 'appendAll') throw new MigrationError('CONNECTION_LOST', 'reset');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    world.target.after = () => {};
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 3, bytes: 0 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(3);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('T16: halves an APPEND of many that is refused until the culprit stands alone', async () => {
    const world = newMemoryWorld();
    for (let n = 0; n < 50; n += 1) world.source.addMessage(['INBOX'], mailText(n === 17 ? 'poison' : `message ${n}`));
    let commands = 0;
    world.target.before = (operation) => {
      if (operation === 'append' || operation === 'appendAll') commands += 1;
    };
    world.target.refuse = ({ raw }) => {
      if (raw.includes('poison')) throw new MigrationError('MESSAGE_TOO_LARGE', 'over 1 MB');
    };
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 49, refused: 1 });
    expect(commands).toBeLessThan(16);
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(49);
  });

  test('a fault in the middle of the halves leaves nothing in doubt that was not', async () => {
    const world = newMemoryWorld();
    for (let n = 0; n < 8; n += 1) world.source.addMessage(['INBOX'], mailText(n === 0 ? 'poison' : `message ${n}`));
    let commands = 0;
    world.target.before = (operation) => {
      if (operation === 'appendAll' && ++commands === 4)
        throw new MigrationError('THROTTLED', 'slow', { retryAfterMs: 5 });
    };
    world.target.refuse = ({ raw }) => {
      if (raw.includes('poison')) throw new MigrationError('MESSAGE_TOO_LARGE', 'over 1 MB');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'THROTTLED' });
    expect(await world.ledger.listIntended(world.mailboxId)).toEqual([]);
    const there = world.target.getFolder(['INBOX']).messages.length;
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 7 - there, refused: 1 - (there > 0 ? 1 : 0) });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(7);
  });

  test.each([
    ['repaired', 'Subject: Grüße\r\n\r\nhello\r\n'],
    ['wrapped', 'Subject: x\r\n\r\npoison\r\n'],
  ] as const)('T37: finds a message that was %s when its answer was lost, and says so', async (state, raw) => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], raw);
    world.target.refuse = (message) => {
      const text = message.raw.toString('latin1');
      if (text.includes('poison') || /^Subject: Gr[^ -~]/.test(text))
        throw new MigrationError('MESSAGE_REFUSED', 'not so');
    };
    let lost = 0;
    world.target.after = (operation) => {
      if (operation === 'append' && ++lost === 1) throw new MigrationError('CONNECTION_LOST', 'reset');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(await world.copy(INITIAL)).toMatchObject({ [state]: 1, bytes: 0 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(1);
    expect(await collect(world.ledger.listNotes(world.mailboxId))).toMatchObject([{ uid: 1, state }]);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('T42: knows mail that another tool has brought, as often as it did', async () => {
    const world = newMemoryWorld();
    for (const subject of ['a', 'a', 'a', 'b', 'c']) world.source.addMessage(['INBOX'], mailText(subject));
    for (const subject of ['a', 'a', 'c', 'foreign']) world.target.addMessage(['INBOX'], mailText(subject));
    expect(await world.copy(INITIAL)).toMatchObject({ alreadyThere: 3, copied: 2 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(6);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('does not read the target again for mail that came there after the first pass', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    await world.copy(INITIAL);
    world.target.addMessage(['INBOX'], mailText('new at the target'));
    world.source.addMessage(['INBOX'], mailText('two'));
    world.target.before = (operation) => expect(operation).not.toBe('listMessages');
    expect(await world.copy(DELTA)).toMatchObject({ copied: 1 });
  });

  test('T43: copies nothing again when UIDVALIDITY changes between passes', async () => {
    const world = newMemoryWorld();
    for (const subject of ['twin', 'twin', 'three']) world.source.addMessage(['INBOX'], mailText(subject));
    await world.copy(INITIAL);
    world.source.renumber(['INBOX']);
    world.source.addMessage(['INBOX'], mailText('four'));
    expect(await world.copy(DELTA)).toMatchObject({ alreadyThere: 3, copied: 1 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(4);
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('T43: copies nothing again when UIDVALIDITY changes in the middle of a pass', async () => {
    const world = newMemoryWorld();
    for (let n = 0; n < 60; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
    let appends = 0;
    world.target.after = (operation) => {
      if (operation === 'appendAll' && ++appends === 1) world.source.renumber(['INBOX']);
    };
    const report = await world.copy(INITIAL);
    expect(report.copied + report.alreadyThere).toBeGreaterThanOrEqual(60);
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(60);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('NUL becomes 0x80, and the report says so', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], 'Subject: x\r\n\r\na\0b\r\n');
    expect(await world.copy(INITIAL)).toMatchObject({ repaired: 1, copied: 0, moved: 1 });
    expect(world.target.getFolder(['INBOX']).messages[0]?.raw.toString('latin1')).toContain('a\x80b');
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('T14: fails when the source shows no folder', async () => {
    const world = newMemoryWorld();
    world.source.removeFolder(['INBOX']);
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'NO_FOLDERS' });
  });

  test('T2: goes on after a folder that the target refuses, keeps the fault and clears it when it works', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['Bad'], mailText('one'));
    world.source.addMessage(['Good'], mailText('two'));
    world.target.before = (operation, detail) => {
      if (operation === 'ensureFolder' && detail === 'Bad') throw new MigrationError('FOLDER_REFUSED', 'no');
    };
    const report = await world.copy(INITIAL);
    expect(report).toMatchObject({ copied: 1, faults: [{ path: ['Bad'], code: 'FOLDER_REFUSED' }] });
    expect(await world.look()).toMatchObject({ work: true });
    world.target.before = () => {};
    expect(await world.copy(DELTA)).toMatchObject({ copied: 1, faults: [] });
    expect((await world.ledger.listFolders(world.mailboxId)).every((folder) => folder.fault === null)).toBe(true);
  });

  test('T13: a folder that was renamed is not copied a second time, and what is new in it follows', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'two']) world.source.addMessage(['Old'], mailText(subject));
    await world.copy(INITIAL);
    world.source.renameFolder(['Old'], ['New']);
    world.source.addMessage(['New'], mailText('three'));
    expect(await world.copy(DELTA)).toMatchObject({ copied: 1, alreadyThere: 0, bytes: mailText('three').length });
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
    expect(world.target.folders.flatMap(({ messages }) => messages)).toHaveLength(3);
  });

  test('T13: another folder with the same UIDVALIDITY is not taken for a renamed one', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'two']) world.source.addMessage(['Old'], mailText(subject));
    await world.copy(INITIAL);
    const { uidValidity } = world.source.getFolder(['Old']);
    world.source.removeFolder(['Old']);
    for (const subject of ['1ne', '2wo']) world.source.addMessage(['Other'], mailText(subject)); // of the same sizes
    world.source.getFolder(['Other']).uidValidity = uidValidity;
    expect(await world.copy(DELTA)).toMatchObject({ copied: 2 });
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
    expect(world.target.folders.flatMap(({ messages }) => messages)).toHaveLength(4);
  });

  test('T47: a message that was moved to another folder is there once', async () => {
    const world = newMemoryWorld();
    for (const subject of ['stays', 'moves', 'moves']) world.source.addMessage(['INBOX'], mailText(subject));
    world.source.addFolder(['A']); // before INBOX in every order of folders
    await world.copy(INITIAL);
    world.source.moveMessage(['INBOX'], 2, ['A']);
    expect(await world.copy(DELTA)).toMatchObject({ alreadyThere: 1, copied: 0, bytes: 0 });
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
    expect(world.target.folders.flatMap(({ messages }) => messages)).toHaveLength(3);
  });

  test('T11: another mapping between two passes deletes and doubles nothing', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['Sent'], mailText('one'));
    await world.copy(INITIAL);
    world.source.addMessage(['Sent'], mailText('two'));
    const mailbox = { id: world.mailboxId, mapping: { Sent: 'Ablage' } };
    expect(await world.copy(DELTA, { mailbox })).toMatchObject({ copied: 1 });
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0 });
    expect(world.target.getFolder(['Sent']).messages).toHaveLength(1);
    expect(world.target.getFolder(['Ablage']).messages).toHaveLength(1);
  });

  test('T13, T73: a folder that is gone takes nothing away from the target', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['Old'], mailText('one'));
    await world.copy(INITIAL);
    world.source.removeFolder(['Old']);
    expect(await world.look()).toMatchObject({ work: true });
    expect(await world.copy(DELTA)).toMatchObject({ moved: 0 });
    expect(world.target.getFolder(['Old']).messages).toHaveLength(1);
    expect(await world.look()).toMatchObject({ work: false });
  });

  test('fails and names the folder whose messages do not add up', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    const real = world.ledger.tallyFolders.bind(world.ledger);
    world.ledger.tallyFolders = async (id) => (await real(id)).map((tally) => ({ ...tally, exists: tally.exists + 1 }));
    await expect(world.copy(INITIAL)).rejects.toMatchObject({
      code: 'COUNT_MISMATCH',
      facts: { folder: 'INBOX', exists: 2, sum: 1 },
    });
  });

  test('names the UID of a message that has no end', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'two']) world.source.addMessage(['INBOX'], mailText(subject));
    const real = world.ledger.recordOutcomes.bind(world.ledger);
    world.ledger.recordOutcomes = async (lease, folderId, pass, outcomes) =>
      await real(
        lease,
        folderId,
        pass,
        outcomes.filter(({ uid }) => uid !== 2),
      );
    const failure = { code: 'COUNT_MISMATCH', message: expect.stringContaining('Without an end: UID 2') };
    await expect(world.copy(INITIAL)).rejects.toMatchObject(failure);
  });

  test('T38: is stopped by a newer holder of the mailbox', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    world.target.before = (operation) => {
      if (operation === 'ensureFolder') void world.ledger.takeLease(world.mailboxId, 'newer');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'LEASE_LOST' });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(0);
  });

  test('stops between messages when it is cancelled, and leaves nothing in doubt', async () => {
    const world = newMemoryWorld({ appendsMany: false });
    for (const subject of ['one', 'two', 'three']) world.source.addMessage(['INBOX'], mailText(subject));
    const controller = new AbortController();
    world.target.after = (operation) => {
      if (operation === 'append') controller.abort(new Error('cancelled'));
    };
    await expect(world.copy(INITIAL, { signal: controller.signal })).rejects.toThrow('cancelled');
    world.target.after = () => {};
    expect(await world.ledger.listIntended(world.mailboxId)).toEqual([]);
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 2 });
  });

  test('T48, T49: reports progress after each record and holds a batch at a time', async () => {
    const world = newMemoryWorld();
    for (let n = 0; n < 60; n += 1) world.source.addMessage(['INBOX'], mailText(`message ${n}`));
    const seen: number[] = [];
    await world.copy(INITIAL, { onProgress: ({ copied }) => seen.push(copied) });
    expect(seen).toEqual([0, 50, 60]);
  });

  test('obeys a mapping that a person gave', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['Alt'], mailText('one'));
    const mailbox = { id: world.mailboxId, mapping: { Alt: 'Neu/Ablage' } };
    const { renames } = await world.copy(INITIAL, { mailbox });
    expect(renames).toEqual([{ from: ['Alt'], to: ['Neu', 'Ablage'], reason: 'mapped' }]);
    expect(world.target.getFolder(['Neu', 'Ablage']).messages).toHaveLength(1);
  });
});

describe('what a verification has not found', () => {
  test('is brought again by the next attempt, once', async () => {
    const world = newMemoryWorld();
    for (const subject of ['one', 'twin', 'twin']) world.source.addMessage(['INBOX'], mailText(subject));
    await world.copy(INITIAL);
    world.target.removeMessage(['INBOX'], 3);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 1 });
    expect(await world.copy(INITIAL)).toMatchObject({ copied: 1 });
    expect(world.target.getFolder(['INBOX']).messages).toHaveLength(3);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
    expect(await world.copy(DELTA)).toMatchObject({ moved: 0 });
  });

  test('is not brought again when it turns up by itself', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('slow'));
    await world.copy(INITIAL);
    const inbox = world.target.getFolder(['INBOX']);
    const hidden = inbox.messages.splice(0);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 1 });
    inbox.messages.push(...hidden);
    await world.copy(INITIAL);
    expect(inbox.messages).toHaveLength(1);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0 });
  });

  test('has vanished when it is at neither side any more', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('gone'));
    await world.copy(INITIAL);
    world.target.removeMessage(['INBOX'], 1);
    await world.verify(INITIAL);
    world.source.removeMessage(['INBOX'], 1);
    expect(await world.copy(INITIAL)).toMatchObject({ moved: 0 });
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0 });
    expect(await collect(world.ledger.listExceptions(world.mailboxId))).toMatchObject([{ uid: 1, state: 'vanished' }]);
  });
});

describe('a look', () => {
  test('finds no work in an unchanged mailbox and reads no message for it', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    world.source.addFolder(['Empty']);
    expect(await world.look()).toEqual({ work: true, folders: 2, messages: 1 });
    await world.copy(INITIAL);
    world.source.before = (operation) => expect(['listFolders', 'getStatus']).toContain(operation);
    expect(await world.look()).toEqual({ work: false, folders: 2, messages: 1 });
  });

  test.each<[string, (world: ReturnType<typeof newMemoryWorld>) => unknown]>([
    ['a new message', ({ source }) => source.addMessage(['INBOX'], mailText('two'))],
    ['a removed message', ({ source }) => source.removeMessage(['INBOX'], 1)],
    ['a new folder', ({ source }) => source.addFolder(['New'])],
    ['another UIDVALIDITY', ({ source }) => source.renumber(['INBOX'])],
  ])('finds work in %s', async (_, change) => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    await world.copy(INITIAL);
    change(world);
    expect((await world.look()).work).toBe(true);
  });

  test('finds work in a pass that was not finished', async () => {
    const world = newMemoryWorld();
    world.source.addMessage(['INBOX'], mailText('one'));
    world.target.before = (operation) => {
      if (operation === 'append') throw new MigrationError('QUOTA_EXCEEDED', 'full');
    };
    await expect(world.copy(INITIAL)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' }); // one message goes by APPEND
    expect((await world.look()).work).toBe(true);
  });
});

describe.each([true, false])('a verification (UIDPLUS: %s)', (reportsUid) => {
  async function copied() {
    const world = newMemoryWorld({ reportsUid });
    for (const subject of ['one', 'twin', 'twin']) world.source.addMessage(['INBOX'], mailText(subject));
    world.source.addMessage(['Sent'], mailText('sent'));
    await world.copy(INITIAL);
    return world;
  }

  test('finds nothing wrong with a sound copy, and the ledger has it', async () => {
    const world = await copied();
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0, seen: 4 });
  });

  test('finds a message that was dropped', async () => {
    const world = await copied();
    world.target.removeMessage(['INBOX'], 3);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 1, doubled: 0 });
    const tallies = await world.ledger.tallyFolders(world.mailboxId);
    expect(tallies.map(({ tally }) => tally.lost)).toEqual([1, 0]);
  });

  test('finds a message that was doubled', async () => {
    const world = await copied();
    world.target.addMessage(['INBOX'], mailText('twin'));
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 1 });
  });

  test('finds a message that lies in the wrong folder', async () => {
    const world = await copied();
    world.target.removeMessage(['Sent'], 1);
    world.target.addMessage(['INBOX'], mailText('sent'));
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, misfiled: 1, doubled: 0 });
  });

  test('T42: does not take doubles for ours that were there before us, and finds ours beside them', async () => {
    const world = newMemoryWorld({ reportsUid: true });
    for (const subject of ['a', 'b']) world.source.addMessage(['INBOX'], mailText(subject));
    for (const subject of ['a', 'a', 'a']) world.target.addMessage(['INBOX'], mailText(subject));
    await world.copy(INITIAL);
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 0, seen: 4 });
    world.target.addMessage(['INBOX'], mailText('b'));
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 0, doubled: 1 });
  });

  test('finds a message that was changed', async () => {
    const world = await copied();
    world.target.removeMessage(['INBOX'], 1);
    world.target.addMessage(['INBOX'], mailText('One'));
    expect(await world.verify(INITIAL)).toMatchObject({ lost: 1 });
  });

  test('of a delta finds what the delta lost, and reads the rest only where it must', async () => {
    const world = await copied();
    for (const subject of ['five', 'six']) world.source.addMessage(['INBOX'], mailText(subject));
    await world.copy(DELTA);
    expect(await world.verify(DELTA)).toMatchObject({ lost: 0, doubled: 0, seen: reportsUid ? 2 : 5 });
    world.target.removeMessage(['INBOX'], 5);
    expect(await world.verify(DELTA)).toMatchObject({ lost: 1, doubled: 0 });
  });
});
