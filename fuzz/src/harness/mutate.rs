//! Small changes of an input.

use super::{Dice, Target};

/// Numbers at which lengths and counters break.
const NUMBERS: [u64; 14] = [
    0,
    1,
    7,
    8,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    u64::MAX,
];

/// Changes `input` in one to eight places; `other` is a second input to take pieces of.
pub(super) fn mutate(input: &mut Vec<u8>, other: &[u8], target: &Target, dice: &mut Dice) {
    for _ in 0..=dice.below(4) * dice.below(3) {
        step(input, other, target, dice);
    }
    input.truncate(target.bytes_max);
}

fn step(input: &mut Vec<u8>, other: &[u8], target: &Target, dice: &mut Dice) {
    let at = dice.below(input.len() + 1);
    let len = match dice.below(4) {
        0 => dice.below(input.len() + 1),
        _ => 1 + dice.below(8),
    };
    let end = (at + len).min(input.len());
    match dice.below(11) {
        0 => with_byte(input, at, |byte, dice| byte ^ (1 << dice.below(8)), dice),
        1 => with_byte(input, at, |_, dice| dice.next().to_le_bytes()[0], dice),
        2 => with_byte(input, at, |byte, _| byte.wrapping_add(1), dice),
        3 => with_byte(input, at, |byte, _| byte.wrapping_sub(1), dice),
        4 => drop(input.drain(at..end)),
        5 => {
            let bytes = dice.bytes(len.min(32));
            insert(input, at, &bytes);
        }
        6 => {
            let piece = input[at..end].to_vec();
            let to = dice.below(input.len() + 1);
            insert(input, to, &piece);
        }
        7 => {
            let from = dice.below(other.len() + 1);
            let piece = &other[from..(from + len).min(other.len())];
            insert(input, at, piece);
        }
        8 => {
            // The head of one and the tail of the other.
            let from = dice.below(other.len() + 1);
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        9 => number(input, at, dice),
        _ => word(input, at, target, dice),
    }
}

fn with_byte(
    input: &mut [u8],
    at: usize,
    change: impl FnOnce(u8, &mut Dice) -> u8,
    dice: &mut Dice,
) {
    if let Some(byte) = input.get_mut(at) {
        *byte = change(*byte, dice);
    }
}

/// A word of the target, in the place of what is there or before it.
fn word(input: &mut Vec<u8>, at: usize, target: &Target, dice: &mut Dice) {
    let Some(word) = target.words.get(dice.below(target.words.len())) else { return };
    if dice.below(2) == 0 && at + word.len() <= input.len() {
        input[at..at + word.len()].copy_from_slice(word);
    } else {
        insert(input, at, word);
    }
}

/// A number in the place of what is there: one, two, four or eight bytes, of either end.
fn number(input: &mut [u8], at: usize, dice: &mut Dice) {
    let number = match dice.below(4) {
        // The length of what follows, or of nearly that.
        0 => (input.len() - at).wrapping_sub(dice.below(10)) as u64,
        _ => NUMBERS[dice.below(NUMBERS.len())],
    };
    let width = 1 << dice.below(4);
    let (big, little) = (number.to_be_bytes(), number.to_le_bytes());
    let bytes = if dice.below(2) == 0 { &big[8 - width..] } else { &little[..width] };
    if let Some(place) = input.get_mut(at..at + width) {
        place.copy_from_slice(bytes);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    input.splice(at..at, piece.iter().copied());
}
