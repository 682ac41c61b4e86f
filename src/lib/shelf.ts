/** What one kind of kept object is: two owners can never take each other's, whatever keys they choose. */
export class Kind<T> {
  readonly name: string;
  /** Called when the object is no longer in use. */
  readonly dispose: (value: T) => void;

  constructor(name: string, dispose: (value: T) => void = () => {}) {
    this.name = name;
    this.dispose = dispose;
  }
}

/** Hands out state that survives a reload: the same kind and key give the same object as long as somebody holds it. */
export interface Keeper {
  keep<T>(kind: Kind<T>, key: string, make: () => T): T;
}

interface Entry {
  readonly value: unknown;
  readonly dispose: () => void;
  holders: number;
}

/**
 * State that must outlive a reload (upstream services, concurrency slots, reservations). Every configuration takes what
 * it needs through a `Holding` of its own; an object is disposed of when the last holding that took it is released.
 */
export class Shelf {
  private readonly entries = new Map<Kind<never>, Map<string, Entry>>();

  hold(): Holding {
    return new Holding((kind, key, make) => this.take(kind, key, make));
  }

  private take<T>(kind: Kind<T>, key: string, make: () => T): Taken<T> {
    const ofKind = this.entries.get(kind as Kind<never>) ?? new Map<string, Entry>();
    this.entries.set(kind as Kind<never>, ofKind);
    let entry = ofKind.get(key);
    if (!entry) {
      const value = make();
      entry = { value, dispose: () => kind.dispose(value), holders: 0 };
      ofKind.set(key, entry);
    }
    const held = entry;
    held.holders++;
    const giveBack = (): void => {
      if (--held.holders > 0) return;
      ofKind.delete(key);
      held.dispose();
    };
    // The map under a kind holds values of that kind only: `make` and `kind` share their type.
    return { value: held.value as T, giveBack };
  }
}

interface Taken<T> {
  readonly value: T;
  readonly giveBack: () => void;
}

type Take = <T>(kind: Kind<T>, key: string, make: () => T) => Taken<T>;

/** What one configuration holds of the shelf. */
export class Holding implements Keeper {
  private readonly take: Take;
  private readonly taken = new Map<Kind<never>, Map<string, Taken<unknown>>>();

  constructor(take: Take) {
    this.take = take;
  }

  keep<T>(kind: Kind<T>, key: string, make: () => T): T {
    const ofKind = this.taken.get(kind as Kind<never>) ?? new Map<string, Taken<unknown>>();
    this.taken.set(kind as Kind<never>, ofKind);
    const known = ofKind.get(key);
    if (known) return known.value as T;
    const taken = this.take(kind, key, make);
    ofKind.set(key, taken);
    return taken.value;
  }

  /** Gives everything back. Objects that no other holding has are disposed of. */
  release(): void {
    const taken = [...this.taken.values()].flatMap((ofKind) => [...ofKind.values()]);
    this.taken.clear();
    for (const { giveBack } of taken) giveBack();
  }
}
