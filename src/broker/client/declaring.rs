//! What a client declares, binds, empties and deletes.

use std::sync::Arc;

use super::Client;
use crate::base::{ExchangeName, HolderId, QueueName};
use crate::broker::notices::Actor;
use crate::broker::questions::Question;
use crate::broker::{
    Answered, Binding, DeclareExchange, DeclareQueue, DeclaredQueue, Refused, Step,
};
use crate::queue::{Command, DeleteCondition};

impl Client {
    /// `queue.declare`.
    ///
    /// # Errors
    /// See [`Vhost::queue_declare`].
    pub fn queue_declare(
        &mut self,
        holder: HolderId,
        declare: DeclareQueue,
    ) -> Result<Step, Refused> {
        if let Some(declared) = self.vhost.declare_direct_reply(&declare.queue) {
            return declared.map(Step::Answered);
        }
        let mut keeper = self.keeper();
        match self.vhost.queue_declare(&self.peer, &declare, &mut keeper)? {
            DeclaredQueue::New(cell) => {
                let queue = cell.info().name.clone();
                if cell.info().exclusive.is_some() {
                    self.exclusive.push(cell);
                    if self.exclusive_sweep.is_due(self.exclusive.len()) {
                        self.exclusive.retain(|cell| !cell.is_deleted());
                        self.exclusive_sweep.done(self.exclusive.len());
                    }
                }
                let answered = Answered::Declared { queue, messages: 0, consumers: 0 };
                Ok(self.answer_when_kept(holder, &keeper, answered))
            }
            DeclaredQueue::Existed(cell) => {
                let question = Question::Declare(Box::new(declare), Arc::clone(&cell));
                self.ask(holder, &cell, question, |request| Command::Inspect { request });
                Ok(Step::Waiting)
            }
        }
    }

    /// `exchange.declare`.
    ///
    /// # Errors
    /// 403, 404, 406.
    pub fn exchange_declare(
        &mut self,
        holder: HolderId,
        declare: DeclareExchange,
    ) -> Result<Step, Refused> {
        let mut keeper = self.keeper();
        self.vhost.exchange_declare(&self.peer, declare, &mut keeper)?;
        Ok(self.answer_when_kept(holder, &keeper, Answered::Done))
    }

    /// `exchange.delete`. A missing exchange is no error.
    ///
    /// # Errors
    /// 403, 406.
    pub fn exchange_delete(
        &mut self,
        holder: HolderId,
        name: &ExchangeName,
        if_unused: bool,
    ) -> Result<Step, Refused> {
        let mut keeper = self.keeper();
        self.vhost.exchange_delete(&self.peer, name, if_unused, &mut keeper)?;
        Ok(self.answer_when_kept(holder, &keeper, Answered::Done))
    }

    /// `queue.bind` and `exchange.bind`.
    ///
    /// # Errors
    /// 403, 404, 405, 406.
    pub fn bind(&mut self, holder: HolderId, binding: &Binding) -> Result<Step, Refused> {
        let mut keeper = self.keeper();
        let replay = self.vhost.bind(&self.peer, binding, &mut keeper)?;
        self.publisher.replay(replay);
        Ok(self.answer_when_kept(holder, &keeper, Answered::Done))
    }

    /// `queue.unbind` and `exchange.unbind`. A missing binding, queue or exchange is no error.
    ///
    /// # Errors
    /// 403, 405.
    pub fn unbind(&mut self, holder: HolderId, binding: &Binding) -> Result<Step, Refused> {
        let mut keeper = self.keeper();
        self.vhost.unbind(&self.peer, binding, &mut keeper)?;
        Ok(self.answer_when_kept(holder, &keeper, Answered::Done))
    }

    /// `queue.purge`.
    ///
    /// # Errors
    /// 403, 404, 405.
    pub fn queue_purge(&mut self, holder: HolderId, queue: &QueueName) -> Result<Step, Refused> {
        let cell = self.vhost.queue_to_read(&self.peer, queue)?;
        let question = Question::Purge(Arc::clone(&cell));
        self.ask(holder, &cell, question, |request| Command::Purge { request });
        Ok(Step::Waiting)
    }

    /// `queue.delete`.
    ///
    /// # Errors
    /// 403, 405.
    pub fn queue_delete(
        &mut self,
        holder: HolderId,
        queue: &QueueName,
        if_unused: bool,
        if_empty: bool,
    ) -> Result<Step, Refused> {
        let Some(cell) = self.vhost.queue_to_delete(&self.peer, queue)? else {
            return Ok(Step::Answered(Answered::Messages(0)));
        };
        if self.vhost.common.notices.wants_events() {
            let by = Actor::peer(&self.peer);
            self.vhost.common.notices.deleters.asked(cell.info().id, by);
        }
        let condition = DeleteCondition { if_unused, if_empty };
        let question = Question::Delete(Arc::clone(&cell));
        self.ask(holder, &cell, question, |request| Command::Delete {
            condition,
            request: Some(request),
        });
        Ok(Step::Waiting)
    }
}
