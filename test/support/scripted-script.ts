import type { Action, Step, Trigger } from './scripted-steps.ts';

/** A trigger and what it sets off. */
export class Scene {
  readonly trigger: Trigger;
  readonly actions: Action[] = [];
  /** How often it has begun. */
  begun = 0;
  /** Of its last run: how many actions were begun. */
  reached = 0;

  constructor(trigger: Trigger) {
    this.trigger = trigger;
  }

  get isOpen(): boolean {
    return this.begun < this.trigger.times;
  }

  /** What has not happened yet, null where all has. */
  get missing(): string | null {
    const wanted = Number.isFinite(this.trigger.times) ? this.trigger.times : 1;
    if (this.begun < wanted) return `${this.trigger.name} came ${this.begun} of ${wanted} times`;
    const next = this.actions[this.reached];
    return next === undefined ? null : `${this.trigger.name} came, but not as far as "${next.name}"`;
  }
}

/** Which scene is next. */
export class Script {
  readonly #scenes: Scene[] = [];
  readonly #anyOrder: boolean;

  constructor(steps: readonly Step[], anyOrder: boolean) {
    this.#anyOrder = anyOrder;
    for (const step of steps) {
      if (step.kind === 'trigger') this.#scenes.push(new Scene(step));
      else if (this.#scenes.length === 0) throw new Error('A script begins with step.connection or step.line');
      else this.#scenes.at(-1)?.actions.push(step);
    }
  }

  /** The scene that this line, or with null this new connection, sets off; null where it is nothing to the script. */
  take(text: string | null): Scene | null {
    const open = this.#scenes.filter((scene) => scene.isOpen);
    // One that may come any number of times makes way for its successor.
    const firstBound = open.findIndex(({ trigger, begun }) => Number.isFinite(trigger.times) || begun === 0);
    const candidates = this.#anyOrder || firstBound < 0 ? open : open.slice(0, firstBound + 1).reverse();
    const scene = candidates.find(({ trigger }) => trigger.matches(text)) ?? null;
    if (scene !== null) {
      scene.begun += 1;
      scene.reached = 0;
    }
    return scene;
  }

  get missing(): string[] {
    return this.#scenes.map((scene) => scene.missing).filter((each) => each !== null);
  }
}
