//! Every bound of the broker, with its reason. A number that limits a peer stands here or nowhere.

/// The largest frame before `tune-ok`. A login needs a few hundred bytes; 8 KiB leaves room for long
/// client properties and keeps a stranger from sending deep tables or filling memory.
pub const FRAME_BYTES_MAX_BEFORE_TUNE: u32 = 8 * 1024;

/// The frame-max the server proposes (RabbitMQ's default).
pub const FRAME_MAX_DEFAULT: u32 = 131_072;

/// The smallest frame-max a client may ask for (spec: `frame-min-size`; RabbitMQ before 4.1).
pub const FRAME_MAX_MIN: u32 = 4096;

/// Octets of a frame that are not payload: type, channel, size, end octet.
pub const FRAME_OVERHEAD_BYTES: u32 = 8;

/// The channel-max the server proposes (RabbitMQ's default).
pub const CHANNEL_MAX_DEFAULT: u16 = 2047;

/// The heartbeat the server proposes, in seconds (RabbitMQ's default).
pub const HEARTBEAT_S_DEFAULT: u16 = 60;

/// How long a peer may take from connect to `connection.open`, in ms (RabbitMQ's `handshake_timeout`).
pub const HANDSHAKE_TIMEOUT_MS: u64 = 10_000;

/// How long a refused login stays open without an answer, in ms: it slows password guessing
/// (RabbitMQ waits 3 s before it drops the socket).
pub const REFUSED_LOGIN_PAUSE_MS: u64 = 3_000;

/// How long the server waits for `connection.close-ok`, in ms, before it drops the socket.
pub const CLOSE_TIMEOUT_MS: u64 = 30_000;

/// How deep tables and arrays may nest. No client needs ten; a recursive reader needs stack per level.
pub const TABLE_DEPTH_MAX: usize = 64;

/// The largest message by default, in bytes. RabbitMQ: 16 MiB since 4.0, 128 MiB before; the lenient
/// value is taken.
pub const MESSAGE_BYTES_MAX_DEFAULT: u64 = 128 * 1024 * 1024;

/// The largest message that may be configured, in bytes (RabbitMQ's hard top).
pub const MESSAGE_BYTES_MAX_HARD: u64 = 512 * 1024 * 1024;

/// Contents up to this many bytes are copied out of the read buffer, because a slice would keep
/// [`READ_BUFFER_BYTES`] alive for as long as the message waits.
pub const MESSAGE_COPY_BYTES_MAX: usize = READ_BUFFER_BYTES / 4;

/// Bytes asked from a socket in one read. The unit of work is one read; 64 KiB is where the cost of a
/// system call disappears behind the cost of the bytes.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The longest reply text; it is a short string.
pub const REPLY_TEXT_BYTES_MAX: usize = 255;

/// Unwritten bytes of one connection above which its consumers get no more deliveries.
pub const OUTPUT_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// Unwritten bytes of one connection below which its consumers get deliveries again.
pub const OUTPUT_LOW_WATER_BYTES: usize = 256 * 1024;

/// Deliveries in bytes that wait in one connection's inbox above which its consumers are held.
pub const INBOX_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// Messages that a queue hands out in one turn before others get theirs.
pub const DELIVER_BURST_MESSAGES: usize = 256;

/// Bytes that a queue hands out in one turn before others get theirs.
pub const DELIVER_BURST_BYTES: u64 = 1024 * 1024;

/// Unsettled deliveries of one consumer whose prefetch is 0 ("no limit"). One entry costs about
/// 100 bytes here and in the ledger; a consumer that never settles stops here instead of eating RAM.
pub const UNSETTLED_PER_CONSUMER_MAX: u32 = 4 * 1024 * 1024;

/// Consumers of one channel.
pub const CONSUMERS_PER_CHANNEL_MAX: usize = 65_535;

/// Bytes of publishes that a transaction may hold before its commit: they are in no queue, so no
/// other bound counts them.
pub const TX_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Settlements and publishes that a transaction may hold before its commit.
pub const TX_ENTRIES_MAX: usize = 4 * 1024 * 1024;

/// Exchanges that one publish may pass through by bindings between exchanges; a set of visited ones
/// ends circles, this ends chains.
pub const ROUTE_EXCHANGES_MAX: usize = 65_536;

/// Bursts of one queue that one drive may hand out before a task of its own goes on: it bounds how
/// long one connection works for others.
pub const DRIVE_BURSTS_MAX: usize = 8;

/// Unwritten bytes of one connection above which nothing more is read from it: answers to a peer that
/// asks and does not listen.
pub const OUTPUT_STOP_READING_BYTES: usize = 4 * 1024 * 1024;

/// Events of one connection that wait while its output is full, above which nothing more is read from
/// it: confirms for a publisher that does not listen.
pub const INBOX_EVENTS_MAX: usize = 65_536;

/// Exclusive queues and consumers need room here as elsewhere; connections of the whole process.
pub const CONNECTIONS_MAX: usize = 65_536;

/// How long a stop waits for clients to answer `connection.close`, in ms, before it drops them.
pub const SHUTDOWN_TIMEOUT_MS: u64 = 5_000;

/// Batches in a queue's inbox above which a connection that brings another waits for the queue. A
/// batch is what one socket read brought.
pub const CELL_INBOX_BATCHES_MAX: usize = 256;

/// The largest record of a definition on disk, in bytes of JSON. The database puts values from 128 KiB on
/// into files of their own, which nothing here checks; a frame of arguments is smaller.
pub const RECORD_BYTES_MAX: usize = 96 * 1024;

/// Changes of definitions in bytes that wait for the disk, above which more are refused: callers are
/// never blocked, so a disk that hangs must cost no more than this.
pub const METADATA_WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Messages that wait in a queue from which on every message goes to the log, transient ones too, so
/// that it can leave RAM. Less than the window of messages that stay at the head of the queue.
pub const SPILL_MESSAGES_MIN: u64 = 8 * 1024;

/// Body bytes of one queue in RAM above which bodies that are on disk are let go.
pub const QUEUE_BODY_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Body bytes that are read along when a part of a long queue comes back from disk; larger ones are
/// read one by one when they are handed out.
pub const PAGE_IN_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Messages of a long queue that stay in RAM at each end: one costs about 60 bytes without its body.
pub const PAGING_WINDOW_MESSAGES: u32 = 16 * 1024;

/// How long a publisher is not read, in ms, before it looks again whether the message log keeps up.
pub const LOG_PRESSURE_PAUSE_MS: u64 = 5;

/// Bytes of messages that wait for the log's next write, above which publishers are not read. A small
/// message costs several times its bytes while it waits.
pub const LOG_WAITING_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How often a message may come back to a quorum queue that says nothing about it (RabbitMQ's default
/// since 4.0): a message that ends its consumers must not do it for ever.
pub const QUORUM_DELIVERY_LIMIT_DEFAULT: u32 = 20;

/// Bytes of messages that one recent history exchange remembers: it is told a number of messages, which
/// says nothing about their size.
pub const HISTORY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The longest key of a message that is remembered to find duplicates, in bytes: as long as a short string,
/// which every sender of ids uses. A longer one would make the window as large as its sender likes.
pub const DEDUPLICATION_KEY_BYTES_MAX: usize = 255;
