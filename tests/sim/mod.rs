//! The world on one thread, from one seed: clients that publish and consume, real sessions, the real broker, and the
//! real message log on a disk in memory that loses what was not synced.
//!
//! A scheduler throws dice for what happens next: some bytes of a client arrive, a session takes its turn, a queue goes
//! on, the log writes, a deadline passes, a sync fails, a connection breaks, the machine loses its power in the middle of
//! a write. The [`oracle`] knows of each message what may become of it, and checks the promises of the broker with
//! everything a client sees. Between the storms the world is quiet, and everything must drain.
//!
//! The same seed does the same: `make sim SEED=… STEPS=…` replays one and prints what happens.

mod asking;
mod client;
mod frames;
mod hearing;
mod oracle;
mod pipe;
mod plants;
mod queues;
mod quiet;
mod random;
mod run;
mod scheduler;
mod seeds;
mod storm;
mod trace;
mod watched_log;
mod world;
