//! The machine as a client sees it: bytes in, bytes and actions out, under a virtual clock.

mod channels;
mod closing;
mod confirms;
mod consumers;
mod content;
mod cuts;
mod deliveries;
mod direct_reply;
mod frames;
mod handshake;
mod heartbeats;
mod methods;
mod pair;
mod samples;
mod transitions;
mod tx;
