//! What is asked of somebody outside the broker for this connection: who its user is, whether a new secret is good, and,
//! where a judge says it, what the user may do.
//!
//! The conversation never waits in place. The question runs as a task of its own, at most one for a connection; its answer
//! comes as an event. A method or a publish that needs a judge's answer is *parked*: nothing more is read, and what the
//! client asked for behind it stays in order, while deliveries, confirms and heartbeats go on. Then it is tried again from
//! its beginning; checks come before changes everywhere in the broker, so nothing happens twice (A3). A connection that
//! ends takes its question back; a client that goes while something is parked is noticed with the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use super::Conversation;
use crate::base::limits::ASKED_ROUNDS_MAX;
use crate::base::{ChannelId, HolderId, Millis, ReplyCode};
use crate::broker::{Event, Identity, Login, LoginAttempt, Refused};
use crate::net::{answers, login};
use crate::protocol::{Action, Answer, Ask, Credentials, Mechanism, Publish, Refusal, Secret};
use crate::wire::MethodId;

/// See the module.
#[derive(Default)]
pub(super) struct Outside {
    asking: Option<Asking>,
    /// The login that is asked about, for those who hear of logins.
    attempt: Option<LoginAttempt>,
    parked: Option<Parked>,
    /// How often what is parked was tried.
    rounds: usize,
    /// What the client asked for behind it.
    later: Vec<Action>,
}

/// What waits for a judge.
pub(super) enum Parked {
    Ask(Ask),
    Publish(Publish),
}

/// A question on its way.
struct Asking {
    purpose: Purpose,
    told: oneshot::Receiver<Told>,
    task: AbortHandle,
}

/// Who waits for it.
#[derive(Clone, Copy)]
enum Purpose {
    Login(ChannelId, HolderId, Mechanism),
    Secret(ChannelId, HolderId),
    Judge,
}

enum Told {
    Login(Result<Identity, String>),
    Secret(Result<Identity, Refused>),
    Judge,
}

type Telling = Pin<Box<dyn Future<Output = Told> + Send>>;

impl Outside {
    /// Whether something waits for a judge.
    pub(super) fn is_parked(&self) -> bool {
        self.parked.is_some()
    }

    /// Keeps what the client asked for behind what is parked.
    pub(super) fn keep(&mut self, action: Action) {
        self.later.push(action);
    }

    /// The connection is over.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Conversation {
    /// Asks who this is; the answer when it is there at once.
    pub(super) fn authenticate(
        &mut self,
        (channel, holder): (ChannelId, HolderId),
        credentials: &Credentials,
    ) -> Option<Answer> {
        self.outside.attempt = Some(self.login(credentials));
        let shown = login::shown(credentials, &self.caller);
        let broker = Arc::clone(&self.broker);
        let telling = async move { Told::Login(login::log_in(broker, shown).await) };
        let mechanism = credentials.mechanism;
        let purpose = Purpose::Login(channel, holder, mechanism);
        if self.broker.asks_outside() {
            self.start(purpose, Box::pin(telling));
            return None;
        }
        // Most logins are no task.
        match self.start_here(purpose, Box::pin(telling)) {
            Some(Told::Login(result)) => Some(self.logged_in(mechanism, result)),
            _ => None,
        }
    }

    /// `connection.update-secret`: the answer when nobody is asked.
    pub(super) fn update_secret(
        &mut self,
        (channel, holder): (ChannelId, HolderId),
        secret: &Secret,
    ) -> Option<Answer> {
        // A backend whose users have no secret that ends takes any, as RabbitMQ's do.
        let Some(identity) = self.identity.clone().filter(|own| own.expires_s.is_some()) else {
            return Some(Answer::Done);
        };
        let login = Login {
            user: identity.name.as_str().as_bytes().to_vec(),
            password: Some(secret.0.to_vec()),
            peer: self.caller.address.ip(),
        };
        let broker = Arc::clone(&self.broker);
        let telling = async move { Told::Secret(broker.renew(&identity, login).await) };
        self.start(Purpose::Secret(channel, holder), Box::pin(telling));
        None
    }

    /// Whether something was refused because a judge's answer is missing. Then it is to be parked.
    pub(super) fn is_undecided(&self) -> bool {
        let asked = self.identity.as_ref().and_then(|identity| identity.rights.asked());
        asked.is_some_and(|asked| asked.has_open()) && self.outside.rounds < ASKED_ROUNDS_MAX
    }

    /// Whether a judge says what the user may do.
    pub(super) fn is_judged(&self) -> bool {
        self.identity.as_ref().is_some_and(|identity| identity.rights.asked().is_some())
    }

    /// Waits for a judge.
    pub(super) fn park(&mut self, parked: Parked) {
        let asked = self.identity.as_ref().and_then(|identity| identity.rights.asked());
        let Some(asked) = asked.map(Arc::clone) else { return };
        self.outside.parked = Some(parked);
        self.outside.rounds += 1;
        let telling = async move {
            asked.settle().await;
            Told::Judge
        };
        self.start(Purpose::Judge, Box::pin(telling));
    }

    /// Runs a question of which the broker knows the answer itself, unless it is to be held back; then it goes on as a
    /// task.
    fn start_here(&mut self, purpose: Purpose, mut telling: Telling) -> Option<Told> {
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(told) = telling.as_mut().poll(&mut context) {
            return Some(told);
        }
        self.start(purpose, telling);
        None
    }

    /// Runs a question.
    fn start(&mut self, purpose: Purpose, telling: Telling) {
        let inbox = Arc::clone(&self.inbox);
        let (tell, told) = oneshot::channel();
        let task = tokio::spawn(async move {
            // Nobody is there any more when the connection is over.
            let _ = tell.send(telling.await);
            inbox.push([Event::AnsweredOutside]);
        });
        self.outside.asking = Some(Asking { purpose, told, task: task.abort_handle() });
    }

    /// A question may be answered.
    pub(super) fn answered_outside(&mut self, now: Millis, more: &mut Vec<Action>) {
        let Some(mut asking) = self.outside.asking.take() else { return };
        let told = match asking.told.try_recv() {
            Ok(told) => told,
            Err(oneshot::error::TryRecvError::Empty) => {
                self.outside.asking = Some(asking);
                return;
            }
            // The task broke an invariant of its own. Nobody is let in by that, and nothing is allowed.
            Err(oneshot::error::TryRecvError::Closed) => match asking.purpose {
                Purpose::Login(..) => Told::Login(Err("the question broke off".to_owned())),
                Purpose::Secret(..) => Told::Secret(Err(Refused {
                    code: ReplyCode::NotAllowed,
                    text: "Secret update failed".to_owned(),
                })),
                Purpose::Judge => {
                    self.outside.rounds = ASKED_ROUNDS_MAX;
                    Told::Judge
                }
            },
        };
        match (asking.purpose, told) {
            (Purpose::Login(channel, holder, mechanism), Told::Login(result)) => {
                let answer = self.logged_in(mechanism, result);
                self.answer(now, channel, holder, answer, more);
            }
            (Purpose::Secret(channel, holder), Told::Secret(result)) => {
                let answer = self.renewed(result);
                self.answer(now, channel, holder, answer, more);
            }
            _ => self.go_on(now, more),
        }
    }

    /// Tries again what is parked.
    fn go_on(&mut self, now: Millis, more: &mut Vec<Action>) {
        match self.outside.parked.take() {
            Some(Parked::Ask(ask)) => self.ask(now, ask, more),
            Some(Parked::Publish(publish)) => self.publish(now, publish, more),
            None => {}
        }
        if self.outside.is_parked() {
            return;
        }
        self.outside.rounds = 0;
        if let Some(asked) = self.identity.as_ref().and_then(|identity| identity.rights.asked()) {
            asked.done();
        }
        more.append(&mut self.outside.later);
    }

    fn logged_in(&mut self, mechanism: Mechanism, result: Result<Identity, String>) -> Answer {
        if let Some(attempt) = self.outside.attempt.take() {
            self.broker.tell_login(|| attempt, result.as_ref().err().map(String::as_str));
        }
        match result {
            Ok(identity) => {
                self.take(identity);
                self.mechanism = Some(mechanism);
                Answer::Authenticated
            }
            Err(error) => {
                tracing::warn!(
                    connection = %self.id,
                    peer = %self.caller.address,
                    "{mechanism} login refused: {error}"
                );
                Answer::LoginRefused(format!(
                    "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
                ))
            }
        }
    }

    fn renewed(&mut self, result: Result<Identity, Refused>) -> Answer {
        match result {
            Ok(identity) => {
                tracing::info!(connection = %self.id, user = %identity.name, "secret updated");
                if let Some(client) = &mut self.client {
                    client.renew(identity.clone());
                }
                self.take(identity);
                Answer::Done
            }
            Err(refused) => {
                let failed = MethodId::CONNECTION_UPDATE_SECRET;
                Answer::Refused(answers::refusal(refused, failed))
            }
        }
    }

    fn take(&mut self, identity: Identity) {
        let clock = self.broker.clock();
        self.expires = identity.expires_s.map(|at_s| {
            let left_ms = at_s.saturating_mul(1000).saturating_sub(clock.unix_ms());
            (clock.real_now().after(left_ms), at_s)
        });
        self.identity = Some(identity);
    }

    /// Ends a connection whose secret is no longer good (A4).
    pub(super) fn expire(&mut self, now: Millis, actions: &mut Vec<Action>) {
        let Some((at, at_s)) = self.expires else { return };
        if now < at {
            return;
        }
        self.expires = None;
        let now_s = self.broker.clock().unix_seconds();
        let text =
            format!("Provided JWT token has expired at timestamp {at_s} (validated at {now_s})");
        let failed = MethodId::default();
        let refusal = Refusal { code: ReplyCode::AccessRefused, text, failed };
        self.connection.close(now, refusal, actions);
    }
}
