/**
 * `COPY … FROM STDIN`, as a query of node-postgres (its Submittable): the way to write many new rows for the least of the server's time.
 * The rows go out with the statement, not after the server's go-ahead: where it refuses the statement it passes them over (PostgreSQL
 * §54.2.6, COPY Operations).
 */
import type pg from 'pg';

type Done = (error: Error | null) => void;

export function copyIn(client: pg.PoolClient, statement: string, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done: Done = (error) => (error ? reject(error) : resolve());
    client.query(copyQuery(statement, data, done));
  });
}

/** `callback` is called through the object: node-postgres puts its time limit around it. */
function copyQuery(statement: string, data: Buffer, callback: Done): pg.Submittable & { callback: Done } {
  const query = {
    callback,
    submit: (connection: pg.Connection) => {
      const { stream } = connection;
      stream.cork();
      connection.query(statement);
      stream.write(frameHead('d', data.length));
      stream.write(data);
      stream.write(frameHead('c', 0));
      stream.uncork();
    },
    handleCopyInResponse: () => {},
    handleCommandComplete: () => {},
    handleReadyForQuery: () => query.callback(null),
    handleError: (error: Error) => query.callback(error),
  };
  return query;
}

/** CopyData (`d`), CopyDone (`c`): a letter, and the length with itself. */
function frameHead(letter: 'd' | 'c', bytes: number): Buffer {
  const head = Buffer.alloc(5);
  head.write(letter, 'latin1');
  head.writeInt32BE(bytes + 4, 1);
  return head;
}
