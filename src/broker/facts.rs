//! A message as the routing table asks for it: raw properties are read when an exchange wants to know.

use super::HeaderParser;
use super::broker::Common;
use super::windows::{Looked, Windows};
use crate::base::{FieldTable, Message};
use crate::routing::{Exchange, Facts, HashProperty, delay_ms};

/// One message and where its numbers come from.
pub(super) struct MessageFacts<'a> {
    pub(super) common: &'a Common,
    pub(super) message: &'a Message,
    pub(super) numbers: &'a mut Numbers,
    /// Where duplicates are looked for, when the message is somebody's publish.
    pub(super) windows: Option<(&'a Windows, &'a mut Looked)>,
}

impl Facts for MessageFacts<'_> {
    fn headers(&mut self) -> FieldTable {
        (self.common.parse_headers)(self.message.properties())
    }

    fn property(&mut self, property: HashProperty) -> Option<Vec<u8>> {
        (self.common.hash_property)(self.message.properties(), property)
    }

    fn number(&mut self) -> u64 {
        self.numbers.next()
    }

    fn is_duplicate(&mut self, exchange: &Exchange) -> bool {
        if !self.message.header().has_headers {
            return false;
        }
        let headers = self.headers();
        let Some((windows, looked)) = &mut self.windows else { return false };
        windows.look(exchange, &headers, looked)
    }

    fn delay_ms(&mut self) -> Option<u32> {
        delay_of(self.common.parse_headers, self.message)
    }
}

/// How long an exchange that delays holds a message back, in ms.
pub(super) fn delay_of(parse: HeaderParser, message: &Message) -> Option<u32> {
    if !message.header().has_headers {
        return None;
    }
    delay_ms(&parse(message.properties()))
}

/// Numbers for exchanges that pick at random. They spread load and guard no secret: a seed of the system
/// once, a mixed counter from then on.
#[derive(Default)]
pub(super) struct Numbers(Option<u64>);

impl Numbers {
    fn next(&mut self) -> u64 {
        // A system without random numbers gives the same picks in each connection, which is no harm.
        let state = self.0.unwrap_or_else(|| getrandom::u64().unwrap_or_default());
        let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0 = Some(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_spread_over_all_bits() {
        let mut numbers = Numbers::default();
        let mut ones = [0_u32; 64];
        for _ in 0..4096 {
            let number = numbers.next();
            ones.iter_mut().enumerate().for_each(|(bit, ones)| {
                *ones += u32::from(number >> bit & 1 == 1);
            });
        }
        // 2048 on average; 320 is ten times the standard deviation.
        assert!(ones.iter().all(|ones| ones.abs_diff(2048) < 320), "{ones:?}");
    }
}
