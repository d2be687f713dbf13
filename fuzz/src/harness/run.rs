//! From a pool of inputs to the next one, and from an input to a failure.

use std::panic::{self, AssertUnwindSafe};

use super::mutate::mutate;
use super::{Dice, Target};

/// Inputs that are worth changing: seeds, and what reached new code.
#[derive(Default)]
pub(crate) struct Pool(Vec<Vec<u8>>);

impl Pool {
    /// One more.
    pub(crate) fn add(&mut self, input: Vec<u8>) {
        self.0.push(input);
    }

    pub(crate) fn inputs(&self) -> &[Vec<u8>] {
        &self.0
    }

    /// Late ones are rarer, and hence drawn more often.
    fn draw(&self, dice: &mut Dice) -> &[u8] {
        if self.0.is_empty() {
            return &[];
        }
        let recent = dice.below(3) == 0;
        let skipped = if recent { self.0.len().saturating_sub(32) } else { 0 };
        &self.0[skipped + dice.below(self.0.len() - skipped)]
    }
}

/// What a target said of an input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    /// The message of the panic.
    pub(crate) message: String,
}

/// The next input: one of the pool with a few changes, and rarely a new one.
pub(crate) fn next_input(target: &Target, pool: &Pool, dice: &mut Dice) -> Vec<u8> {
    if dice.below(32) == 0 {
        let len = dice.below(target.bytes_max.min(512));
        return dice.bytes(len);
    }
    let mut input = pool.draw(dice).to_vec();
    mutate(&mut input, pool.draw(dice), target, dice);
    input
}

/// Runs an input; the failure when the target panics.
pub(crate) fn fails(target: &Target, input: &[u8]) -> Option<Failure> {
    let ran = panic::catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    ran.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Failure { message: text.unwrap_or_else(|| "a panic without a text".to_owned()) }
    })
}
