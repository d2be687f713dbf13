//! The list of all targets.

use super::super::harness::Target;
use super::{
    config, connection, content_header, definitions, field_table, frame_stream, handshake, http,
    record_log, topic,
};

/// Tags, lengths and names of field tables.
const TABLE_WORDS: &[&[u8]] = &[
    b"\x01k",
    b"t\x01",
    b"S\0\0\0\x02ab",
    b"A\0\0\0\x01V",
    b"F\0\0\0\0",
    b"F\0\0\0\x03\x01kV",
    b"I\0\0\0\x01",
    b"l\0\0\0\0\0\0\0\x01",
    b"L\xff\xff\xff\xff\xff\xff\xff\xff",
    b"D\x02\0\0\x01\x3a",
    b"T\0\0\0\0\0\0\0\x05",
    b"x\0\0\0\x01\xff",
    b"f\x7f\xc0\0\0",
    b"d\x3f\xf8\0\0\0\0\0\0",
    b"V",
    b"b\xff",
    b"B\xff",
    b"s\xff\xfe",
    b"u\x12\x34",
    b"i\0\0\0\x01",
];

/// Heads of frames and methods.
const FRAME_WORDS: &[&[u8]] = &[
    b"AMQP\0\0\x09\x01",
    b"\x01\0\0\0\0\0\x04",
    b"\x01\0\x01\0\0\0\x05\0\x14\0\x0a\0\xce",
    b"\x08\0\0\0\0\0\0\xce",
    b"\xce",
    b"\0\x0a\0\x0b",
    b"\0\x0a\0\x1f",
    b"\0\x0a\0\x28",
    b"\0\x3c\0\x28",
    b"\0\x3c\0\x50",
    b"\0\x32\0\x0a",
    b"\0\x28\0\x0a",
    b"\x05PLAIN",
    b"\x08AMQPLAIN",
    b"\0guest\0guest",
    b"\x05en_US",
    b"\x02\0\x01\0\0\0\x0e\0\x3c\0\0\0\0\0\0\0\0\0\x05\0\0\xce",
    b"\x03\0\x01\0\0\0\x05hello\xce",
];

/// Keys and signs of a configuration file.
const CONFIG_WORDS: &[&[u8]] = &[
    b"listeners.tcp.default",
    b"vm_memory_high_watermark.relative",
    b"vm_memory_high_watermark.absolute",
    b"disk_free_limit.absolute",
    b"default_user",
    b"default_pass",
    b"heartbeat",
    b"frame_max",
    b"log.console.level",
    b"ssl_options.versions.1",
    b"management.tcp.port",
    b"auth_backends.1",
    b"channel_max",
    b"include ",
    b" = ",
    b"'",
    b"#",
    b"\n",
    b"\\.",
    b"GB",
    b"true",
    b"infinity",
    b"0.4",
    b"-1",
];

/// Keys and signs of a document of definitions.
const JSON_WORDS: &[&[u8]] = &[
    b"\"vhosts\":[",
    b"\"queues\":[",
    b"\"exchanges\":[",
    b"\"bindings\":[",
    b"\"users\":[",
    b"\"permissions\":[",
    b"\"policies\":[",
    b"\"parameters\":[",
    b"\"topic_permissions\":[",
    b"\"global_parameters\":[",
    b"{\"name\":\"q\",\"vhost\":\"/\",\"durable\":true,\"auto_delete\":false,\"arguments\":{}}",
    b"{\"name\":\"e\",\"vhost\":\"/\",\"type\":\"topic\"}",
    b"\"arguments\":{\"x-max-length\":1}",
    b"\"x-queue-type\":\"quorum\"",
    b"\"name\":",
    b"\"vhost\":\"/\"",
    b"null",
    b"true",
    b"1e999",
    b"18446744073709551616",
    b"\\ud800",
    b"},",
    b"]",
    b"{",
];

/// Every target.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "frame_stream",
        run: frame_stream::run,
        words: FRAME_WORDS,
        bytes_max: 16 * 1024,
    },
    Target { name: "handshake", run: handshake::run, words: FRAME_WORDS, bytes_max: 20 * 1024 },
    Target {
        name: "content_header",
        run: content_header::run,
        words: TABLE_WORDS,
        bytes_max: 2048,
    },
    Target { name: "field_table", run: field_table::run, words: TABLE_WORDS, bytes_max: 2048 },
    Target { name: "connection", run: connection::run, words: &[], bytes_max: 2048 },
    Target { name: "record_log", run: record_log::run, words: &[], bytes_max: 64 },
    Target { name: "config", run: config::run, words: CONFIG_WORDS, bytes_max: 2048 },
    Target { name: "definitions", run: definitions::run, words: JSON_WORDS, bytes_max: 4096 },
    Target { name: "topic", run: topic::run, words: &[], bytes_max: 1024 },
    Target { name: "http", run: http::run, words: &[], bytes_max: 256 },
];
