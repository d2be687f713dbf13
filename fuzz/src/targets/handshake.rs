//! The handshake: any bytes, cut anywhere, give the same outcome, and nobody gets in without a login.

use haremq::base::limits::FRAME_BYTES_MAX_BEFORE_TUNE;
use haremq::protocol::Settings;

use super::super::harness::Script;
use super::memory::allocates_at_most;
use super::peer::{Mood, Peer};

/// The first octets choose the mood of the world and where the stream is cut; the rest is what the client sends.
pub(super) fn run(input: &[u8]) {
    let mut script = Script::new(input);
    let refused = script.below(8) == 7;
    let cuts = [script.word(), script.word()].map(usize::from);
    let stream = script.take(usize::MAX);
    let bytes_max =
        stream.len() as u64 * 256 + 64 * 1024 + 2 * u64::from(FRAME_BYTES_MAX_BEFORE_TUNE);
    let whole = allocates_at_most(bytes_max, || outcome(&[stream], refused));
    let (mut first, mut second) = (cuts[0] % (stream.len() + 1), cuts[1] % (stream.len() + 1));
    if first > second {
        std::mem::swap(&mut first, &mut second);
    }
    let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
    assert_eq!(outcome(&pieces, refused), whole, "the cuts change nothing");
}

/// What was written, what was done, and where it ended.
fn outcome(pieces: &[&[u8]], refused: bool) -> (Vec<u8>, Vec<String>, &'static str) {
    let mut peer = Peer::new(Settings::default());
    if refused {
        peer.mood = Mood::Refusing(haremq::base::ReplyCode::NotAllowed);
    }
    for piece in pieces {
        peer.write(piece);
    }
    let state = peer.machine.state();
    let asked = |what: &str| peer.actions.iter().any(|line| line.contains(what));
    if state == "running" {
        assert!(asked("Authenticate") && asked("OpenVhost") && !refused);
    }
    let (written, actions) = (peer.written.clone(), peer.actions.clone());
    peer.end();
    // Reads are grouped differently, so barriers and the like may be too.
    let actions = actions.into_iter().filter(|line| !line.contains("Barrier")).collect();
    (written, actions, state)
}
