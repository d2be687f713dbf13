//! Who is asked about a login, in which order, and what a judge's answers come to (A2, A3).

use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::world::World;
use crate::access::{
    Action, Answer, Asked, Backend, BackendError, Grant, Identity, Judge, Known, Login, Question,
    ResourceKind, Rights, Scopes, Suspect, Token, Verdict,
};
use crate::base::limits::ASKED_ANSWERS_MAX;
use crate::base::{Clock, ManualClock, UserName, VhostName};
use crate::broker::{Authority, LoginBackend};

fn now<T>(what: impl Future<Output = T>) -> T {
    match pin!(what).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits"),
    }
}

fn name(text: &str) -> UserName {
    UserName::try_from(text).expect("short")
}

/// Knows one user with one password, counts how often it is asked, and may be out of order.
struct Fake {
    user: &'static str,
    password: &'static str,
    is_broken: bool,
    asked: AtomicUsize,
}

impl Fake {
    fn new(user: &'static str, password: &'static str) -> Arc<Self> {
        Arc::new(Self { user, password, is_broken: false, asked: AtomicUsize::new(0) })
    }
}

impl Backend for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Result<Known, BackendError>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let is_right = login.user == self.user.as_bytes()
            && login.password.as_deref() == Some(self.password.as_bytes());
        let result = if self.is_broken {
            Err(BackendError::Failed("out of order".to_owned()))
        } else if is_right {
            let scopes = Arc::new(Scopes::parse(["read:*/*"]));
            let grant = Grant::Token(Token { scopes, expires_s: 100 });
            Ok(Known { name: name(self.user), tags: vec!["own".to_owned()], grant })
        } else {
            Err(BackendError::Refused("not here".to_owned()))
        };
        Box::pin(async move { result })
    }
}

fn login(user: &str, password: &str) -> Login {
    let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
    Login { user: user.into(), password: Some(password.into()), peer }
}

fn backend(authentication: &Arc<Fake>) -> LoginBackend {
    let authentication = Authority::Outside(Arc::clone(authentication) as Arc<dyn Backend>);
    LoginBackend { authentication, authorisation: None }
}

const INTERNAL: LoginBackend =
    LoginBackend { authentication: Authority::Internal, authorisation: None };

fn log_in(world: &World, user: &str, password: &str) -> Result<Identity, String> {
    now(world.broker.log_in(login(user, password))).result.map_err(|error| error.to_string())
}

#[test]
fn the_first_backend_that_says_yes_lets_a_user_in_and_nobody_behind_it_is_asked() {
    let world = World::new();
    let (first, second) = (Fake::new("ann", "1"), Fake::new("ann", "2"));
    world.broker.set_login_backends(vec![backend(&first), INTERNAL, backend(&second)]);
    let asked = || [&first, &second].map(|fake| fake.asked.load(Ordering::SeqCst));
    assert_eq!(log_in(&world, "ann", "1").expect("first").backend, 0);
    assert_eq!(asked(), [1, 0]);
    let guest = log_in(&world, "guest", "guest").expect("the broker's own");
    assert!(matches!(guest.rights, Rights::OfUser) && guest.backend == 1);
    assert_eq!(log_in(&world, "ann", "2").expect("third").backend, 2);
    let refused = log_in(&world, "ann", "3").expect_err("nobody's password");
    let outside = "user 'ann' - refused by backend fake: not here";
    assert_eq!(refused, format!("{outside}; user 'ann' - invalid credentials; {outside}"));
}

#[test]
fn whoever_stands_beside_the_backend_says_what_the_user_may_do() {
    let world = World::new();
    let fake = Fake::new("guest", "token");
    let beside =
        |authorisation| LoginBackend { authorisation: Some(authorisation), ..backend(&fake) };
    world.broker.set_login_backends(vec![beside(Authority::Internal)]);
    let guest = log_in(&world, "guest", "token").expect("a user of the broker too");
    assert!(matches!(guest.rights, Rights::OfUser) && guest.has_tag("own"));
    assert_eq!(guest.expires_s, Some(100), "the token ends all the same");
    let world = World::new();
    let stranger = Fake::new("ann", "token");
    let only = LoginBackend { authorisation: Some(Authority::Internal), ..backend(&stranger) };
    world.broker.set_login_backends(vec![only]);
    let refused = log_in(&world, "ann", "token").expect_err("unknown to the broker");
    assert_eq!(refused, "user 'ann' - invalid credentials");
}

#[test]
fn a_user_who_is_known_elsewhere_is_kept_to_this_machine_by_its_name_as_well() {
    let world = World::new();
    world.broker.set_login_backends(vec![backend(&Fake::new("guest", "1"))]);
    assert!(log_in(&world, "guest", "1").is_ok());
    // The world restricts nobody: a broker of the program does, and says so here.
    let mut directory = crate::access::Directory::new();
    directory.restrict_to_loopback([name("guest")]);
    assert!(directory.check_loopback(&name("guest"), true).is_ok());
    let refused = directory.check_loopback(&name("guest"), false).expect_err("from elsewhere");
    assert_eq!(refused.to_string(), "user 'guest' can only connect via localhost");
}

#[test]
fn guessing_is_slowed_down_and_a_backend_that_is_out_of_order_slows_nobody() {
    let world = World::new();
    let pause = |user, password| now(world.broker.log_in(login(user, password))).pause_ms;
    assert_eq!(
        [pause("guest", "x"), pause("guest", "y"), pause("guest", "guest")],
        [100, 200, 200]
    );
    assert_eq!(pause("guest", "guest"), 0);
    let world = World::new();
    let broken =
        Arc::new(Fake { is_broken: true, ..Arc::into_inner(Fake::new("", "")).expect("one") });
    world.broker.set_login_backends(vec![backend(&broken)]);
    assert_eq!(now(world.broker.log_in(login("a", "b"))).pause_ms, 0);
    let world = World::new();
    world.broker.set_login_backends(vec![backend(&broken), INTERNAL]);
    let pause = now(world.broker.log_in(login("guest", "b"))).pause_ms;
    assert_eq!(pause, 100, "the password was looked at by the other");
}

/// Says yes to names that begin with `y`, for a second, and remembers what it was asked.
#[derive(Default)]
struct FakeJudge(Mutex<Vec<Question>>);

impl Judge for FakeJudge {
    fn judge<'a>(&'a self, _: &'a Suspect, question: &'a Question) -> Answer<'a, Verdict> {
        self.0.lock().expect("no panic").push(question.clone());
        let Question::Resource { name, .. } = question else { panic!("{question:?}") };
        let verdict =
            Verdict { is_allowed: name.starts_with('y'), is_sure: true, good_for_ms: 1_000 };
        Box::pin(async move { verdict })
    }
}

fn resource(name: &str) -> Question {
    let vhost = VhostName::try_from("/").expect("short");
    let (kind, name) = (ResourceKind::Queue, name.to_owned());
    Question::Resource { vhost, kind, name, action: Action::Read }
}

#[test]
fn an_answer_is_no_until_it_is_there_and_holds_as_long_as_it_says() {
    let (judge, clock) = (Arc::new(FakeJudge::default()), Arc::new(ManualClock::new()));
    let peer = IpAddr::from(Ipv4Addr::LOCALHOST);
    let suspect = Suspect { user: name("ann"), tags: Vec::new(), peer };
    let time = Arc::clone(&clock) as Arc<dyn Clock>;
    let asked = Asked::new(Arc::clone(&judge) as Arc<dyn Judge>, suspect, time);
    let count = || judge.0.lock().expect("no panic").len();
    assert_eq!((asked.look(resource("yes")), asked.has_open()), (None, true));
    assert_eq!(asked.look(resource("no")), None);
    now(asked.settle());
    assert_eq!(
        (asked.look(resource("yes")), asked.look(resource("no"))),
        (Some(true), Some(false))
    );
    clock.advance(5_000);
    assert_eq!(asked.look(resource("yes")), Some(true), "as long as the operation is under way");
    asked.done();
    assert_eq!(asked.look(resource("yes")), None, "it was good for a second");
    now(asked.settle());
    asked.done();
    clock.advance(999);
    assert_eq!((asked.look(resource("yes")), asked.has_open()), (Some(true), false));
    clock.advance(1);
    assert_eq!(asked.look(resource("yes")), None);
    assert_eq!(count(), 3);
    asked.done();
    let many = (0..2 * ASKED_ANSWERS_MAX).map(|n| resource(&format!("y{n}")));
    now(asked.ask(many));
    asked.done();
    let known = (0..2 * ASKED_ANSWERS_MAX)
        .filter(|n| asked.look(resource(&format!("y{n}"))).is_some())
        .count();
    assert_eq!(known, ASKED_ANSWERS_MAX);
}
