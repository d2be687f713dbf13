//! Class exchange (spec: 1.5): all questions for the broker.

use crate::base::ExchangeName;
use crate::wire::{ExchangeBind, ExchangeDeclare, Method, MethodId};

use super::names::exchange_name;
use crate::protocol::action::Request;
use crate::protocol::channel::Channel;
use crate::protocol::turn::{Then, Turn};

impl Channel {
    pub(in crate::protocol) fn exchange_declare(
        &self,
        mut declare: ExchangeDeclare,
        turn: &mut Turn<'_>,
    ) {
        declare.exchange = exchange_name(declare.exchange);
        let then = Then::reply(declare.nowait, Method::ExchangeDeclareOk);
        let request = Request::ExchangeDeclare(declare);
        self.ask(MethodId::EXCHANGE_DECLARE, request, then, turn);
    }

    pub(in crate::protocol) fn exchange_delete(
        &self,
        exchange: ExchangeName,
        if_unused: bool,
        nowait: bool,
        turn: &mut Turn<'_>,
    ) {
        let exchange = exchange_name(exchange);
        let then = Then::reply(nowait, Method::ExchangeDeleteOk);
        let request = Request::ExchangeDelete { exchange, if_unused };
        self.ask(MethodId::EXCHANGE_DELETE, request, then, turn);
    }

    pub(in crate::protocol) fn exchange_bind(&self, bind: ExchangeBind, turn: &mut Turn<'_>) {
        let then = Then::reply(bind.nowait, Method::ExchangeBindOk);
        let request = Request::ExchangeBind(named(bind));
        self.ask(MethodId::EXCHANGE_BIND, request, then, turn);
    }

    pub(in crate::protocol) fn exchange_unbind(&self, unbind: ExchangeBind, turn: &mut Turn<'_>) {
        let then = Then::reply(unbind.nowait, Method::ExchangeUnbindOk);
        let request = Request::ExchangeUnbind(named(unbind));
        self.ask(MethodId::EXCHANGE_UNBIND, request, then, turn);
    }
}

fn named(mut bind: ExchangeBind) -> ExchangeBind {
    bind.destination = exchange_name(bind.destination);
    bind.source = exchange_name(bind.source);
    bind
}
