/**
 * NOTIFY, heard on a connection of its own. In: what to call for each channel. A lost connection is opened again after a rest; what was
 * missed meanwhile the polls find. Every connection is given back, also the one that comes up after `stop`.
 */
import type { Connection, Database } from './database.ts';

export type Ear = { stop(): void };

export type ListenOptions = { readonly restMs: number; readonly onLost: (error: unknown) => void };

/** Calls `channels[name]` at each `notify name`, until it is stopped. */
export function listen(database: Database, channels: Readonly<Record<string, () => void>>, { restMs, onLost }: ListenOptions): Ear {
  let stopped = false;
  let release: () => void = () => {};
  let again: NodeJS.Timeout | undefined;
  const open = async (): Promise<void> => {
    let mine: Connection | null = null;
    let gone = false;
    const letGo = (): void => {
      gone = true;
      mine?.release(true);
      mine = null;
    };
    const lost = (error: unknown): void => {
      if (gone) return;
      letGo();
      if (stopped) return;
      onLost(error);
      again = setTimeout(open, restMs);
    };
    try {
      const connection = await database.connect();
      mine = connection;
      if (stopped) return letGo();
      release = letGo;
      connection.on('error', lost);
      connection.on('notification', ({ channel }) => channels[channel]?.());
      for (const channel of Object.keys(channels)) await connection.query(`listen ${channel}`);
    } catch (error) {
      lost(error);
    }
  };
  void open();
  return {
    stop: () => {
      stopped = true;
      clearTimeout(again);
      release();
    },
  };
}
