import { describe, expect, test } from 'vitest';
import { DOMAIN, employees, MANAGER } from './people.ts';

describe('the example organisation', () => {
  test('has as many people as asked for, each address once', () => {
    for (const count of [1, 6, 200]) {
      const people = employees(count);
      expect(people.length).toBe(count);
      const addresses = people.flatMap(({ address, aliases }) => [address, ...aliases]);
      expect(new Set(addresses).size).toBe(addresses.length);
      for (const address of addresses) expect(address.endsWith(`@${DOMAIN}`)).toBe(true);
    }
  });

  test('keeps its first people when it grows, with three languages and names beyond ASCII', () => {
    expect(employees(9).slice(0, 6)).toEqual(employees(6));
    expect(new Set(employees(6).map(({ locale }) => locale)).size).toBe(3);
    expect(employees(6).map(({ name }) => name)).toContain('Jürgen Weiß');
  });

  test('has a list of several, and none that shares its address with a mailbox', () => {
    const people = employees(6);
    const lists = new Set(people.flatMap((person) => person.lists));
    expect(lists.size).toBe(1);
    for (const { address, aliases } of people)
      for (const each of [address, ...aliases]) expect(lists.has(each)).toBe(false);
  });

  test('is decided for by somebody who can be reached when its mail cannot', () => {
    for (const address of [MANAGER.email, MANAGER.codeEmail]) expect(address.endsWith(`@${DOMAIN}`)).toBe(false);
  });
});
