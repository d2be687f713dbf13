//! What a queue does of its own accord, for the naive model.

use std::cmp::Reverse;

use crate::base::{ConsumerId, MessageId};
use crate::queue::{
    Acknowledge, Attempt, DeadLetter, Effect, Overflow, QueueConfig, Reason, WhenDue,
};

use super::model::{Member, Message, Model, Place};

impl Model {
    /// Gives up what expires before this moment, from the head on.
    pub(super) fn expire(&mut self, end: u64, out: &mut Vec<Effect<u64>>) {
        while let Some(at) = self.head()
            && self.messages[at].expires.is_some_and(|moment| moment < end)
            && !self.holds_back()
        {
            self.give_up(Reason::Expired, at, out);
        }
    }

    /// Gives up the head while the queue is too long and nobody can take it.
    pub(super) fn drop_surplus(&mut self, out: &mut Vec<Effect<u64>>) {
        while self.config.overflow == Overflow::DropHead
            && let Some(at) = self.head()
            && (self.counts().ready as u64 > self.config.max_length.unwrap_or(u64::MAX)
                || self.bytes().0 > self.config.max_length_bytes.unwrap_or(u64::MAX))
            && self.line.is_empty()
            && !self.holds_back()
        {
            self.give_up(Reason::MaxLen, at, out);
        }
    }

    /// `staying` counts what is ready and stays, with its bytes; `room` what is taken at once.
    pub(super) fn refuses(&self, (room, staying): &mut (u64, (u64, u64)), bytes: u64) -> bool {
        if self.config.overflow == Overflow::DropHead || *room > 0 {
            *room = room.saturating_sub(1);
            return false;
        }
        let with_it = (staying.0 + 1, staying.1 + bytes);
        let refused = with_it.0 > self.config.max_length.unwrap_or(u64::MAX)
            || with_it.1 > self.config.max_length_bytes.unwrap_or(u64::MAX);
        if !refused {
            *staying = with_it;
        }
        refused
    }

    pub(super) fn credit(&self) -> u64 {
        let of = |member: &Member| match member.consumer.acknowledge {
            Acknowledge::Automatic => u64::MAX,
            Acknowledge::Manual { prefetch, .. } => {
                u64::from(prefetch) - self.open(member.consumer.id) as u64
            }
        };
        let able = self.members.iter().filter(|m| self.line.contains(&m.consumer.id));
        able.fold(0, |sum, member| sum.saturating_add(of(member)))
    }

    pub(super) fn open(&self, id: ConsumerId) -> usize {
        self.all(|m| matches!(m.place, Place::Held { consumer, .. } if consumer == Some(id))).len()
    }

    pub(super) fn head(&self) -> Option<usize> {
        let ready = self.all(|message| message.place == Place::Ready);
        let order = |at: &usize| (Reverse(self.messages[*at].priority), self.messages[*at].id);
        ready.into_iter().min_by_key(order)
    }

    /// What is due is ready, or departs.
    pub(super) fn wake(&mut self, out: &mut Vec<Effect<u64>>) {
        let forwards = self.config.due == WhenDue::Forward;
        while !(forwards && self.holds_back()) {
            let due = |message: &Message| match message.place {
                Place::Delayed { until } if until <= self.now => Some((until, message.id)),
                _ => None,
            };
            let due = self.messages.iter().enumerate().filter_map(|(at, m)| Some((due(m)?, at)));
            let Some((_, at)) = due.min() else { return };
            if forwards {
                self.give_up(Reason::Due, at, out);
            } else {
                self.messages[at].place = Place::Ready;
            }
        }
    }

    pub(super) fn delay(&self, count: u32, attempt: Attempt) -> Option<u64> {
        let retry = self.config.delayed_retry?;
        let times = if count == 0 { 1 } else { u64::from(count) };
        let delay = u64::from(retry.max).min(u64::from(retry.min) * times);
        (delay > 0 && retry.only.unwrap_or(attempt) == attempt).then_some(delay)
    }

    pub(super) fn configure(&mut self, config: QueueConfig) {
        let mine = self.config;
        self.config = config;
        (self.config.log, self.config.paging) = (mine.log, mine.paging);
        (self.config.auto_delete, self.config.single_active) =
            (mine.auto_delete, mine.single_active);
        (self.config.max_priority, self.config.due) = (mine.max_priority, mine.due);
    }

    pub(super) fn holds_back(&self) -> bool {
        match self.config.dead_letter {
            DeadLetter::AtLeastOnce { departing_max } => {
                self.counts().departing >= departing_max as usize
            }
            _ => false,
        }
    }

    /// Nobody takes anything more: what expires at this moment is given up.
    pub(super) fn idle(&mut self, mut out: Vec<Effect<u64>>) -> Vec<Effect<u64>> {
        self.expire(self.now + 1, &mut out);
        self.drop_surplus(&mut out);
        out
    }

    pub(super) fn give_up(&mut self, reason: Reason, at: usize, out: &mut Vec<Effect<u64>>) {
        if self.config.dead_letter == DeadLetter::Drop && reason != Reason::Due {
            return self.drop_message(at, out);
        }
        let message = &mut self.messages[at];
        message.place = Place::Departing;
        let Message { id, payload, delivery_count, .. } = *message;
        out.push(Effect::DeadLetter { id: MessageId(id), payload, reason, delivery_count });
    }
}
