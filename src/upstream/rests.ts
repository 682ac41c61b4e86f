/** Names of models can come from clients. The rest that was noted first gives way. */
const MOST_MODELS = 1_000;

/** One rest as an administrator sees it; without a model it is of the whole target. */
export interface RestView {
  readonly model: string | undefined;
  readonly endsInMs: number;
}

/**
 * Until when a target has asked to be left alone, for each model or altogether. A target belongs to one credential: two
 * keys of one provider rest apart. Times are monotonic milliseconds.
 */
export class Rests {
  private readonly byModel = new Map<string, number>();
  private ofAll = 0;

  /** Nothing rests or has rested: the common case costs no look at the clock. */
  get isEmpty(): boolean {
    return this.ofAll === 0 && this.byModel.size === 0;
  }

  /** `model` undefined: the whole target rests. A rest is never cut short by another one. */
  begin(model: string | undefined, until: number): void {
    if (model === undefined) {
      this.ofAll = Math.max(this.ofAll, until);
      return;
    }
    const known = this.byModel.get(model) ?? 0;
    this.byModel.delete(model);
    if (this.byModel.size >= MOST_MODELS) this.forgetFirst();
    this.byModel.set(model, Math.max(known, until));
  }

  /** When the model may be asked again; 0 when it may be asked now. */
  endOf(model: string, now: number): number {
    const end = Math.max(this.ofAll, this.byModel.get(model) ?? 0);
    if (end > now) return end;
    if (end !== 0) this.byModel.delete(model);
    if (this.ofAll <= now) this.ofAll = 0;
    return 0;
  }

  views(now: number): RestView[] {
    const ends: (readonly [string | undefined, number])[] = [[undefined, this.ofAll], ...this.byModel];
    return ends.flatMap(([model, end]) => (end > now ? [{ model, endsInMs: end - now }] : []));
  }

  private forgetFirst(): void {
    for (const model of this.byModel.keys()) return void this.byModel.delete(model);
  }
}
