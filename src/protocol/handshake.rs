//! From the protocol header to `connection.open-ok` (spec: 2.2.4 The Connection Class).
//!
//! ```text
//! ExpectHeader --header / start--> ExpectStartOk --start-ok / Ask--> ExpectAuthentication
//!                                                                          | right / tune
//!       Open <--done / open-ok-- ExpectVhost <--open / Ask-- ExpectOpen <--+-- ExpectTuneOk
//!                                                                       tune-ok
//! ```
//!
//! Who is not logged in gets no frame for a mistake, but a pause and the end of the socket: it keeps
//! password guessing slow. [`super::closing`] decides that from the step.

use crate::base::limits::FRAME_MAX_MIN;
use crate::base::{FieldTable, FieldValue};
use crate::wire::{Method, MethodId, ProtocolHeader};

use super::action::{Action, Answer, Credentials, Request};
use super::closing::CONNECTION;
use super::connection::{Connection, State};
use super::error::{Failure, ProtocolError};
use super::info::{Initiator, Negotiated};
use super::sasl::{Login, Mechanism};
use super::turn::Then;

/// What is due next; see the module's diagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::enum_variant_names, reason = "a state that waits is named for what it expects")]
pub(super) enum Handshake {
    ExpectHeader,
    ExpectStartOk,
    ExpectAuthentication,
    ExpectTuneOk,
    ExpectOpen,
    ExpectVhost,
}

impl Handshake {
    /// RabbitMQ's word for the state.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ExpectHeader | Self::ExpectStartOk => "starting",
            Self::ExpectAuthentication => "securing",
            Self::ExpectTuneOk => "tuning",
            Self::ExpectOpen | Self::ExpectVhost => "opening",
        }
    }
}

/// What the client says of itself.
#[derive(Debug, Default)]
pub(super) struct Client {
    properties: FieldTable,
}

impl Client {
    pub(super) fn properties(&self) -> &FieldTable {
        &self.properties
    }

    /// Whether it wants to be told why its login failed.
    pub(super) fn takes_login_refusal(&self) -> bool {
        self.can(b"authentication_failure_close")
    }

    /// Whether it takes `basic.cancel`.
    pub(super) fn takes_cancel(&self) -> bool {
        self.can(b"consumer_cancel_notify")
    }

    /// Whether it takes `connection.blocked`.
    pub(super) fn takes_blocked(&self) -> bool {
        self.can(b"connection.blocked")
    }

    fn can(&self, capability: &[u8]) -> bool {
        let Some(FieldValue::Table(capabilities)) = self.properties.get(b"capabilities") else {
            return false;
        };
        capabilities.get(capability) == Some(&FieldValue::Boolean(true))
    }
}

/// What a client sends in `connection.start-ok`.
struct StartOk {
    client_properties: FieldTable,
    mechanism: Mechanism,
    login: Login,
}

impl Connection {
    pub(super) fn recv_protocol_header(
        &mut self,
        header: ProtocolHeader,
        actions: &mut Vec<Action>,
    ) {
        match header {
            ProtocolHeader::Amqp091 => {
                self.connection_start();
                self.step(Handshake::ExpectStartOk);
            }
            ProtocolHeader::Other(octets) => {
                self.output.protocol_header();
                actions.push(Action::Log(wrong_header(octets)));
                self.disconnect(Initiator::Server, 0, actions);
            }
        }
    }

    fn connection_start(&mut self) {
        let offered: Vec<&str> = self.settings.offered().map(Mechanism::name).collect();
        let start = Method::ConnectionStart {
            version_major: 0,
            version_minor: 9,
            server_properties: self.settings.server_properties.clone(),
            mechanisms: offered.join(" ").into(),
            locales: bytes::Bytes::from_static(b"en_US"),
        };
        self.output.method(CONNECTION, &start);
    }

    /// A method before the connection is open.
    pub(super) fn recv_handshake_method(
        &mut self,
        method: Method,
        actions: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        let id = method.id();
        let State::Handshake { step, .. } = self.state else { return Ok(()) };
        match (step, method) {
            (
                Handshake::ExpectStartOk,
                Method::ConnectionStartOk { client_properties, mechanism, response, .. },
            ) => {
                // The client may be told of a refusal only when its properties are known.
                let mechanism = Mechanism::chosen(&mechanism, &self.settings);
                let mechanism = mechanism.map_err(|error| error.of(id))?;
                let login =
                    mechanism.login(&response, &self.settings).map_err(|error| error.of(id))?;
                let start_ok = StartOk { client_properties, mechanism, login };
                self.connection_start_ok(start_ok, actions);
                Ok(())
            }
            (
                Handshake::ExpectTuneOk,
                Method::ConnectionTuneOk { channel_max, frame_max, heartbeat_s },
            ) => self.connection_tune_ok(Negotiated { frame_max, channel_max, heartbeat_s }),
            (Handshake::ExpectOpen, Method::ConnectionOpen { vhost }) => {
                self.step(Handshake::ExpectVhost);
                self.ask(id, Request::OpenVhost(vhost.clone()), Then::OpenOk(vhost), actions);
                Ok(())
            }
            (step, _) => Err(ProtocolError::UnexpectedMethod { state: step.name() }.of(id)),
        }
    }

    fn connection_start_ok(&mut self, start_ok: StartOk, actions: &mut Vec<Action>) {
        let StartOk { client_properties, mechanism, login } = start_ok;
        self.client = Client { properties: client_properties.clone() };
        let credentials = Credentials {
            mechanism,
            user: login.user,
            password: login.password,
            client_properties,
        };
        self.step(Handshake::ExpectAuthentication);
        // A refused login blames no method.
        self.ask(MethodId::default(), Request::Authenticate(credentials), Then::Tune, actions);
    }

    /// spec: connection.tune-ok; the texts are RabbitMQ's, which blames its own `tune`.
    fn connection_tune_ok(&mut self, wanted: Negotiated) -> Result<(), Failure> {
        let frame_max = ("frame_max", wanted.frame_max);
        let channel_max = ("channel_max", u32::from(wanted.channel_max));
        check_tuned(frame_max, FRAME_MAX_MIN, self.settings.frame_max)
            .and_then(|()| check_tuned(channel_max, 1, u32::from(self.settings.channel_max)))
            .map_err(|error| error.of(MethodId::CONNECTION_TUNE))?;
        self.negotiated = Some(wanted);
        self.heartbeat.start(wanted.heartbeat_s, self.now);
        self.step(Handshake::ExpectOpen);
        Ok(())
    }

    /// An answer to a question of channel 0.
    pub(super) fn recv_connection_answer(
        &mut self,
        then: Then,
        answer: Answer,
    ) -> Result<(), ProtocolError> {
        match (then, answer) {
            (Then::Tune, Answer::Authenticated) => {
                self.connection_tune();
                self.step(Handshake::ExpectTuneOk);
            }
            (Then::Tune, Answer::LoginRefused(text)) => {
                return Err(ProtocolError::LoginRefused { text });
            }
            (Then::OpenOk(vhost), Answer::Done) => {
                self.vhost = Some(vhost);
                self.state = State::Open;
                let frame_max = self.negotiated.map_or(0, |negotiated| negotiated.frame_max);
                self.decoder.set_frame_max(frame_max);
                self.output.method(CONNECTION, &Method::ConnectionOpenOk);
            }
            (Then::Reply(Some(ok)), Answer::Done) => self.output.method(CONNECTION, &ok),
            (Then::Reply(None), Answer::Done) => {}
            _ => return Err(ProtocolError::Internal),
        }
        Ok(())
    }

    fn connection_tune(&mut self) {
        let tune = Method::ConnectionTune {
            channel_max: self.settings.channel_max,
            frame_max: self.settings.frame_max,
            heartbeat_s: self.settings.heartbeat_s,
        };
        self.output.method(CONNECTION, &tune);
    }

    fn step(&mut self, next: Handshake) {
        if let State::Handshake { step, .. } = &mut self.state {
            *step = next;
        }
    }
}

/// A value of `tune-ok` against the smallest there is and the largest the server allows. 0 stands for
/// "no limit", on both sides.
fn check_tuned(
    (field, value): (&'static str, u32),
    min: u32,
    max: u32,
) -> Result<(), ProtocolError> {
    if value != 0 && value < min {
        return Err(ProtocolError::TuneTooLow { field, value, min });
    }
    if max != 0 && (value == 0 || value > max) {
        return Err(ProtocolError::TuneTooHigh { field, value, max });
    }
    Ok(())
}

/// The log line for a peer that speaks something else.
fn wrong_header(octets: [u8; 8]) -> String {
    match octets {
        [b'G', b'E', b'T', b' ', ..] => {
            "HTTP GET request detected on AMQP port: the client connects to the wrong port"
        }
        [0x16, 0x03, ..] => {
            "TLS client detected on non-TLS AMQP port: the client connects to the wrong port"
        }
        [b'P', b'R', b'O', b'X', b'Y', b' ', ..]
        | [b'\r', b'\n', b'\r', b'\n', 0, b'\r', b'\n', b'Q'] => {
            "PROXY protocol header detected on a listener without proxy_protocol = true"
        }
        [b'A', b'M', b'Q', b'P', ..] => {
            return format!("AMQP version {:?} is not supported", &octets[4..]);
        }
        _ => return format!("client did not start with AMQP protocol header: {octets:?}"),
    }
    .to_owned()
}
