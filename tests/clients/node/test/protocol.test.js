// What a program that uses amqplib relies on beyond the course: refusals, content, life cycles.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, event, inbox, text, withBroker } from './broker.js';

// Each case: what is done on a channel, and how the broker refuses it.
const refusals = [
  {
    name: 'a check of a missing queue',
    code: 404,
    text: (n) => `NOT_FOUND - no queue '${n.queue}' in vhost '/'`,
    act: (channel, n) => channel.checkQueue(n.queue),
  },
  {
    name: 'a check of a missing exchange',
    code: 404,
    text: (n) => `NOT_FOUND - no exchange '${n.exchange}' in vhost '/'`,
    act: (channel, n) => channel.checkExchange(n.exchange),
  },
  {
    name: 'a queue under a reserved name',
    code: 403,
    text: () => "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
    act: (channel) => channel.assertQueue('amq.mine'),
  },
  {
    name: 'a queue declared in another way',
    code: 406,
    text: (n) =>
      `PRECONDITION_FAILED - inequivalent arg 'durable' for queue '${n.queue}' in vhost '/': ` +
      "received 'false' but current is 'true'",
    act: async (channel, n) => {
      await channel.assertQueue(n.queue, { durable: true });
      await channel.assertQueue(n.queue, { durable: false });
    },
  },
  {
    name: 'an exchange of another type',
    code: 406,
    text: (n) =>
      `PRECONDITION_FAILED - inequivalent arg 'type' for exchange '${n.exchange}' in vhost '/': ` +
      "received 'topic' but current is 'direct'",
    act: async (channel, n) => {
      await channel.assertExchange(n.exchange, 'direct');
      await channel.assertExchange(n.exchange, 'topic');
    },
  },
  {
    name: 'a delete of a queue that is not empty',
    code: 406,
    text: (n) => `PRECONDITION_FAILED - queue '${n.queue}' in vhost '/' not empty`,
    act: async (channel, n) => {
      await channel.assertQueue(n.queue);
      channel.sendToQueue(n.queue, Buffer.from('still here'));
      await channel.deleteQueue(n.queue, { ifEmpty: true });
    },
  },
  {
    name: 'a bind of a missing queue',
    code: 404,
    text: (n) => `NOT_FOUND - no queue '${n.queue}' in vhost '/'`,
    act: (channel, n) => channel.bindQueue(n.queue, 'amq.direct', 'key'),
  },
];

for (const refusal of refusals) {
  test(`${refusal.name} is refused with ${refusal.code}`, () =>
    withBroker(async ({ connection, channel, queue, exchange }) => {
      const names = { queue: queue(), exchange: exchange() };
      const there = await channel();
      const failed = event(there, 'error');
      await assert.rejects(refusal.act(there, names));
      const error = await failed;
      assert.equal(error.code, refusal.code);
      assert.ok(error.message.includes(`"${refusal.text(names)}"`), error.message);
      // The connection and its other channels go on.
      await (await connection.createChannel()).close();
    }));
}

test('an ack too many closes the channel', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    there.sendToQueue(name, Buffer.from('once'));
    const message = await there.get(name);
    const failed = event(there, 'error');
    there.ack(message);
    there.ack(message);
    assert.match((await failed).message, /PRECONDITION_FAILED - unknown delivery tag 1/);
  }));

test('a used consumer tag closes the connection', () =>
  withBroker(async ({ connect: open, queue }) => {
    const connection = await open();
    const channel = await connection.createChannel();
    channel.on('error', () => {});
    const name = queue();
    await channel.assertQueue(name);
    await inbox(channel, name, { consumerTag: 'hare' });
    const failed = event(connection, 'error');
    await assert.rejects(channel.consume(name, () => {}, { consumerTag: 'hare' }));
    const error = await failed;
    assert.equal(error.code, 530);
    assert.match(error.message, /NOT_ALLOWED - attempt to reuse consumer tag 'hare'/);
  }));

test('a wrong password is refused', async () => {
  await assert.rejects(connect({ password: 'wrong' }), /403 \(ACCESS-REFUSED\)/);
});

test('an unknown virtual host is refused', async () => {
  // amqplib does not pass the broker's words on here.
  await assert.rejects(connect({ vhost: 'burrow' }), /ConnectionClose/);
});

test('get counts what is left', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    for (const body of ['a', 'b']) there.sendToQueue(name, Buffer.from(body));
    const first = await there.get(name, { noAck: true });
    assert.equal(first.fields.messageCount, 1);
    assert.deepEqual(await there.purgeQueue(name), { messageCount: 1 });
    assert.equal(await there.get(name), false);
    assert.deepEqual(await there.deleteQueue(name), { messageCount: 0 });
  }));

test('properties and headers survive', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    const headers = {
      text: '订单',
      small: -1,
      large: 2 ** 40,
      fraction: 0.5,
      yes: true,
      nothing: null,
      list: [1, 'two', [3]],
      table: { inner: { deep: false } },
      octets: Buffer.from([0, 255]),
    };
    const options = {
      headers,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      persistent: true,
      priority: 3,
      correlationId: 'c',
      replyTo: 'r',
      expiration: '60000',
      messageId: 'm',
      timestamp: 1_700_000_000,
      type: 't',
      userId: 'guest',
      appId: 'a',
    };
    there.sendToQueue(name, Buffer.from('{}'), options);
    const { properties } = await there.get(name, { noAck: true });
    const { persistent, ...same } = options;
    const expected = { ...same, deliveryMode: persistent ? 2 : 1 };
    for (const [key, value] of Object.entries(expected)) {
      assert.deepEqual(properties[key], value, key);
    }
  }));

test('bodies of any size survive', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    const box = await inbox(there, name, { noAck: true });
    for (const octets of [0, 1, 4087, 4088, 4089, 131_064, 131_065, 3_000_000]) {
      const body = Buffer.alloc(octets, 'hare');
      there.sendToQueue(name, body);
      const [message] = await box.take();
      assert.ok(message.content.equals(body), `${octets} octets`);
    }
  }));

test('nack hands back to the old place', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    for (const body of ['a', 'b', 'c']) there.sendToQueue(name, Buffer.from(body));
    await there.get(name);
    const second = await there.get(name);
    there.nack(second, true, true);
    const box = await inbox(there, name, { noAck: true });
    const messages = await box.take(3);
    assert.deepEqual(messages.map(text), ['a', 'b', 'c']);
    assert.deepEqual(
      messages.map((message) => message.fields.redelivered),
      [true, true, false],
    );
  }));

test('a consumer hears that its queue is gone', () =>
  withBroker(async ({ channel, queue }) => {
    const there = await channel();
    const name = queue();
    await there.assertQueue(name);
    const box = await inbox(there, name);
    await (await channel()).deleteQueue(name);
    // amqplib reports a cancel by the server as a message that is null.
    assert.deepEqual(await box.take(), [null]);
  }));

test('exchanges can be bound to exchanges', () =>
  withBroker(async ({ channel, exchange, queue }) => {
    const there = await channel();
    const [source, end] = [exchange('source'), exchange('end')];
    const name = queue();
    await there.assertExchange(source, 'topic');
    await there.assertExchange(end, 'headers');
    await there.bindExchange(end, source, 'hare.#');
    await there.assertQueue(name);
    await there.bindQueue(name, end, '', { 'x-match': 'any', colour: 'brown', size: 3 });
    const publish = (key, headers) => there.publish(source, key, Buffer.from(key), { headers });
    publish('hare.grey', { colour: 'grey' });
    publish('owl.brown', { colour: 'brown' });
    publish('hare.brown', { colour: 'brown', size: 4 });
    const box = await inbox(there, name, { noAck: true });
    assert.deepEqual(await box.texts(), ['hare.brown']);
    await there.unbindExchange(end, source, 'hare.#');
    publish('hare.brown', { colour: 'brown' });
    assert.equal((await there.checkQueue(name)).messageCount, 0);
  }));
