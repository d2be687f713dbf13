//! Every bound of the broker, with its reason. A number that limits a peer stands here or nowhere.

mod spans;
mod testing;
mod topology;

pub use spans::*;
pub use testing::*;
pub use topology::*;

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
/// [`READ_BUFFER_BYTES`] alive for as long as the message waits. Larger frames get buffers of their
/// own ([`READ_PROBE_BYTES`]), so a message that waits costs no more than its bytes.
pub const MESSAGE_COPY_BYTES_MAX: usize = READ_BUFFER_BYTES / 2;

/// Bytes of small body frames that are copied together into one piece, and less than one frame more.
pub const BODY_PIECE_BYTES: usize = 256 * 1024;

/// Contents up to this many bytes are one allocation with the message itself. What is larger has its
/// body apart, so that it can be written to sockets and disk from where it stands.
pub const MESSAGE_PACKED_BYTES_MAX: usize = 4 * 1024;

/// Bytes asked from a socket in one read. The unit of work is one read; 64 KiB is where the cost of a
/// system call disappears behind the cost of the bytes.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Bytes asked from a socket behind a frame that filled a buffer of its own. Another such frame is
/// likely, and what was read of it has to be moved once its size is known: this much at most, where a
/// full read would move half of it.
pub const READ_PROBE_BYTES: usize = 4 * 1024;

/// The largest buffer that a frame gets as soon as its header is there. A peer may announce what it
/// never sends; beyond this the buffer grows with what has come.
pub const READ_AHEAD_BYTES_MAX: usize = FRAME_MAX_DEFAULT as usize + 1024;

/// Read buffers that one thread keeps for connections that have something to read. A session needs one
/// only within its turn, so more than one is used when frames come in parts.
pub const SPARE_READ_BUFFERS_MAX: usize = 4;

/// Bytes that one connection reads and writes before every other connection that is ready gets its
/// turn. Without it a connection whose socket always has more kept a thread for as long as the runtime
/// lets it: 128 reads.
pub const TURN_BYTES_MAX: usize = READ_BUFFER_BYTES;

/// Events of its inbox that one connection works off in one turn. A consumer's inbox holds up to
/// [`INBOX_HIGH_WATER_BYTES`], which is tens of thousands of small messages.
pub const TURN_EVENTS_MAX: usize = 256;

/// Channels that one connection opens in one turn. Each costs some microseconds and 1.3 KiB of new memory, and one read
/// brings the opening of 2,047.
pub const TURN_CHANNELS_MAX: usize = 32;

/// Turns of one connection without a look at its socket, at most, before every other connection that
/// is ready gets its turn.
pub const TURNS_IN_A_ROW_MAX: usize = 8;

/// The longest reply text; it is a short string.
pub const REPLY_TEXT_BYTES_MAX: usize = 255;

/// Unwritten bytes of one connection above which its consumers get no more deliveries.
pub const OUTPUT_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// Unwritten bytes of one connection below which its consumers get deliveries again.
pub const OUTPUT_LOW_WATER_BYTES: usize = 256 * 1024;

/// Deliveries in bytes that wait in one connection's inbox above which its consumers are held.
pub const INBOX_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// Direct replies in bytes of RAM that wait in one connection's inbox, above which more of them are dropped.
/// There is no queue in which they could wait instead, and their publishers cannot wait either: a responder
/// serves many, and one requester that does not read must not stop it. A requester asked for each of them,
/// and this is some hundred thousand small ones; RabbitMQ keeps as many as its memory holds.
pub const DIRECT_REPLY_WAITING_BYTES_MAX: u64 = 16 * 1024 * 1024;

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

/// Messages that others put into a queue which count as one burst of the one who drives it: half of what a read brings of the
/// smallest. With twice as many a drive beside a storm took up to eight milliseconds, with half as many publishers lost a tenth.
pub const ARRIVALS_PER_BURST: usize = 512;

/// Messages that a queue gives up or makes ready of its own accord in one step (expired, dropped for
/// length, due). A million messages that expire at once are a thousand steps, and other queues get their
/// turn between them.
pub const QUEUE_STEP_MESSAGES_MAX: usize = 1024;

/// Unwritten bytes of one connection above which nothing more is read from it: answers to a peer that
/// asks and does not listen.
pub const OUTPUT_STOP_READING_BYTES: usize = 4 * 1024 * 1024;

/// Events of one connection that wait while its output is full, above which nothing more is read from
/// it: confirms for a publisher that does not listen.
pub const INBOX_EVENTS_MAX: usize = 65_536;

/// Exclusive queues and consumers need room here as elsewhere; connections of the whole process.
pub const CONNECTIONS_MAX: usize = 65_536;

/// File descriptors that there is room for from the start: the table of them costs 8 bytes for each in the
/// system's memory, and to make it longer later holds up whoever takes a connection.
pub const DESCRIPTORS_READY: u64 = 65_536;

/// How long a stop waits for clients to answer `connection.close`, in ms, before it drops them.
pub const SHUTDOWN_TIMEOUT_MS: u64 = 5_000;

/// How long a stop waits after the last client left or the last byte moved, in ms: who has read nothing and
/// said nothing for a second does not read `connection.close` either, and a service manager that restarts
/// the broker waits for all of this.
pub const SHUTDOWN_PATIENCE_MS: u64 = 1_000;

/// How often a stop looks whether bytes move, in ms: a part of the patience.
pub const SHUTDOWN_LOOK_MS: u64 = 100;

/// Batches in a queue's inbox above which a connection that brings another waits for the queue. A
/// batch is what one socket read brought.
pub const CELL_INBOX_BATCHES_MAX: usize = 256;

/// Bytes of messages in a queue's inbox above which it is the same: some reads of large messages.
pub const CELL_INBOX_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// Messages in a queue's inbox above which it is the same. They are worked off in one turn, at a microsecond each and several
/// while processors are scarce, and who waits for that turn keeps a thread of the runtime from everybody else. By their bytes
/// alone these were up to 200,000 small ones.
pub const CELL_INBOX_MESSAGES_MAX: usize = 4 * ARRIVALS_PER_BURST;

/// Messages of which a queue hears in one turn that the log has written them, beside as many as the turn brings: what one read
/// brings of the smallest.
pub const TURN_TICKETS_MIN: usize = 1024;

/// Content bytes from which a message that a queue does not need any more is let go on a thread that may take its time.
pub const UNNEEDED_BYTES_MIN: u64 = 4 * 1024 * 1024;

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

/// Body bytes of one part of a long queue that comes back from disk: the next part comes when half of
/// what is there is used up, so about one and a half times this is in RAM.
pub const PAGE_IN_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The largest body that comes back with its part of the queue. A larger one is read when it is handed
/// out: one more read is nothing beside its bytes, and it is in RAM for no longer than it is sent.
pub const PAGE_IN_BODY_BYTES_MAX: u64 = 256 * 1024;

/// How long a part of a queue that could not be read back waits before the first new try, in ms: what
/// passes at all (an interrupted call, a moment without file handles) has mostly passed by then.
pub const PAGE_IN_PAUSE_MIN_MS: u64 = 50;

/// The longest pause between two tries, in ms, each being twice the one before: a disk that comes back
/// is noticed soon enough for a person, and one that does not costs nothing.
pub const PAGE_IN_PAUSE_MAX_MS: u64 = 10_000;

/// Messages of a long queue that stay in RAM at each end: one costs about 60 bytes without its body.
pub const PAGING_WINDOW_MESSAGES: u32 = 16 * 1024;

/// Dead letters of one `at-least-once` queue on their way, above which it gives no more up of its own accord:
/// as many as one page of the log, so that a group of them shares one sync of the disk.
pub const DEAD_LETTERS_DEPARTING_MAX: u32 = 1024;

/// How long a dead letter that no queue took waits before it is sent again, in ms: what is amiss is a
/// topology, and people mend that.
pub const DEAD_LETTER_PAUSE_MIN_MS: u64 = 500;

/// The longest pause between two tries, in ms, each being twice the one before.
pub const DEAD_LETTER_PAUSE_MAX_MS: u64 = 30_000;

/// How often a message of a quorum queue may return when nobody says otherwise (rabbitmq: 4.0, delivery
/// limit of quorum queues).
pub const QUORUM_DELIVERY_LIMIT_DEFAULT: u32 = 20;

/// The longest time to live of messages and unused queues, in ms: RabbitMQ's ten years. Delays made of queues
/// need more than a timer of 32 bits has: the longest one of Celery and `NServiceBus` lasts 2^27 seconds.
pub const EXPIRY_MS_MAX: u64 = 315_360_000_000;

/// Queues that are driven in one go because their moment has come; then everything else has a turn.
pub const DUE_QUEUES_MAX: usize = 64;

/// Queues, exchanges or bindings that a listing takes out of the routing table under one lock: a copy of
/// so many takes some ten microseconds, and whoever declares something waits for no longer.
pub const LISTING_STEP_MAX: usize = 1024;

/// Bytes of messages that one fetch by the management hands out; what is left stays in the queue. They
/// are in RAM, once more as JSON, until the peer has taken them.
pub const FETCH_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How long a publisher is not read, in ms, before it looks again whether the message log keeps up.
pub const LOG_PRESSURE_PAUSE_MS: u64 = 5;

/// Bytes of messages that wait for the log's next write, above which publishers that fill it are not read. A
/// small message costs several times its bytes while it waits.
pub const LOG_WAITING_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Bytes that may wait for the log in all, not counting what is above [`LOG_CHARGE_BYTES_MAX`] in a message.
/// Above [`LOG_WAITING_BYTES_MAX`] a publisher is read for as long as it brought less, since the log began with
/// what it is writing, than is left of this. So one that fills the log stops where two thirds of this wait, a hundred
/// of them stop with a hundredth of it left, and what is left is for those who bring little.
pub const LOG_ROOM_BYTES: u64 = LOG_WAITING_BYTES_MAX / 2 * 3;

/// Bytes that one call to the disk writes or reads at most. Linux does not take the processor away inside a call: a
/// body of 100 MiB in one would keep everybody who waits for that processor waiting for it.
pub const DISK_CALL_BYTES_MAX: usize = 256 * 1024;

/// What a message takes of [`LOG_ROOM_BYTES`] at most. It is in RAM already when it gets to the log, and its
/// publisher waits; with all its bytes, everybody else would wait for the disk as well.
pub const LOG_CHARGE_BYTES_MAX: u64 = LOG_ROOM_BYTES / 16;

/// Message bytes that must have left RAM before the allocator is told to give its free pages back: less
/// is soon used again, and looking for it takes milliseconds.
pub const TRIM_BYTES_MIN: u64 = 32 * 1024 * 1024;

/// Looks, one each second, from one giving back to the next: a queue that fills and drains all the time
/// is not to pay for fresh pages each time.
pub const TRIM_PAUSE_LOOKS: u32 = 10;

/// Bytes of messages that one recent history exchange remembers: it is told a number of messages, which
/// says nothing about their size.
pub const HISTORY_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// The largest answer of the management API that a command line tool reads, in bytes: far more than the
/// definitions of a million queues, and less than a machine has.
pub const CTL_ANSWER_BYTES_MAX: usize = 1 << 30;

/// Connections of the management API. People, dashboards and probes are tens; each may hold a request.
pub const HTTP_CONNECTIONS_MAX: usize = 1024;

/// Bodies up to this many bytes are read at once; of larger ones [`HTTP_LARGE_BODIES_MAX`] at a time.
pub const HTTP_SMALL_BODY_BYTES: u64 = 64 * 1024;

/// Large bodies that are read and worked off at the same time: they are all of the management API that
/// costs memory, and the others wait.
pub const HTTP_LARGE_BODIES_MAX: usize = 4;

/// Requests to the management API that are worked off at the same time; the others wait. Each is a thread, and what
/// it does is taken from the messages.
pub const HTTP_WORKING_MAX: usize = 4;

/// Scrapes of the metrics that are worked off at the same time; the others wait. Of ten thousand queues one is fifty
/// milliseconds of a processor and twelve megabytes.
pub const SCRAPES_MAX: usize = 1;

/// A page of the metrics is sent in parts of about this many bytes.
pub const SCRAPE_PART_BYTES: usize = 64 * 1024;

/// Parts of a page that wait to be sent; whoever writes the page waits with the next.
pub const SCRAPE_PARTS_MAX: usize = 4;

/// How long a scrape waits for a peer that does not read, in milliseconds: others wait for their turn.
pub const SCRAPE_PART_PATIENCE_MS: u64 = 5_000;

/// What a scrape adds to the niceness of its thread: enough to let messages go first, and little enough to come to
/// its end within seconds on a machine that has no processor to spare.
pub const SCRAPE_NICENESS: i32 = 10;

/// The head of a request to the management API, in bytes. Names of 255 bytes are 765 when they are encoded.
pub const HTTP_HEAD_BYTES_MAX: usize = 64 * 1024;

/// How long a connection of the management API may be silent before a request's head or within its body, in ms.
pub const HTTP_SILENCE_MS: u64 = 60_000;

/// How long a stop waits for requests that are being answered, in ms.
pub const HTTP_DRAIN_MS: u64 = 2_000;

/// Queues (and exchanges, channels, connections) of which two samples are kept for their rates; of more of them those
/// that were looked at lately. A pair is some 300 bytes.
pub const SAMPLED_QUEUES_MAX: usize = 20_000;

/// How long what was looked at is sampled before others, in ms.
pub const SAMPLED_MEMORY_MS: u64 = 60_000;

/// Queues (and exchanges, channels, connections) with rings of samples for charts, those that are looked at before
/// others. Rings of a queue that changes all the time for a day are some 20 KiB, of one that stands still some
/// hundred bytes.
pub const SAMPLED_RINGS_MAX: usize = 1024;

/// Virtual hosts with such rings; one is some 60 KiB at most.
pub const SAMPLED_VHOST_RINGS_MAX: usize = 256;

/// How long the management waits for connections to say how they stand, in ms: a session answers within its
/// turn, and one that does not is shown without it.
pub const DESCRIBE_TIMEOUT_MS: u64 = 2_000;

/// Marks of when messages came that a queue keeps, 16 bytes each, and only while messages stay in it.
pub const ARRIVAL_MARKS_MAX: usize = 64;

/// The least time between two such marks, in ms: the error of an age as long as messages are young. It doubles
/// when marks run out, so that it stays below a sixteenth of the age of the oldest message.
pub const ARRIVAL_MARK_PAUSE_MS: u64 = 1_000;

/// Unsettled messages that one look at a queue goes through, under its lock: some 5 MB of places, so about a
/// millisecond, and as much as ten consumers with the longest prefetch that is in use anywhere.
pub const OUTSTANDING_LOOKED_AT_MAX: usize = 100_000;

/// Waiting messages that are copied out of a queue under its lock at a time: handles, no bodies.
pub const PEEK_STEP_MESSAGES: usize = 256;

/// Waiting messages that one request shows at most, as many as a page of a list.
pub const PEEK_SHOWN_MAX: usize = HTTP_PAGE_ENTRIES_MAX;

/// Waiting messages that one request shows when it does not say how many.
pub const PEEK_SHOWN_DEFAULT: usize = 50;

/// Unsettled messages of each consumer that one request shows at most: the oldest ones.
pub const HELD_SHOWN_MAX: usize = 100;

/// How many of them when it does not say.
pub const HELD_SHOWN_DEFAULT: usize = 10;

/// Connections that are asked which of them has fetched a message.
pub const EXAMINED_CONNECTIONS_MAX: usize = 1_000;

/// Waiting messages that one request looks at for its filter; it says where to go on.
pub const PEEK_LOOKED_AT_MAX: usize = 10_000;

/// Bytes of messages that one such request looks at: they are read from disk, and let go one by one.
pub const PEEK_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Bytes of each body that are shown when nobody says how many, and the most that are: 500 of the largest are
/// what a fetch may hold as well.
pub const PEEK_BODY_BYTES_DEFAULT: usize = 4 * 1024;
/// See [`PEEK_BODY_BYTES_DEFAULT`].
pub const PEEK_BODY_BYTES_MAX: usize = 64 * 1024;

/// Messages that are on their way from one queue to another at a time, when somebody moves them: one sync of
/// the log for all of them.
pub const MOVE_BATCH_MESSAGES: usize = 256;

/// Messages that one request to move them takes out of the queue: it is answered within seconds, and asked
/// again for more.
pub const MOVE_LOOKED_AT_MAX: usize = 20_000;

/// Bytes of messages that are on their way at a time, and that one request holds back because its filter does
/// not take them.
pub const MOVE_BATCH_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Messages that a live tail keeps until the page takes them, four times a second; what comes beyond is counted
/// and dropped. Nobody reads more of them.
pub const TAP_MESSAGES_MAX: usize = 100;

/// Bytes of them; the one that crosses the line is kept. They are shared with the queue while it has them.
pub const TAP_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Live tails of all pages together: each is a connection and looks four times a second.
pub const TAILS_MAX: usize = 32;

/// How often a live tail looks for what came, in ms.
pub const TAIL_PAUSE_MS: u64 = 250;

/// How many such looks without anything a tail waits before it sends a sign of life: 10 s. A page that is gone
/// is noticed by it.
pub const TAIL_SILENT_PAUSES_MAX: u64 = 40;

/// How long a live tail lasts, in ms: a page that is looked at opens it again, and one that was forgotten ends.
pub const TAIL_MS_MAX: u64 = 600_000;

/// The sparsest sample of a live tail: one message in so many.
pub const TAIL_SAMPLE_MAX: u64 = 1_000_000;

/// Exchanges that the explanation of a route tells of; a message that meets more gets an answer that says so.
pub const EXPLAIN_EXCHANGES_MAX: usize = 256;

/// Bindings that the explanation of a route looks at, under the lock of the routing table; the others are
/// counted.
pub const EXPLAIN_BINDINGS_MAX: usize = 2_000;

/// Queues that the explanation of a route lists; the others are counted.
pub const EXPLAIN_QUEUES_MAX: usize = 1_000;

/// Consumers that the explanation of a connection looks at, each in its queue, which is locked for it.
pub const EXPLAIN_CONSUMERS_MAX: usize = 200;

/// Channels that a connection remembers to have been closed for an error, with their reasons.
pub const CHANNEL_FAILURES_KEPT: usize = 8;

/// Names that the preview of a policy lists; the others are counted.
pub const PREVIEW_NAMES_MAX: usize = 500;

/// Entries of one page of a list (RabbitMQ's bound).
pub const HTTP_PAGE_ENTRIES_MAX: usize = 500;

/// Addresses whose failed logins are remembered. Who comes from more than these is a network of machines, which
/// a pause for each of them does not slow down.
pub const LOGIN_PEERS_MAX: usize = 1024;

/// Names for each of those addresses; behind them every name of that address counts as one that failed.
pub const LOGIN_NAMES_MAX: usize = 16;

/// The pause after the first failed login from an address, in ms; it doubles with each further one.
pub const LOGIN_PAUSE_MIN_MS: u64 = 100;

/// The longest such pause: that of a refused login over AMQP.
pub const LOGIN_PAUSE_MAX_MS: u64 = REFUSED_LOGIN_PAUSE_MS;

/// Logins with a form that last at the same time: far more than people. Each takes some 300 bytes.
pub const HTTP_SESSIONS_MAX: usize = 2_000;

/// Those of one user; one more ends the oldest. A script that logs in each time must not push others out.
pub const HTTP_SESSIONS_OF_USER_MAX: usize = 64;

/// How long a failed login is remembered, in ms.
pub const LOGIN_MEMORY_MS: u64 = 60_000;

/// Questions to an authorisation service whose answers a connection keeps. Who uses more names than these is
/// asked for again; the oldest answer goes first.
pub const ASKED_ANSWERS_MAX: usize = 256;

/// How long a connection keeps an answer of an authorisation service that no cache stands before, in ms: the
/// time that RabbitMQ's cache has when nobody says another one.
pub const ASKED_ANSWER_MS: u64 = 15_000;

/// How often a connection whose permissions are asked for elsewhere looks again at those that its publishing
/// route was checked with, in ms.
pub const ASKED_RECHECK_MS: u64 = 1_000;

/// Rounds of questions for one method. A method asks for a handful of things; one that goes on asking is refused.
pub const ASKED_ROUNDS_MAX: usize = 16;

/// Entries of the cache before an authorisation service, logins and permissions each; some 300 bytes per entry.
pub const AUTH_CACHE_ENTRIES_MAX: usize = 10_000;

/// Requests that are under way to one authorisation service; more wait for a turn.
pub const AUTH_REQUESTS_MAX: usize = 64;

/// The longest answer of an authorisation service, of a key server or of a discovery document, in bytes.
pub const AUTH_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The longest token, in bytes. Over AMQP the frames before `tune-ok` bound it already.
pub const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// Scopes of one token: RabbitMQ refuses a token with more.
pub const TOKEN_SCOPES_MAX: usize = 2048;

/// How far the clock of whoever makes tokens may be ahead of ours, in s, when a token says from when on it is good.
pub const TOKEN_SKEW_S: u64 = 60;

/// Keys of a key server; what is behind them is left out.
pub const JWKS_KEYS_MAX: usize = 256;

/// How soon a key server is asked again, in ms: whoever invents key ids makes one request in this time.
pub const JWKS_REFETCH_MIN_MS: u64 = 10_000;

/// After which time the keys of a key server are fetched anew, in ms, so that one that was taken back is forgotten.
pub const JWKS_AGE_MAX_MS: u64 = 3_600_000;

/// The longest key of a message that is remembered to find duplicates, in bytes: a short string, which every
/// sender of ids uses, and one for the type of its value. A longer one would make the window as large as its
/// sender likes.
pub const DEDUPLICATION_KEY_BYTES_MAX: usize = 256;

/// Keys that an exchange or queue remembers when nobody says how many (LavinMQ's default).
pub const DEDUPLICATION_KEYS_DEFAULT: usize = 128;

/// The most keys that an exchange or queue may be asked to remember, and the most that a queue does that
/// looks for duplicates among its messages. A key of 36 bytes costs about 250 in RAM.
pub const DEDUPLICATION_KEYS_MAX: usize = 1024 * 1024;

/// Bytes of all keys that one exchange or queue remembers; the oldest go for new ones. A million keys of
/// usual size fit, and not a million of the longest.
pub const DEDUPLICATION_WINDOW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Messages of one part of the list of what an exchange delays: their routing keys may have to be read from
/// disk, one by one.
pub const DELAYED_PAGE_MAX: usize = 500;

/// The largest document of definitions that is imported, in bytes: some 200,000 queues. It is in memory as a
/// whole, several times its size, because it is carried out as a whole.
pub const DEFINITIONS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// TLS handshakes that run at a time; further ones wait for their turn. One costs about a millisecond of a
/// core, and a peer that says nothing holds its place until the handshake times out: so many silent ones
/// are needed to hold up the others.
pub const TLS_HANDSHAKES_MAX: usize = 1024;

/// How long a TLS handshake may take, in ms (RabbitMQ's `ssl_handshake_timeout`), and how long it may wait
/// for its turn before.
pub const TLS_HANDSHAKE_TIMEOUT_MS: u64 = 5_000;

/// Bytes that one TLS connection holds between the session and its socket: encrypted ones that the socket
/// does not take. With the buffers of reading (two records of 16 KiB) it is what TLS costs a connection.
pub const TLS_BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Intermediate certificates between a client's and the authority by default (Erlang/OTP's `depth`).
pub const TLS_DEPTH_DEFAULT: usize = 10;

/// How long a proxy may take for its header, in ms. It sends it at once (RabbitMQ waits as long).
pub const PROXY_HEADER_TIMEOUT_MS: u64 = 3_000;

/// The longest PROXY protocol header. The addresses take 52 bytes; what proxies add about TLS and their
/// own network fits many times. The format itself would allow 64 KiB before anything is known of the peer.
pub const PROXY_HEADER_BYTES_MAX: usize = 4 * 1024;

/// Bytes of events and of lines of the log that wait to be published; what comes on top is dropped and counted.
/// Whoever causes an event is never made to wait, so a consumer of events that cannot keep up, or a storm of
/// them, must end somewhere: this is some ten thousand events.
pub const NOTICES_WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Events and lines that are published in one go; then everything else has a turn.
pub const NOTICES_AT_ONCE: usize = 256;

/// Keys (virtual hosts, types of queues) for which sums over things that are gone are kept apart; of more of them the
/// sums go on together. It bounds what a program costs that makes virtual hosts and deletes them for ever.
pub const TALLY_KEYS_MAX: usize = 4096;

/// Lines of the log that are kept in memory for those who look at it without a file: a day of a quiet broker, and
/// the last minutes of a troubled one.
pub const LOG_KEPT_LINES_MAX: usize = 4096;

/// Bytes of those lines with what it takes to keep them. It is a tenth of what an idle broker needs, and holds some
/// 4,000 lines of usual length.
pub const LOG_KEPT_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of one kept line; the rest of a longer one is left out, and its size said. Lines are a few hundred bytes;
/// what is longer repeats what somebody sent, and must not push everything else out.
pub const LOG_KEPT_LINE_BYTES_MAX: usize = 8 * 1024;

/// Lines of the log that are answered with when nobody says how many.
pub const LOG_LINES_DEFAULT: usize = 100;

/// How long `haremq migrate` waits for an answer of either broker, in ms: a commit of a full batch on a slow disk
/// takes seconds. A target that holds publishers back is waited for without an end.
pub const MIGRATE_SILENCE_MS: u64 = 60_000;

/// Bytes of messages that `haremq migrate` wants in one batch of a queue: it asks for as many messages as had
/// this many bytes lately, so a batch of messages that suddenly are large is larger.
pub const MIGRATE_BATCH_BYTES: u64 = 8 * 1024 * 1024;
