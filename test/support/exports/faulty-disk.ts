/**
 * The disk of a process that dies at its nth step, before or after the step took effect; no later
 * step reaches the disk. With `error` instead of `crash`, only that step fails and the process
 * lives on.
 */
import { type Disk, type DiskFile, systemDisk } from '../../../src/exporter/parquet/disk.ts';

export interface DiskPlan {
  /** 1 is the first step; 0 plans nothing. */
  readonly step: number;
  readonly when: 'before' | 'after';
  readonly what: 'crash' | 'error';
}

export class FaultyDisk implements Disk {
  readonly #plan: DiskPlan;
  /** The names of the steps so far: `rename`, `sync`. */
  readonly steps: string[] = [];
  /** Is called before each step. */
  onStep: (name: string, step: number) => Promise<void> | void = () => undefined;
  #isDead = false;

  constructor(plan: DiskPlan = { step: 0, when: 'before', what: 'crash' }) {
    this.#plan = plan;
  }

  /** Whether the process has crashed; then nothing else of it may work either. */
  get isDead(): boolean {
    return this.#isDead;
  }

  get hasHappened(): boolean {
    return this.steps.length >= this.#plan.step;
  }

  makeFolder = (path: string, mode?: number) =>
    this.#step('makeFolder', () => systemDisk.makeFolder(path, mode));
  list = (folder: string) => this.#step('list', () => systemDisk.list(folder));
  readText = (path: string) => this.#step('readText', () => systemDisk.readText(path));
  size = (path: string) => this.#step('size', () => systemDisk.size(path));
  digest = (path: string) => this.#step('digest', () => systemDisk.digest(path));
  sync = (path: string) => this.#step('sync', () => systemDisk.sync(path));
  rename = (from: string, to: string) => this.#step('rename', () => systemDisk.rename(from, to));
  remove = (path: string) => this.#step('remove', () => systemDisk.remove(path));

  create = async (path: string) => {
    const opened: DiskFile[] = [];
    const closeAll = () => Promise.all(opened.map((file) => file.close()));
    const open = async () => {
      const file = await systemDisk.create(path);
      opened.push(file);
      return file;
    };
    // The operating system closes the files of a process that dies.
    const file = await this.#step('create', open).catch(async (error) => {
      await closeAll();
      throw error;
    });
    return {
      write: (text: string) => this.#step('write', () => file.write(text)),
      close: () => this.#step('close', async () => undefined).finally(closeAll),
    };
  };

  async #step<T>(name: string, fn: () => Promise<T>): Promise<T> {
    this.#requireAlive();
    this.steps.push(name);
    const isPlanned = this.steps.length === this.#plan.step;
    await this.onStep(name, this.steps.length);
    if (isPlanned && this.#plan.when === 'before') this.#fail(name);
    const value = await fn();
    if (isPlanned && this.#plan.when === 'after') this.#fail(name);
    return value;
  }

  #fail(name: string): never {
    this.#isDead = this.#plan.what === 'crash';
    throw new Error(`the disk failed at ${name}`);
  }

  #requireAlive(): void {
    if (this.#isDead) throw new Error('the process is dead');
  }
}
