// The lessons of the course with amqplib.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inbox, text, withBroker } from './broker.js';

test('a plain queue keeps the order', () =>
  withBroker(async ({ channel, queue }) => {
    const sender = await channel();
    const receiver = await channel();
    const name = queue('greetings');
    await sender.assertQueue(name, { durable: false });
    for (let number = 0; number < 50; number += 1) {
      sender.sendToQueue(name, Buffer.from(`greeting ${number}`));
    }
    const box = await inbox(receiver, name, { noAck: true });
    const expected = Array.from({ length: 50 }, (_, number) => `greeting ${number}`);
    assert.deepEqual(await box.texts(50), expected);
  }));

test('tasks go to the worker that is free', () =>
  withBroker(async ({ channel, queue }) => {
    const total = 12;
    const name = queue('tasks');
    const sender = await channel();
    await sender.assertQueue(name, { durable: true });
    const done = { slow: [], fast: [] };
    let held;
    let finish;
    const allDone = new Promise((resolve) => {
      finish = resolve;
    });

    const hire = async (worker) => {
      const theirs = await channel();
      await theirs.prefetch(1);
      const complete = (message) => {
        done[worker].push(text(message));
        theirs.ack(message);
        // The slow worker is as slow as can be: one task for all the others.
        if (worker === 'fast' && done.fast.length === total - 1) held();
        if (done.slow.length + done.fast.length === total) finish();
      };
      await theirs.consume(name, (message) => {
        if (worker === 'slow') held = () => complete(message);
        else complete(message);
      });
    };

    await hire('slow');
    await hire('fast');
    for (let number = 0; number < total; number += 1) {
      sender.sendToQueue(name, Buffer.from(`task ${number}`), { persistent: true });
    }
    await allDone;
    assert.equal(done.slow.length, 1);
    assert.equal(done.fast.length, total - 1);
    assert.equal(new Set([...done.slow, ...done.fast]).size, total);
  }));

test('logs reach every listener', () =>
  withBroker(async ({ channel, exchange }) => {
    const there = await channel();
    const logs = exchange('logs');
    await there.assertExchange(logs, 'fanout', { durable: false });
    const boxes = [];
    for (let number = 0; number < 2; number += 1) {
      const { queue: own } = await there.assertQueue('', { exclusive: true });
      assert.match(own, /^amq\.gen-/);
      await there.bindQueue(own, logs, '');
      boxes.push(await inbox(there, own, { noAck: true }));
    }
    there.publish(logs, '', Buffer.from('disk is filling'));
    there.publish(logs, '', Buffer.from('disk is full'));
    for (const box of boxes) {
      assert.deepEqual(await box.texts(2), ['disk is filling', 'disk is full']);
    }
  }));

async function listener(channel, exchange, keys) {
  const { queue } = await channel.assertQueue('', { exclusive: true });
  for (const key of keys) await channel.bindQueue(queue, exchange, key);
  return inbox(channel, queue, { noAck: true });
}

test('a direct exchange chooses by severity', () =>
  withBroker(async ({ channel, exchange }) => {
    const there = await channel();
    const reports = exchange('reports');
    await there.assertExchange(reports, 'direct', { durable: false });
    const everything = await listener(there, reports, ['info', 'error']);
    const alarms = await listener(there, reports, ['error']);
    for (const key of ['info', 'debug', 'error']) there.publish(reports, key, Buffer.from(key));
    assert.deepEqual(await everything.texts(2), ['info', 'error']);
    assert.deepEqual(await alarms.texts(1), ['error']);
  }));

test('a topic exchange chooses by pattern', () =>
  withBroker(async ({ channel, exchange }) => {
    const there = await channel();
    const sightings = exchange('sightings');
    await there.assertExchange(sightings, 'topic', { durable: false });
    const brown = await listener(there, sightings, ['*.brown.*', 'end']);
    const hares = await listener(there, sightings, ['#.hare', 'end']);
    for (const key of ['meadow.brown.hare', 'wood.brown.owl', 'hare', 'brown', 'end']) {
      there.publish(sightings, key, Buffer.from(key));
    }
    assert.deepEqual(await brown.texts(3), ['meadow.brown.hare', 'wood.brown.owl', 'end']);
    assert.deepEqual(await hares.texts(3), ['meadow.brown.hare', 'hare', 'end']);
  }));

test('Chinese queues carry one order and a thousand', () =>
  withBroker(async ({ channel, confirmChannel, queue }) => {
    const sender = await confirmChannel();
    const single = queue('订单');
    const bulk = queue('批量订单');
    assert.equal((await sender.assertQueue(single)).queue, single);
    await sender.assertQueue(bulk);
    sender.sendToQueue(single, Buffer.from('一壶茶'));
    for (let number = 0; number < 1000; number += 1) {
      sender.sendToQueue(bulk, Buffer.from(`订单 ${number}`), { persistent: true });
    }
    await sender.waitForConfirms();
    assert.equal((await sender.checkQueue(bulk)).messageCount, 1000);
    const receiver = await channel();
    assert.deepEqual(await (await inbox(receiver, single, { noAck: true })).texts(1), ['一壶茶']);
    const box = await inbox(receiver, bulk, { noAck: true });
    const expected = Array.from({ length: 1000 }, (_, number) => `订单 ${number}`);
    assert.deepEqual(await box.texts(1000), expected);
  }));

test('the unacked message of a lost connection is redelivered', () =>
  withBroker(async ({ channel, connect, queue }) => {
    const name = queue('fragile');
    const careful = await channel();
    await careful.assertQueue(name);
    careful.sendToQueue(name, Buffer.from('handle with care'));
    const clumsy = await connect();
    const [first] = await (await inbox(await channel(clumsy), name)).take();
    assert.equal(first.fields.redelivered, false);
    // No goodbye: the socket just goes, as when the process dies.
    clumsy.connection.stream.destroy(new Error('the worker died'));
    const [second] = await (await inbox(careful, name)).take();
    assert.equal(text(second), 'handle with care');
    assert.equal(second.fields.redelivered, true);
    careful.ack(second);
  }));

test('rpc answers meet their questions', () =>
  withBroker(async ({ channel, queue }) => {
    const questions = queue('questions');
    const server = await channel();
    await server.assertQueue(questions, { durable: false });
    await server.consume(questions, (question) => {
      const { replyTo, correlationId } = question.properties;
      const square = Number(text(question)) ** 2;
      server.sendToQueue(replyTo, Buffer.from(String(square)), { correlationId });
      server.ack(question);
    });
    const client = await channel();
    const { queue: replyTo } = await client.assertQueue('', { exclusive: true });
    const answers = await inbox(client, replyTo, { noAck: true });
    for (let number = 0; number < 10; number += 1) {
      const correlationId = `question-${number}`;
      client.sendToQueue(questions, Buffer.from(String(number)), { replyTo, correlationId });
    }
    const found = new Map();
    for (const answer of await answers.take(10)) {
      found.set(answer.properties.correlationId, text(answer));
    }
    for (let number = 0; number < 10; number += 1) {
      assert.equal(found.get(`question-${number}`), String(number ** 2));
    }
  }));

test('publishes are confirmed or returned', () =>
  withBroker(async ({ confirmChannel, queue }) => {
    const sender = await confirmChannel();
    const there = queue();
    await sender.assertQueue(there);
    const publish = (key, body, options) =>
      new Promise((resolve) => {
        sender.sendToQueue(key, Buffer.from(body), options, resolve);
      });
    assert.equal(await publish(there, 'arrives'), null);
    const returned = [];
    sender.once('return', (message) => returned.push(message));
    const error = await publish(queue('missing'), 'back', { mandatory: true });
    // The message is back before its confirm, so nothing is left to wait for.
    const [message] = returned;
    assert.equal(error, null);
    assert.equal(message.fields.replyCode, 312);
    assert.equal(message.fields.replyText, 'NO_ROUTE');
    assert.equal(text(message), 'back');
  }));
