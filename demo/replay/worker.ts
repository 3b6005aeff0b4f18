// The worker: one engine with the city's clock, fed by the player, and told in frames.
//
//   recording ─ player ─ push ─▶ engine (log in IndexedDB) ─ changes ─▶ telling ─ frames ─▶ page

import { expose } from "comlink";
import type { Engine } from "../../engine/index.ts";
import recordingUrl from "../recorded/friday.ndjson.gz?url";
import { listLines } from "./lines.ts";
import { Log } from "./log.ts";
import { Player } from "./player.ts";
import type { LineList, ListedLine, Opening, Speed, StartOptions, Storage } from "./protocol.ts";
import { fetchRecording, type Recording } from "./recording.ts";
import { lineAfterLog } from "./resume.ts";
import { Telling, faultOf } from "./telling.ts";

const STEP_MS = 100;
/** How often the page is told that the log is still being opened. */
const OPENING_MS = 1_000;
const NO_STORAGE: Storage = { mode: "memory", reason: null };

/** What is open while there is a log to play to. */
interface Session {
  readonly engine: Engine;
  readonly player: Player;
}

/** What the page can ask for. */
export class Replay {
  readonly #log = new Log();
  #recording: Recording | null = null;
  #telling: Telling | null = null;
  #session: Session | null = null;
  #speed: Speed = 60;
  /** Ends when the loop has ended. */
  #loop: Promise<void> = Promise.resolve();
  #isStopping = false;

  /** Reads the recording and the log, and plays on where the log ends. */
  async start(options: StartOptions, frames: MessagePort): Promise<Opening> {
    const recording = await fetchRecording(recordingUrl);
    this.#recording = recording;
    this.#telling = new Telling(recording, frames);
    this.#speed = options.speed;
    // The page is told how the opening goes by frames, not by this call.
    void this.#open(!options.isPaused);
    return { lines: recording.lines, density: recording.density() };
  }

  play(): void {
    this.#telling?.setFault(null);
    this.#session?.player.play(performance.now());
  }

  pause(): void {
    this.#session?.player.pause(performance.now());
  }

  setSpeed(speed: Speed): void {
    this.#speed = speed;
    this.#session?.player.setSpeed(speed, performance.now());
  }

  async lines(list: LineList): Promise<ListedLine[]> {
    return this.#session === null ? [] : listLines(this.#session.engine, list);
  }

  /** Deletes the log and plays from the beginning. */
  async startOver(): Promise<void> {
    this.#isStopping = true;
    await this.#loop;
    await this.#session?.engine.close().catch(() => {});
    this.#session = null;
    await this.#log.clear();
    await this.#open(true);
  }

  async #open(isPlaying: boolean): Promise<void> {
    const telling = this.#telling!;
    const recording = this.#recording!;
    telling.begin(NO_STORAGE, null);
    const tellOpening = (): void => {
      telling.tell({ state: "opening", speed: this.#speed, player: null }, performance.now());
    };
    tellOpening();
    const timer = setInterval(tellOpening, OPENING_MS);
    try {
      const { engine, storage } = await this.#log.open();
      const line = await lineAfterLog(engine, recording);
      if (line === null) throw new Error("The log is of another recording: start over.");
      const player = new Player(recording, line, this.#speed, (lines, receivedAt) =>
        engine.push(lines, { format: "ndjson", receivedAt }),
      );
      this.#session = { engine, player };
      telling.begin(storage, { engine, line });
      if (isPlaying) player.play(performance.now());
    } catch (error) {
      telling.setFault(faultOf(error));
    } finally {
      clearInterval(timer);
    }
    this.#isStopping = false;
    this.#loop = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const began = performance.now();
      await this.#step(began);
      const spentMs = performance.now() - began;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, STEP_MS - spentMs)));
    }
  }

  async #step(wall: number): Promise<void> {
    const telling = this.#telling!;
    const player = this.#session?.player ?? null;
    try {
      await player?.step(wall, () => performance.now());
      await telling.readLate();
    } catch (error) {
      // What failed left no trace in the log: played again, the same lines are pushed again.
      player?.pause(performance.now());
      telling.setFault(faultOf(error));
    }
    const state = player?.isEnded === true ? "ended" : player?.isRunning ? "playing" : "paused";
    telling.tell({ state, speed: this.#speed, player }, performance.now());
  }
}

expose(new Replay());
