// Of several askings only the newest counts: it waits for a pause, and ends the one before.

export class Newest {
  #timer = 0;
  #ending = new AbortController();

  /** @param {number} pause milliseconds without another one, before it's asked */
  constructor(pause) {
    this.pause = pause;
  }

  /** What is waited for is asked no more, and what is asked is given up. */
  stop() {
    clearTimeout(this.#timer);
    this.#ending.abort();
  }

  /**
   * Ask after a pause. What fails is as good as not asked: the next letter asks again.
   * @template T @param {(signal: AbortSignal) => Promise<T>} ask @param {(answer: T) => void} then not called where another one came
   * @param {number} [pause]
   */
  ask(ask, then, pause = this.pause) {
    this.stop();
    const { signal } = (this.#ending = new AbortController());
    this.#timer = setTimeout(async () => {
      const answer = await ask(signal).catch(() => undefined);
      if (answer !== undefined && !signal.aborted) then(answer);
    }, pause);
  }
}
