//! A virtual host of a test's own with something of everything in it, and a user of whom it is known what
//! it may do there.

use std::env;
use std::sync::OnceLock;

use serde_json::json;

use crate::support::methods::{confirm, exchange, queue};
use crate::support::{Answer, Broker, Http, Login, RawClient, Table, id, on_oracle, unique};

/// A permission.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Right {
    Configure,
    Write,
    Read,
}

/// A permission on something: what kind it is, and its name as permissions know it.
pub(super) type Need = (Right, &'static str, &'static str);

/// What an operation takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Needs {
    /// Each of these.
    All(&'static [Need]),
    /// Any permission on this one.
    Any(&'static str, &'static str),
}

/// The three patterns of a user, in the order of [`RIGHTS`].
type Patterns = [String; 3];

const RIGHTS: [Right; 3] = [Right::Configure, Right::Write, Right::Read];

const PASSWORD: &str = "secret";

/// See the module: the queue `q` bound to the exchange `x` with the key `k`, and `y` likewise; `q-with-dead`
/// dead-letters to `dead`, `x-with-alt` has the alternate `alt`; `t` is a topic exchange.
pub(super) struct Place {
    pub(super) vhost: String,
    pub(super) user: String,
    login: Login,
    http: Http,
}

impl Right {
    /// As a refusal names it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Configure => "configure",
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

impl Needs {
    /// As `docs/permissions.md` names them.
    pub(super) fn in_words(self) -> String {
        match self {
            Self::All([]) => "–".to_owned(),
            Self::All(needs) => {
                let words = needs
                    .iter()
                    .map(|(right, kind, name)| format!("{} on {kind} `{name}`", right.word()));
                words.collect::<Vec<_>>().join(", ")
            }
            Self::Any(kind, name) => format!("any on {kind} `{name}`"),
        }
    }

    /// The rights of users who have enough and nothing else.
    pub(super) fn enough(self) -> Vec<Patterns> {
        match self {
            Self::All(needs) => vec![exactly(needs)],
            Self::Any(kind, name) => {
                RIGHTS.iter().map(|right| exactly(&[(*right, kind, name)])).collect()
            }
        }
    }

    /// The rights of users who have everything else and not enough, with what they are told they lack.
    pub(super) fn too_little(self) -> Vec<(Patterns, Need)> {
        match self {
            Self::All(needs) => needs.iter().map(|need| (all_but(need), *need)).collect(),
            // RabbitMQ 3.10 lets everybody ask.
            Self::Any(..) if on_oracle() => Vec::new(),
            Self::Any(kind, name) => {
                let none = [(); 3].map(|()| other_than(name));
                vec![(none, (Right::Configure, kind, name))]
            }
        }
    }
}

fn place_of(right: Right) -> usize {
    RIGHTS.iter().position(|other| *other == right).expect("all are listed")
}

/// These permissions and no others.
fn exactly(needs: &[Need]) -> Patterns {
    RIGHTS.map(|right| {
        let names = needs.iter().filter(|need| need.0 == right).map(|need| escaped(need.2));
        let names: Vec<String> = names.collect();
        if names.is_empty() { String::new() } else { format!("^({})$", names.join("|")) }
    })
}

/// Every permission but this one.
fn all_but(need: &Need) -> Patterns {
    let mut patterns = [(); 3].map(|()| ".*".to_owned());
    patterns[place_of(need.0)] = other_than(need.2);
    patterns
}

fn other_than(name: &str) -> String {
    format!("^(?!{}$).*", escaped(name))
}

fn escaped(name: &str) -> String {
    name.replace('.', "\\.")
}

/// How a refusal begins: RabbitMQ 3.10 does not say which right is missing.
pub(super) fn access(right: &str) -> String {
    if on_oracle() { "access".to_owned() } else { format!("{right} access") }
}

/// The broker of all these tests.
pub(super) fn broker() -> &'static Broker {
    static OWN: OnceLock<Broker> = OnceLock::new();
    if on_oracle() {
        return Broker::shared();
    }
    OWN.get_or_init(|| Broker::start(&[]))
}

/// Its management API as nobody.
pub(super) fn nobody() -> Http {
    match env::var("AMQP_ORACLE_MANAGEMENT_PORT") {
        Ok(port) => {
            let port: u16 = port.parse().expect("AMQP_ORACLE_MANAGEMENT_PORT is a port");
            Http::new(([127, 0, 0, 1], port).into())
        }
        Err(_) => Http::new(broker().management()),
    }
}

/// As an administrator.
pub(super) fn administrator() -> Http {
    nobody().login("guest", "guest")
}

#[track_caller]
pub(super) fn expect_made(answer: &Answer) {
    let body = String::from_utf8_lossy(&answer.body);
    assert!([201, 204].contains(&answer.status), "{} {body}", answer.status);
}

/// A new user with these tags.
pub(super) fn user_with(tags: &str) -> (String, Http) {
    let name = unique("user");
    let body = json!({ "password": PASSWORD, "tags": tags });
    expect_made(&administrator().put(&format!("/api/users/{name}"), &body));
    let http = nobody().login(&name, PASSWORD);
    (name, http)
}

/// How such a user logs in.
pub(super) fn login_of(user: &str, vhost: &str) -> Login {
    Login::guest().user(user, PASSWORD).vhost(vhost)
}

/// Channel 1, which confirms.
pub(super) fn open_channel(client: &mut RawClient) {
    client.open_channel(1);
    client.call(1, &confirm::select(), id::CONFIRM_SELECT_OK);
}

impl Place {
    /// With a user of these tags who has these permissions.
    pub(super) fn new(patterns: &Patterns, tags: &str) -> Self {
        let vhost = unique("rights");
        let admin = administrator();
        expect_made(&admin.put(&format!("/api/vhosts/{vhost}"), &json!({})));
        let (user, http) = user_with(tags);
        let everything = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        expect_made(&admin.put(&format!("/api/permissions/{vhost}/guest"), &everything));
        let login = login_of(&user, &vhost);
        let place = Self { vhost, user, login, http };
        place.furnish();
        place.permit(patterns);
        place
    }

    /// With a user who may do everything here.
    pub(super) fn open() -> Self {
        Self::new(&[(); 3].map(|()| ".*".to_owned()), "")
    }

    fn furnish(&self) {
        let guest = Login::guest().vhost(self.vhost.as_str());
        let mut client = RawClient::login(broker(), &guest);
        client.open_channel(1);
        let to = |argument, name| Table::new().text(argument, name);
        for (name, kind) in
            [("x", "direct"), ("y", "fanout"), ("dead", "fanout"), ("alt", "fanout")]
        {
            client.call(1, &exchange::declare(name, kind), id::EXCHANGE_DECLARE_OK);
        }
        client.call(1, &exchange::declare("t", "topic"), id::EXCHANGE_DECLARE_OK);
        let with_alternate =
            exchange::declare("x-with-alt", "direct").arguments(to("alternate-exchange", "alt"));
        client.call(1, &with_alternate, id::EXCHANGE_DECLARE_OK);
        let internal = exchange::declare("inside", "direct").with(exchange::INTERNAL);
        client.call(1, &internal, id::EXCHANGE_DECLARE_OK);
        client.declare(1, &queue::declare("q"));
        let with_dead =
            queue::declare("q-with-dead").arguments(to("x-dead-letter-exchange", "dead"));
        client.declare(1, &with_dead);
        client.call(1, &queue::bind("q", "x", "k"), id::QUEUE_BIND_OK);
        client.call(1, &exchange::bind("y", "x", "k"), id::EXCHANGE_BIND_OK);
        client.close();
    }

    /// Gives the user these permissions in the place of those it has.
    pub(super) fn permit(&self, [configure, write, read]: &Patterns) {
        let path = format!("/api/permissions/{}/{}", self.vhost, self.user);
        let body = json!({ "configure": configure, "write": write, "read": read });
        expect_made(&administrator().put(&path, &body));
    }

    /// Says which keys of the exchange `t` the user may use.
    pub(super) fn permit_topics(&self, write: &str, read: &str) {
        let path = format!("/api/topic-permissions/{}/{}", self.vhost, self.user);
        let body = json!({ "exchange": "t", "write": write, "read": read });
        expect_made(&administrator().put(&path, &body));
    }

    /// The same as another user.
    pub(super) fn seen_by(&self, user: String, http: Http) -> Self {
        let (vhost, login) = (self.vhost.clone(), login_of(&user, &self.vhost));
        Self { vhost, user, login, http }
    }

    /// A connection of the user with channel 1 open, which confirms.
    pub(super) fn connect(&self) -> RawClient {
        let mut client = RawClient::login(broker(), &self.login);
        open_channel(&mut client);
        client
    }

    /// The management API as the user.
    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// What the user is told when it lacks this.
    pub(super) fn lacks(&self, (right, kind, name): &Need) -> String {
        let access = access(right.word());
        let (vhost, user) = (&self.vhost, &self.user);
        format!("{access} to {kind} '{name}' in vhost '{vhost}' refused for user '{user}'")
    }
}
