//! The machine's side of paging, and how a queue begins again after a restart. The contract stands in
//! [`super::paging`].

use std::collections::BTreeMap;

use crate::base::{MessageId, Millis};

use super::entry::Entry;
use super::ready::Ready;
use super::releases::Leaving;
use super::{Command, Effect, Effects, Machine, Paged, QueueConfig, Residence, Span, WhenDue};

impl<P: Clone> Machine<P> {
    /// A queue as it was before a restart. `next` is the id of the next message to come, higher than
    /// any that was ever given; `away` is what is ready, all of it in the driver's index. How often its
    /// messages were handed out comes with them when they are paged in.
    #[must_use]
    pub fn recover(config: QueueConfig, next: MessageId, away: Option<Span>) -> Self {
        if let Some(Span { first, last, messages, appended, .. }) = away {
            assert!(config.paging.is_some(), "what is away comes back by paging");
            assert!(first <= last && 0 < messages && messages <= last.0 - first.0 + 1);
            assert!(appended <= messages, "a message is appended once");
        }
        let mut machine = Self::new(config);
        machine.ready = Ready::recover(&machine.config, next, away);
        machine.disk_bytes = machine.ready.bytes();
        // What is away may expire, and a queue that passes on what does looks for it.
        machine.may_expire = away.is_some() && machine.has_dead_letters();
        machine
    }

    /// Shows the driver its handles of the messages in a run of ids (both ends included) that are
    /// in RAM, whatever place they are in, in no particular order. It may change or replace each, and says where
    /// the bytes of the message are now.
    ///
    /// A step of its own, because it is no part of the queue's history: nothing that the machine does
    /// depends on a handle, and a replicated queue has others on every node; on where the bytes are
    /// depends only how long a message that needs no ack is held (Q3). Costs nothing for what is not
    /// there; in the ready list no search at all.
    pub fn exchange(
        &mut self,
        first: MessageId,
        last: MessageId,
        mut each: impl FnMut(MessageId, &mut P) -> Residence,
    ) {
        assert!(first <= last, "a run of ids has its ends in order");
        let Self { ready, unsettled, departing, delayed, disk_bytes, .. } = self;
        let mut each = |id, entry: &mut Entry<P>| {
            *disk_bytes -= entry.facts.disk_bytes();
            entry.facts.set_residence(each(id, &mut entry.payload));
            *disk_bytes += entry.facts.disk_bytes();
        };
        ready.visit(first, last, &mut each);
        unsettled.visit(first, last, &mut each);
        departing.visit(first, last, &mut each);
        delayed.visit(first, last, &mut each);
    }

    /// The bytes of messages whose handle keeps them in RAM: ready, unsettled, delayed, or on their
    /// way out; and the places of a queue that pages nothing out. What is away is not counted.
    #[must_use]
    pub fn ram_bytes(&self) -> u64 {
        let handed = self.unsettled_bytes() + self.departing_bytes();
        let all = self.ready_bytes() + self.delayed_bytes() + handed;
        all - self.disk_bytes + self.ready.place_bytes() + self.delayed.place_bytes()
    }

    /// Whether messages are away. What comes now may go away before anybody takes it, so the driver
    /// must have it appended ([`super::Incoming::persistent`]) if its index knows only what was.
    #[must_use]
    pub fn is_paged(&self) -> bool {
        self.ready.is_paged()
    }

    /// Whether commands wait for a page: what is put in now gets its id later.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.deferred.is_empty()
    }

    /// The id that the next message gets that is taken.
    #[must_use]
    pub fn next_id(&self) -> MessageId {
        self.ready.next_id()
    }

    /// Whether a command cannot be done before more is paged in (Q10), or before what has expired is
    /// given up.
    pub(super) fn must_wait(&self, now: Millis, command: &Command<P>) -> bool {
        matches!(command, Command::Get { .. })
            && (!self.ready.has_first() && !self.ready.is_empty()
                || !self.plain && self.head_expired(now) && !self.holds_back())
    }

    /// Keeps a command until more is paged in.
    pub(super) fn defer(&mut self, command: Command<P>, effects: &mut Effects<P>) {
        self.deferred.push_back(command);
        self.page_in(effects);
    }

    /// What was asked for came: what waits behind it is done now.
    pub(super) fn paged_in(
        &mut self,
        now: Millis,
        from: MessageId,
        mut messages: Vec<Paged<P>>,
        more: bool,
        effects: &mut Effects<P>,
    ) {
        if self.ready.is_levelled() {
            let max = self.config.max_priority.unwrap_or(0);
            for message in &mut messages {
                message.priority = message.priority.min(max);
            }
        }
        if messages.iter().any(|message| message.expires.is_some()) {
            (self.may_expire, self.plain) = (true, false);
        }
        let mut later: BTreeMap<MessageId, Millis> = BTreeMap::new();
        if self.config.due != WhenDue::Ignored {
            later.extend(messages.iter().filter_map(|message| Some((message.id, message.due?))));
        }
        if let Some(back) = self.ready.take_back(from, messages, more, &mut self.expiries) {
            self.disk_bytes = self.disk_bytes - back.away_before.1 + back.away_after.1;
            self.disk_bytes += back.disk_bytes;
            let mut leaving = Leaving::new();
            for (id, facts) in back.damaged {
                leaving.let_go(&mut self.waiting, id, facts, effects);
            }
            self.finish(leaving, effects);
            if back.lost > 0 {
                effects.push(Effect::Lost { messages: back.lost });
            }
        }
        if self.ready.is_levelled() {
            for (id, entry) in self.ready.sort_in(|id| !later.contains_key(&id)) {
                self.delayed.insert(later[&id], id, entry);
            }
            self.page_in(effects);
            self.wake(now, effects);
        }
        self.resume(now, effects);
    }

    /// Does what waits, as far as it need not wait any longer.
    pub(super) fn resume(&mut self, now: Millis, effects: &mut Effects<P>) {
        while let Some(command) = self.deferred.pop_front() {
            if !self.plain {
                self.expire(now, effects);
            }
            if self.must_wait(now, &command) {
                self.deferred.push_front(command);
                return self.page_in(effects);
            }
            self.take(now, command, effects);
        }
    }

    /// Sends away what the list has too much of in RAM.
    pub(super) fn page_out(&mut self, effects: &mut Effects<P>) {
        let Some(paging) = self.config.paging else { return };
        let (appended, persisted) = (self.appended_up_to, self.persisted_up_to);
        let safe = |last: MessageId| last <= persisted || appended <= persisted;
        while let Some((span, messages)) = self.ready.page_out(paging, &mut self.expiries, safe) {
            let in_ram = messages.iter().filter(|message| message.residence == Residence::Ram);
            self.disk_bytes += in_ram.map(|message| message.bytes).sum::<u64>();
            debug_assert!(self.waiting.first().is_none_or(|id| span.last < id), "Q10");
            effects.push(Effect::PageOut { messages });
        }
    }

    /// Somebody takes messages: asks for more of the head, when it comes to its end.
    pub(super) fn page_in(&mut self, effects: &mut Effects<P>) {
        let Some(paging) = self.config.paging else { return };
        if let Some((away, count)) = self.ready.page_in(paging) {
            effects.push(Effect::PageIn { from: away.first, count, up_to: away.last });
        }
    }
}
