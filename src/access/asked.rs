//! What a judge said of one user on one connection.
//!
//! Whoever checks a permission looks here and goes on at once. An answer that is not here is *open*: the check is refused
//! for now, and whoever asked for the operation finds out ([`Asked::has_open`]), waits for [`Asked::settle`] and tries the
//! operation again. A caller that forgets that refuses; nothing is ever allowed without an answer (A3).
//!
//! What was found out is kept until the operation is done, so that one with several questions comes to an end; then as long
//! as the answer says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::limits::ASKED_ANSWERS_MAX;
use crate::base::{Clock, Millis};

use super::backend::{Judge, Question, Suspect};

/// See the module.
pub struct Asked {
    judge: Arc<dyn Judge>,
    suspect: Suspect,
    clock: Arc<dyn Clock>,
    answers: Mutex<Answers>,
}

#[derive(Default)]
struct Answers {
    known: BTreeMap<Question, Kept>,
    open: BTreeSet<Question>,
}

struct Kept {
    is_allowed: bool,
    until: Millis,
    /// Of the operation that is under way.
    is_pinned: bool,
}

impl Asked {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(judge: Arc<dyn Judge>, suspect: Suspect, clock: Arc<dyn Clock>) -> Self {
        Self { judge, suspect, clock, answers: Mutex::default() }
    }

    /// The answer; `None` when it is not known: then the question is open.
    #[must_use]
    pub fn look(&self, question: Question) -> Option<bool> {
        let now = self.clock.now();
        let mut answers = self.lock();
        match answers.known.get(&question) {
            Some(kept) if kept.is_pinned || now < kept.until => Some(kept.is_allowed),
            _ => {
                answers.open.insert(question);
                None
            }
        }
    }

    /// Whether an operation was refused for want of an answer.
    #[must_use]
    pub fn has_open(&self) -> bool {
        !self.lock().open.is_empty()
    }

    /// Asks what is open.
    pub async fn settle(&self) {
        let open = std::mem::take(&mut self.lock().open);
        for question in open {
            let verdict = self.judge.judge(&self.suspect, &question).await;
            let until = self.clock.now().after(verdict.good_for_ms);
            let kept = Kept { is_allowed: verdict.is_allowed, until, is_pinned: true };
            self.lock().known.insert(question, kept);
        }
    }

    /// Asks these as well, whatever is known of them.
    pub async fn ask(&self, questions: impl IntoIterator<Item = Question>) {
        self.lock().open.extend(questions);
        self.settle().await;
    }

    /// An operation is done, or refused: what was found out for it holds no longer than its answers say.
    pub fn done(&self) {
        let now = self.clock.now();
        let mut answers = self.lock();
        answers.open.clear();
        answers.known.retain(|_, kept| {
            kept.is_pinned = false;
            now < kept.until
        });
        while answers.known.len() > ASKED_ANSWERS_MAX {
            let oldest = answers.known.iter().min_by_key(|(_, kept)| kept.until);
            let Some(oldest) = oldest.map(|(question, _)| question.clone()) else { return };
            answers.known.remove(&oldest);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Answers> {
        // Each holder leaves whole maps behind.
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
