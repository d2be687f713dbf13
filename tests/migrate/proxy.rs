//! Stands between the program and a broker, and does something when a certain method passes by.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::Id;

/// What is done before the frame is passed on; false cuts the connection instead.
type Act = dyn Fn() -> bool + Send + Sync;

struct Rule {
    method: Id,
    /// Which one of them, from 1.
    nth: usize,
    seen: AtomicUsize,
    act: Box<Act>,
}

/// A proxy; its threads end with the connections.
pub(super) struct Proxy {
    pub(super) port: u16,
}

impl Proxy {
    /// Cuts both sides when the `nth` such method comes, which is not passed on.
    pub(super) fn cutting(broker_port: u16, method: Id, nth: usize) -> Self {
        Self::acting(broker_port, method, nth, || false)
    }

    pub(super) fn acting(
        broker_port: u16,
        method: Id,
        nth: usize,
        act: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let rule = Arc::new(Rule { method, nth, seen: AtomicUsize::new(0), act: Box::new(act) });
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(broker) = TcpStream::connect(("127.0.0.1", broker_port)) else { return };
                let hands =
                    (client.try_clone().expect("a hand"), broker.try_clone().expect("a hand"));
                let (there, back) = (Arc::clone(&rule), Arc::clone(&rule));
                // The protocol header of the client is no frame.
                thread::spawn(move || relay(client, broker, 8, &there));
                thread::spawn(move || relay(hands.1, hands.0, 0, &back));
            }
        });
        Self { port }
    }
}

/// Passes frames on until one side ends, or the rule says so.
fn relay(mut from: TcpStream, mut to: TcpStream, before: usize, rule: &Rule) {
    let mut header = vec![0; before];
    let begun = from.read_exact(&mut header).and_then(|()| to.write_all(&header));
    while begun.is_ok() {
        let mut frame = vec![0; 7];
        if from.read_exact(&mut frame).is_err() {
            break;
        }
        let length = u32::from_be_bytes([frame[3], frame[4], frame[5], frame[6]]) as usize;
        frame.resize(7 + length + 1, 0);
        if from.read_exact(&mut frame[7..]).is_err() || !rule.lets_pass(&frame) {
            break;
        }
        if to.write_all(&frame).is_err() {
            break;
        }
    }
    // Whoever is gone already cannot be told.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Rule {
    fn lets_pass(&self, frame: &[u8]) -> bool {
        let [1, _, _, _, _, _, _, c0, c1, m0, m1, ..] = *frame else { return true };
        let method = Id(u16::from_be_bytes([c0, c1]), u16::from_be_bytes([m0, m1]));
        if method != self.method || self.seen.fetch_add(1, Ordering::Relaxed) + 1 != self.nth {
            return true;
        }
        (self.act)()
    }
}
