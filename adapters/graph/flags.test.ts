import { describe, expect, test } from 'vitest';
import { flagsOf, patchOf, stateFields, stateOf, stateProperties } from './flags.ts';

describe('flags at Exchange', () => {
  test('are read from fields, the last verb and categories', () => {
    const row = (verb: string) => ({
      isRead: true,
      isDraft: true,
      flag: { flagStatus: 'flagged' },
      categories: ['work'],
      singleValueExtendedProperties: [{ id: 'Integer 0x1081', value: verb }],
    });
    expect(flagsOf(row('102'))).toEqual(['\\Answered', '\\Draft', '\\Flagged', '\\Seen', 'work']);
    expect(flagsOf(row('103'))).toContain('\\Answered');
    expect(flagsOf(row('104'))).toEqual(['$Forwarded', '\\Draft', '\\Flagged', '\\Seen', 'work']);
    expect(flagsOf({ isRead: false, flag: { flagStatus: 'complete' } })).toEqual([]);
  });

  test('that have no place there are named', () => {
    expect(
      stateOf(['\\Seen', '$Forwarded', '\\Answered', 'a,b', '$MDNSent', '\\Odd', '\\Recent', 'ok']).dropped,
    ).toEqual(['a,b', '$MDNSent', '\\Odd', '$Forwarded']);
  });

  test('are written by one create call', () => {
    const { state } = stateOf(['\\Seen', '\\Flagged', '$Forwarded', 'work']);
    expect(stateFields(state)).toEqual({ isRead: true, flag: { flagStatus: 'flagged' }, categories: ['work'] });
    expect(stateProperties(state)).toEqual([
      { id: 'Integer 0x1081', value: '104' },
      { id: 'Integer 0x1080', value: '262' },
    ]);
    expect(stateFields(stateOf([]).state)).toEqual({ isRead: false });
  });

  test('change by what differs only, and not at all where nothing does', () => {
    expect(patchOf(['\\Seen', 'a'], { add: ['\\Seen'], remove: ['\\Flagged'] })).toBeNull();
    expect(patchOf(['\\Seen', 'a'], { add: ['b'], remove: ['\\Seen'] })).toEqual({
      isRead: false,
      categories: ['a', 'b'],
    });
    expect(patchOf(['\\Answered'], { add: [], remove: ['\\Answered'] })).toEqual({
      singleValueExtendedProperties: [
        { id: 'Integer 0x1081', value: '0' },
        { id: 'Integer 0x1080', value: '256' },
      ],
    });
    expect(patchOf([], { add: ['\\Draft'], remove: [] })).toBeNull();
  });
});
