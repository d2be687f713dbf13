// What all test files share: connecting, fresh names, and waiting for events with a guard.

import { randomBytes } from 'node:crypto';
import amqp from 'amqplib';

const GUARD_MS = 10_000;
const port = Number(process.env.AMQP_PORT ?? 5672);
const host = process.env.AMQP_HOST ?? '127.0.0.1';

/** Fails with a message that names the event if `promise` takes longer than the guard. */
export async function within(promise, what) {
  let timer;
  const expired = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), GUARD_MS);
  });
  try {
    return await Promise.race([promise, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Opens a connection; `settings` go over the defaults. */
export function connect(settings = {}) {
  const options = { protocol: 'amqp', hostname: host, port, username: 'guest', password: 'guest' };
  // The tests ask and wait in turn; without noDelay each question would wait for a full segment.
  return within(amqp.connect({ ...options, ...settings }, { noDelay: true }), 'the connection');
}

/**
 * Gives a test what it works with, and afterwards deletes what it declared under fresh names and
 * closes what it opened. So the same broker serves any number of runs.
 */
export async function withBroker(body) {
  const connections = new Set();
  const queues = [];
  const exchanges = [];
  const suffix = randomBytes(5).toString('hex');
  const open = async (settings) => {
    const connection = await connect(settings);
    // A closed channel or connection is reported through the call that failed. Without a listener
    // Node would end the process as well.
    connection.on('error', () => {});
    connection.on('close', () => connections.delete(connection));
    connections.add(connection);
    return connection;
  };
  const scene = {
    suffix,
    connect: open,
    connection: await open(),
    queue: (label = 'queue') => named(queues, label, suffix),
    exchange: (label = 'exchange') => named(exchanges, label, suffix),
    channel: async (connection = scene.connection) => quiet(await connection.createChannel()),
    confirmChannel: async () => quiet(await scene.connection.createConfirmChannel()),
  };
  try {
    await within(body(scene), 'the end of the test');
  } finally {
    const janitor = await open();
    const channel = await janitor.createChannel();
    for (const name of queues) await channel.deleteQueue(name);
    for (const name of exchanges) await channel.deleteExchange(name);
    await Promise.all([...connections].map((connection) => connection.close()));
  }
}

function named(list, label, suffix) {
  const name = `${label}-${suffix}-${list.length}`;
  list.push(name);
  return name;
}

function quiet(channel) {
  channel.on('error', () => {});
  return channel;
}

/** A consumer that keeps its messages; `take(n)` waits for the next n of them. */
export async function inbox(channel, queue, options = {}) {
  const arrived = [];
  const waiting = [];
  const { consumerTag } = await channel.consume(
    queue,
    (message) => {
      const next = waiting.shift();
      if (next) next(message);
      else arrived.push(message);
    },
    options,
  );
  const one = () =>
    arrived.length > 0
      ? Promise.resolve(arrived.shift())
      : within(new Promise((resolve) => waiting.push(resolve)), `a message from ${queue}`);
  return {
    consumerTag,
    arrived,
    async take(count = 1) {
      const messages = [];
      while (messages.length < count) messages.push(await one());
      return messages;
    },
    async texts(count = 1) {
      return (await this.take(count)).map(text);
    },
  };
}

/** The body of a message as text. */
export function text(message) {
  return message.content.toString('utf8');
}

/** The next event of this name. */
export function event(emitter, name) {
  return within(new Promise((resolve) => emitter.once(name, resolve)), `the event ${name}`);
}
