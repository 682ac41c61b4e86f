import { expect, test } from '@jest/globals';
import { Kind, Shelf } from './shelf.ts';

test('the same kind and key give the same object while somebody holds it, and it is disposed of once after that', () => {
  const disposed: string[] = [];
  const kind = new Kind<string>('words', (word) => void disposed.push(word));
  const shelf = new Shelf();
  const [first, second] = [shelf.hold(), shelf.hold()];
  expect(first.keep(kind, 'a', () => 'one')).toBe('one');
  expect(first.keep(kind, 'a', () => 'two')).toBe('one');
  expect(first.keep(kind, 'b', () => 'only of the first')).toBe('only of the first');
  expect(second.keep(kind, 'a', () => 'three')).toBe('one');
  first.release();
  first.release();
  expect(disposed).toEqual(['only of the first']);
  second.release();
  expect(disposed).toEqual(['only of the first', 'one']);
  expect(shelf.hold().keep(kind, 'a', () => 'anew')).toBe('anew');
});

test('two kinds never share an object, whatever their names and keys', () => {
  const [texts, numbers] = [new Kind<string>('same'), new Kind<number>('same')];
  const holding = new Shelf().hold();
  expect(holding.keep(texts, 'key', () => 'text')).toBe('text');
  expect(holding.keep(numbers, 'key', () => 1)).toBe(1);
});
